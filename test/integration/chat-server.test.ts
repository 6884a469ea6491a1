import { existsSync, mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { answerTo } from '../../examples/chat-answers.ts';
import { createChatServer } from '../../examples/chat-server.ts';
import type { ChatServer } from '../../examples/chat-server.ts';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const isThere = existsSync(CHROMIUM);
const ARTIFACTS = fileURLToPath(new URL('../artifacts/', import.meta.url));
const QUESTION = 'Do I get a patent license?';
const ANSWER = answerTo(QUESTION);

/** What functions that run in the page may name. */
declare const document: {
  querySelector(selector: string): { readonly textContent: string } | null;
  querySelectorAll(selector: string): { readonly length: number };
  readonly documentElement: { readonly scrollWidth: number };
};
declare const innerWidth: number;
declare function getComputedStyle(element: object): { readonly fontWeight: string };

interface Rects {
  getClientRects(): { readonly length: number };
}

if (!isThere) console.warn(`chat page not tested: no Chromium at ${CHROMIUM} (set CHROMIUM_PATH)`);

describe.skipIf(!isThere)('the chat page in Chromium (skipped without a Chromium at CHROMIUM_PATH)', () => {
  let browser: Browser;
  let context: BrowserContext;
  let chat: ChatServer;
  let base: string;
  let complaints: string[];

  beforeAll(async () => {
    mkdirSync(ARTIFACTS, { recursive: true });
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  }, 60_000);

  afterAll(() => browser?.close());

  beforeEach(async () => {
    chat = createChatServer({ tokenMillis: 12 });
    await new Promise<void>((resolve) => chat.server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(chat.server.address() as AddressInfo).port}`;
    context = await browser.newContext({ viewport: { width: 1000, height: 760 } });
    complaints = [];
  });

  afterEach(async () => {
    await context.close();
    chat.server.closeAllConnections();
    await new Promise((resolve) => chat.server.close(resolve));
    await chat.sessions.shutdown();
    // Errors of the page's script, and what its content security policy refused.
    expect(complaints).toEqual([]);
  });

  async function open(url = base): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(url);
    await page.waitForSelector('[data-connection="live"]');
    return page;
  }

  const askIn = async (page: Page, question: string): Promise<void> => {
    await page.getByLabel('Your question').fill(question);
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
  };
  const answerIn = async (page: Page): Promise<string> =>
    (await page.locator('.answer .text').last().textContent()) ?? '';
  const showsMoreThan = (page: Page, length: number): Promise<unknown> =>
    page.waitForFunction(
      (length) => (document.querySelector('.answer .text')?.textContent.length ?? 0) > length,
      length,
    );
  const midAnswer = (page: Page): Promise<unknown> => showsMoreThan(page, 300);
  const completed = (page: Page): Promise<unknown> =>
    page.waitForFunction(() => document.querySelector('.answer') && !document.querySelector('[aria-busy]'));

  it('shows an answer token by token, survives a reload in mid-answer, and two tabs see the same stream', async () => {
    const page = await open();
    await page.screenshot({ path: `${ARTIFACTS}chat-empty.png` });
    await askIn(page, QUESTION);
    await midAnswer(page);
    const before = await answerIn(page);
    expect(ANSWER.startsWith(before)).toBe(true);
    expect(before.length).toBeLessThan(ANSWER.length);
    await page.screenshot({ path: `${ARTIFACTS}chat-mid-answer.png` });

    await page.reload();
    const second = await open(page.url());
    await showsMoreThan(page, before.length);
    const after = await answerIn(page);
    expect(after.length).toBeLessThan(ANSWER.length); // still in mid-answer
    expect(ANSWER.startsWith(after)).toBe(true);

    await Promise.all([completed(page), completed(second)]);
    expect(await answerIn(page)).toBe(ANSWER);
    expect(await answerIn(second)).toBe(ANSWER);
    expect(await page.locator('.answer').count()).toBe(1);
    expect(await page.locator('.user .text').textContent()).toBe(QUESTION);
    await page.screenshot({ path: `${ARTIFACTS}chat-complete.png` });
  });

  it('a dropped connection goes on where it was', async () => {
    const page = await open();
    await askIn(page, QUESTION);
    for (let i = 0; i < 3; i += 1) {
      await showsMoreThan(page, 60 + 120 * i);
      chat.server.closeAllConnections();
      await page.waitForSelector('[data-connection="live"]', { timeout: 10_000 });
    }
    await completed(page);
    expect(await answerIn(page)).toBe(ANSWER);
    // The browser says that connections were cut; nothing else went wrong.
    expect(complaints.splice(0).every((line) => line.includes('net::ERR'))).toBe(true);
  });

  it('a restart in mid-answer: the page says so, is not over, and the question can be asked again', async () => {
    const page = await open();
    const second = await open(page.url());
    await askIn(page, QUESTION);
    await midAnswer(page);
    const before = await answerIn(page);
    const { port } = chat.server.address() as AddressInfo;
    await chat.sessions.shutdown();
    await page.waitForSelector('[data-connection="connecting"]');
    chat.server.closeAllConnections();
    await new Promise((resolve) => chat.server.close(resolve));
    // What the old process was still writing is lost with it.
    chat = createChatServer({ tokenMillis: 4 });
    await new Promise<void>((resolve) => chat.server.listen(port, '127.0.0.1', resolve));
    for (const each of [page, second]) {
      await each.waitForSelector('[data-connection="live"]', { timeout: 30_000 });
      await each.waitForSelector('.note');
      expect(await each.locator('.note').textContent()).toContain('the server has restarted');
      expect(await each.locator('#connection').textContent()).toBe('Live');
      expect((await answerIn(each)).startsWith(before)).toBe(true);
    }
    await page.screenshot({ path: `${ARTIFACTS}chat-restarted.png` });
    const again = page.getByRole('button', { name: 'Ask again' });
    await again.click();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    expect(await again.isEnabled()).toBe(false);
    for (const each of [page, second]) {
      await each.waitForFunction(() => document.querySelectorAll('.answer').length === 2);
      await completed(each);
      expect(await answerIn(each)).toBe(ANSWER);
    }
    expect(await again.isEnabled()).toBe(true);
    expect(complaints.splice(0).every((line) => line.includes('net::ERR'))).toBe(true);
  });

  it('a page that loads late says that the beginning of the answer is no longer held', async () => {
    const page = await open();
    const id = page.url().split('/').at(-1) as string;
    const stream = { streamId: 'long' };
    await chat.sessions.logChunkToQueue('<start>', id, { kind: 'stream-start', ...stream });
    for (let i = 0; i < 30_000; i += 1) void chat.sessions.logChunkToQueue(`${i} `, id, { kind: 'text', ...stream });
    await chat.sessions.logChunkToQueue('</end>', id, { kind: 'stream-end', ...stream });
    await page.reload();
    await page.waitForSelector('.problem');
    await completed(page);
    expect(await page.locator('.problem').textContent()).toBe('20002 pieces before this are no longer held.');
    expect(await page.locator('.answer').count()).toBe(1);
    expect(await answerIn(page)).toMatch(/^\u2026 20001 20002 .* 29999 $/);
  });

  it('a tab that is closed on a silent session frees its reader', async () => {
    const page = await open();
    const second = await open(page.url());
    await expect.poll(() => chat.sessions.stats().readers, { timeout: 5000 }).toBe(2);
    await second.close();
    await expect.poll(() => chat.sessions.stats().readers, { timeout: 5000 }).toBe(1);
  });

  it('stop ends the answer in every tab, and the next question is answered', async () => {
    const page = await open();
    const second = await open(page.url());
    await askIn(page, QUESTION);
    await midAnswer(page);
    await second.getByRole('button', { name: 'Stop' }).click();
    await Promise.all([completed(page), completed(second)]);
    await expect.poll(() => page.locator('.note').textContent(), { timeout: 5000 }).toBe('Stopped.');
    expect(await answerIn(page)).toBe(await answerIn(second));
    await askIn(page, 'May I use the trademarks?');
    await page.waitForFunction(() => document.querySelectorAll('.answer').length === 2);
    await completed(page);
    expect(await answerIn(page)).toBe(answerTo('May I use the trademarks?'));
  });

  it('what is asked is shown as text, never as markup', async () => {
    const page = await open();
    const attack = '<img src=x onerror="document.title=\'owned\'"></script><script>document.title="owned"</script>';
    await askIn(page, attack);
    await completed(page);
    expect(await page.locator('.user .text').textContent()).toBe(attack);
    expect(await page.locator('#log img, #log script').count()).toBe(0);
    expect(await page.title()).toBe('Ask the licence');
  });

  async function onPhone(): Promise<Page> {
    await context.close();
    context = await browser.newContext({
      viewport: { width: 390, height: 760 },
      colorScheme: 'dark',
      reducedMotion: 'reduce',
      deviceScaleFactor: 2,
    });
    return open();
  }

  it('the heading of an answer is bold on all of its lines, and nothing else is', async () => {
    const page = await onPhone();
    const question = 'May I accept additional liability?';
    await askIn(page, question);
    await completed(page);
    const heading = page.locator('.answer .heading');
    const [first = ''] = answerTo(question).split('\n');
    expect(await heading.textContent()).toBe(first);
    expect(await answerIn(page)).toBe(answerTo(question));
    // On a line of its own for each of its boxes.
    expect(await heading.evaluate((element: Rects) => element.getClientRects().length)).toBeGreaterThan(1);
    const boldness = (element: object): string => getComputedStyle(element).fontWeight;
    expect(await heading.evaluate(boldness)).toBe('600');
    expect(await page.locator('.answer .text').evaluate(boldness)).toBe('400');
    await page.screenshot({ path: `${ARTIFACTS}chat-phone-heading.png` });
  });

  it.each([390, 1000])('speaks of a second tab only where the button for it is: %i px', async (width) => {
    const page = await open();
    await page.setViewportSize({ width, height: 760 });
    const isThere = await page.getByRole('link', { name: 'Open a second tab' }).isVisible();
    expect(isThere).toBe(width === 1000);
    const hint = page.locator('.hint');
    expect((await hint.innerText()).includes('second tab')).toBe(isThere);
    expect(await hint.innerText()).toMatch(/^Reload mid-answer.*: not a word is lost or repeated\.$/);
  });

  it('a page that is refused in mid-answer can connect again, and says nothing that cannot be done', async () => {
    const page = await onPhone();
    await askIn(page, QUESTION);
    await midAnswer(page);
    await page.route('**/events', (route) => route.fulfill({ status: 503 }));
    chat.server.closeAllConnections();
    await page.waitForSelector('[data-connection="lost"]', { timeout: 10_000 });
    expect(await page.locator('#connection').textContent()).toBe('Disconnected');
    expect(await page.getByRole('button', { name: 'Stop' }).isVisible()).toBe(true);
    expect(await page.getByRole('button', { name: /^Ask/ }).count()).toBe(0);
    await page.screenshot({ path: `${ARTIFACTS}chat-phone-disconnected.png` });
    await page.unroute('**/events');
    await page.getByRole('button', { name: 'Connect again' }).click();
    await page.waitForSelector('[data-connection="live"]');
    expect(await page.getByRole('button', { name: 'Connect again' }).isVisible()).toBe(false);
    await completed(page);
    expect(await answerIn(page)).toBe(ANSWER);
    expect(complaints.splice(0).every((line) => /net::ERR|status of 503/.test(line))).toBe(true);
  });

  it('is usable by keyboard, dark, and on a phone', async () => {
    const page = await onPhone();
    await page.keyboard.type('May I use the trademarks?');
    await page.keyboard.press('Enter');
    await completed(page);
    expect(await page.locator('#announcer').textContent()).toBe('Answer complete');
    const isWider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(isWider).toBe(false);
    await page.screenshot({ path: `${ARTIFACTS}chat-phone-dark.png` });
  });
});
