import { readFileSync } from 'node:fs';

import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import { logData } from '../src/model/log-data.ts';
import type { SessionModel } from '../src/model/session-model.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

const details = (page: Page): ReturnType<Page['getByRole']> => page.getByRole('complementary', { name: 'Details' });

/** The clipboard, which a headless browser lets nobody read. */
const KEEP_COPIED = `Object.defineProperty(navigator, 'clipboard', {
  value: { writeText: async (text) => void (document.body.dataset.copied = text) },
})`;
const NO_CLIPBOARD = `Object.defineProperty(navigator, 'clipboard', { value: undefined });
document.addEventListener('copy', () => (document.body.dataset.copied = String(getSelection())))`;

/** What was copied since the last call. */
async function copied(page: Page): Promise<string> {
  // Not waitForFunction: it evaluates text in the page, which the page's policy forbids.
  await page.locator('body[data-copied]').waitFor();
  const text = await page.evaluate('document.body.dataset.copied');
  await page.evaluate('delete document.body.dataset.copied');
  return String(text);
}

function failure({ model }: { readonly model: SessionModel }): void {
  model.add(
    logData({
      millis: 1_790_000_000_123,
      severityNumber: 17,
      severityText: 'ERROR',
      body: { what: 'refused', inner: { code: 409 } },
      attributes: {
        'session.id': 'abc',
        'exception.type': 'CarrierError',
        'exception.message': 'no redirect',
        'exception.stacktrace': 'CarrierError: no redirect\n    at redirect (carrier.ts:88:11)',
        payload: '{"parcel":{"id":88121}}',
        tags: ['slow', 'orders'],
        'http.request': { headers: { accept: 'text/html' } },
      },
      droppedAttributes: 2,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      origin: {
        resource: { 'service.name': 'shop' },
        scopeName: 'agent',
        scopeVersion: '2.4.1',
        scopeAttributes: { plan: 'gold' },
      },
    }),
    { source: model.addSource('here', 'otlp') },
  );
}

function answer({ model }: { readonly model: SessionModel }): void {
  const script = new SessionScript(model, 'abc').mark('stream_start');
  script.millis += 300;
  for (let at = 0; at < 20; at += 1) {
    script.millis -= 960;
    if (at === 10) script.millis += 2_000;
    script.chunk(`word${at} `);
  }
  script.mark('stream_end', { 'gen_ai.response.finish_reasons': ['stop'] });
}

describePage('the details', (open) => {
  it('of a log: its exception with the stack, attributes as a tree, ids, scope, resource and source', async () => {
    const { page, complaints } = await open({ prepare: failure, view: '#follow=s:abc' });
    await page.getByRole('button', { name: 'ERROR', exact: true }).click();
    const pane = details(page);
    await pane.getByText('at redirect (carrier.ts:88:11)').waitFor();
    await pane.getByText('CarrierError: no redirect').first().waitFor();
    for (const text of ['refused', 'slow, orders', 'shop', 'agent 2.4.1', 'gold', 'here', 'b7ad6b7169203331']) {
      await pane.getByText(text, { exact: true }).first().waitFor();
    }
    await pane.getByText('Dropped attributes: 2.').waitFor();
    // A text that is JSON is a tree too.
    await pane.getByText('88121', { exact: true }).waitFor();
    await pane.getByText('JSON text').click();
    await pane.getByText('88121', { exact: true }).waitFor({ state: 'detached' });
    expect(await pane.getByRole('link').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('lead to the trace, where the address of traces is known', async () => {
    const { page } = await open({
      prepare: failure,
      view: '#follow=s:abc',
      server: { traceLink: 'http://localhost:16686/trace/{traceId}' },
    });
    await page.getByRole('button', { name: 'ERROR', exact: true }).click();
    const link = details(page).getByRole('link');
    await link.waitFor();
    expect(await link.getAttribute('href')).toBe('http://localhost:16686/trace/0af7651916cd43dd8448eb211c80319c');
    expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
  });

  it('of an answer: its chunks in time, in words too, and one by one', async () => {
    const { page, complaints } = await open({ prepare: answer, view: '#follow=s:abc' });
    await page.getByRole('button', { name: 'Answer' }).click();
    const pane = details(page);
    await pane.getByRole('img', { name: 'Characters over time' }).waitFor();
    await pane.getByText(/^20 chunks with 130 characters came within .* The longest pauses: 2.0 s at/).waitFor();
    await pane.getByText('after 340 ms', { exact: true }).waitFor();
    await pane.getByText('Chunk 1 of 20, at 340 ms').waitFor();
    await pane.getByRole('button', { name: 'Next chunk' }).click();
    await pane.getByText('Chunk 2 of 20, at 380 ms, 40 ms after the previous one').waitFor();
    await pane.locator('.chunk', { hasText: 'word1 ' }).waitFor();
    await pane.getByRole('slider', { name: 'Chunk' }).focus();
    await page.keyboard.press('End');
    await pane.locator('.chunk', { hasText: 'word19 ' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('grow with an answer that is being written', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
      view: '#follow=s:abc',
    });
    await page.getByRole('button', { name: 'Answer' }).click();
    await details(page).getByText('not yet').waitFor();
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    new SessionScript(server.model, 'abc', { source }).chunk('two').mark('stream_end');
    await details(page).locator('.whole', { hasText: 'one two' }).waitFor();
    await details(page).getByText('not yet').waitFor({ state: 'detached' });
  });

  it('have all of a log from which the conversation leaves out the middle', async () => {
    const { page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('x'.repeat(100_000)),
      view: '#follow=s:abc',
    });
    await page.getByText('[34,464 characters are left out here]').waitFor();
    await page.getByRole('button', { name: 'info' }).click();
    await details(page).locator('.whole').waitFor();
    expect((await details(page).locator('.whole').textContent())?.length).toBe(100_000);
  });
});

describePage('copies', (open) => {
  it('of a session as Markdown, as JSON and as a test fixture, with blocks that the page does not show', async () => {
    const { page, complaints } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc').add({
          eventName: 'gen_ai.user.message',
          body: { content: 'Why?' },
        });
        for (let at = 0; at < 1_500; at += 1) script.log(`log ${at}`);
      },
      view: '#follow=s:abc&logType=chat',
    });
    await page.evaluate(KEEP_COPIED);
    const copy = async (name: string): Promise<string> => {
      await page.locator('.pane .menu summary').click();
      await page.getByRole('button', { name }).click();
      return copied(page);
    };
    const markdown = await copy('Copy as Markdown');
    expect(markdown).toContain('Why?');
    expect(markdown).toContain('`log 0`');
    expect(markdown).toContain('`log 1499`');
    const { session, blocks } = JSON.parse(await copy('Copy as JSON')) as { session: string; blocks: object[] };
    expect([session, blocks.length]).toEqual(['abc', 1_501]);
    expect(await copy('Copy as test fixture')).toContain(
      "import { recordSessionLogs } from 'otel-session-logs/testing';",
    );
    expect(complaints).toEqual([]);
  });

  it('of a block come by the old way where there is no clipboard, and by hand where that is refused too', async () => {
    const { page } = await open({ prepare: failure, view: '#follow=s:abc' });
    await page.evaluate(NO_CLIPBOARD);
    await page.getByRole('button', { name: 'ERROR', exact: true }).click();
    const menu = details(page).locator('.menu summary');
    await menu.click();
    await page.getByRole('button', { name: 'Copy as Markdown' }).click();
    await copied(page);
    await page.evaluate('void (document.execCommand = () => false)');
    await menu.click();
    await page.getByRole('button', { name: 'Copy as JSON' }).click();
    const text = page.getByRole('textbox', { name: 'Text to copy' });
    await text.waitFor();
    expect(JSON.parse(await text.inputValue())).toMatchObject({ block: { severityText: 'ERROR' } });
    expect(await text.evaluate((area) => Reflect.get(area, 'selectionEnd') as number)).toBeGreaterThan(100);
    await page.keyboard.press('Escape');
    await text.waitFor({ state: 'detached' });
  });

  it('are exported as lines of OTLP JSON', async () => {
    const { page } = await open({ prepare: answer, view: '#follow=s:abc' });
    await page.locator('.pane .menu summary').click();
    const waiting = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Export as OTLP JSON lines' }).click();
    const download = await waiting;
    expect(download.suggestedFilename()).toBe('abc.otlp.jsonl');
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^\{"resourceLogs":.*word19/);
  });
});
