import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import type { SessionModel } from '../src/model/session-model.ts';
import type { SourceState } from '../src/model/source.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

/** Continues a session. */
function more(model: SessionModel, id = 'abc'): SessionScript {
  return new SessionScript(model, id, { source: model.sources[0] as SourceState });
}

/** What the page has of a conversation, from top to bottom. */
function shown(page: Page): Promise<string[]> {
  return page.locator('.blocks :is(article, .divider)').evaluateAll((elements) =>
    elements.map((element) => {
      const said = [...element.querySelectorAll('.text')].map(({ textContent }) => textContent).join('|');
      return element.matches('.divider')
        ? `-- ${element.textContent}`
        : `${element.getAttribute('aria-label')}: ${said}`;
    }),
  );
}

/** How far the conversation is from its end. */
function below(page: Page): Promise<number> {
  return page.locator('.blocks').evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop);
}

/** Where a block stands in the window of the browser. */
async function topOf(page: Page, text: string): Promise<number> {
  const box = await page.getByText(text, { exact: true }).boundingBox();
  return Math.round(box?.y ?? Number.NaN);
}

describePage('a conversation', (open) => {
  it('has answers joined, messages and logs between them, and marks where they happened', async () => {
    const { server, page, complaints } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc')
          .add({ eventName: 'gen_ai.user.message', body: { content: 'Why?' } })
          .mark('stream_start')
          .chunk('Be')
          .log('looked up', 13)
          .chunk('cause')
          .mark('stream_end');
        model.find('abc')?.markDelivered(model.find('abc')?.entries.at(-1)?.seq ?? 0, script.millis);
        model.find('abc')?.addGap(3, 'evicted before the viewer came to them', script.millis);
        script.chunk('It ').chunk('is so');
        model.find('abc')?.addGap(-1, 'a frame of the spool is damaged', script.millis);
        script.chunk('and not otherwise');
      },
      view: '#follow=s:abc',
    });
    await page.getByText('It is so', { exact: true }).waitFor();
    expect(await shown(page)).toEqual([
      'User: Why?',
      'Answer: Because',
      'warn, log: looked up',
      '-- The collector has everything up to here',
      '-- 3 entries are missing here: evicted before the viewer came to them',
      'Answer: It is so',
      '-- An unknown number of entries is missing here: a frame of the spool is damaged',
      'Answer, continued: and not otherwise',
    ]);
    const session = server.model.find('abc');
    session?.markDelivered(server.model.cursor, 0);
    await page.getByText('The collector has everything').waitFor();
    session?.end(0);
    await page.getByText('The session ended here').waitFor();
    expect(complaints).toEqual([]);
  });

  it('says that an open answer is being written while its session is live', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => {
        // Its entries are years old, so the session has gone quiet.
        const arrival = { source: model.addSource('logs', 'directory'), isPast: true };
        new SessionScript(model, 'abc', arrival).mark('stream_start').chunk('Well');
      },
      view: '#follow=s:abc',
    });
    await page.getByText('Well', { exact: true }).waitFor();
    expect(await page.getByText('writing').count()).toBe(0);
    more(server.model).chunk(', so');
    await page.getByText('writing').waitFor();
  });

  it('folds reasoning and tool calls, which stay open while text arrives', async () => {
    const { server, page } = await open({
      prepare: ({ model }) =>
        void new SessionScript(model, 'abc').mark('stream_start').mark('reasoning_start').chunk('hm'),
      view: '#follow=s:abc',
    });
    const text = page.locator('.fold .text');
    await page.getByText('Reasoning', { exact: true }).waitFor();
    expect(await text.isVisible()).toBe(false);
    await page.getByText('Reasoning', { exact: true }).click();
    await text.waitFor();
    more(server.model).chunk(', so').mark('reasoning_stop').chunk('Well');
    await page.getByText('Well', { exact: true }).waitFor();
    expect(await text.textContent()).toBe('hm, so');
    expect(await text.isVisible()).toBe(true);
  });

  it('shows logs of a severity, or none, and the times since the session began; by its address too', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('fine', 9).chunk('Hi').log('slow', 13),
      view: '#follow=s:abc',
    });
    await page.getByText('slow').waitFor();
    await page.getByLabel('Minimum severity of logs').selectOption('from warning');
    await page.getByText('fine').waitFor({ state: 'detached' });
    expect(await shown(page)).toEqual(['Answer: Hi', 'warn, log: slow']);
    await page.getByRole('button', { name: 'Relative times' }).click();
    await page.getByText('+0:02.000').waitFor();
    await page.reload();
    await page.getByText('+0:02.000').waitFor();
    expect(await shown(page)).toEqual(['Answer: Hi', 'warn, log: slow']);
    await page.getByLabel('Logs', { exact: true }).uncheck();
    await page.getByText('slow').waitFor({ state: 'detached' });
    expect(page.url()).toContain('logType=chat');
    server.model.find('abc')?.addGap(3, '', 0);
    await page.goto(`${server.endpoint}/#follow=s:abc&logType=log&severity=21`);
    await page.getByText('3 entries are missing here').waitFor();
    await page.getByText('Nothing has come yet that matches the filters.').waitFor();
  });

  it('stays at the end while that is in sight, and goes there by a button when it is not', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc');
        for (let at = 0; at < 300; at += 1) script.log(`log ${at}`);
      },
      view: '#follow=s:abc',
    });
    await page.getByText('log 299', { exact: true }).waitFor();
    for (let at = 300; at < 320; at += 1) more(server.model).log(`log ${at}`);
    await page.getByText('log 319', { exact: true }).waitFor();
    expect(await below(page)).toBeLessThan(2);
    await page.locator('.blocks').hover();
    await page.mouse.wheel(0, -600);
    await page.getByRole('button', { name: 'Jump to newest' }).waitFor();
    const top = await topOf(page, 'log 300');
    for (let at = 320; at < 700; at += 1) more(server.model).log(`log ${at}`);
    await page.locator('.counts', { hasText: '700 entries' }).waitFor();
    expect(await topOf(page, 'log 300')).toBe(top);
    await page.getByRole('button', { name: 'Jump to newest' }).click();
    await page.getByText('log 699', { exact: true }).waitFor();
    expect(await below(page)).toBeLessThan(2);
  });

  it('is at the end when blocks of any height have come at once, as after a pause and in a replay', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('begun'),
      view: '#follow=s:abc',
    });
    await page.getByText('begun').waitFor();
    await page.keyboard.press('p');
    await page.getByText('Paused, 0 new').waitFor();
    const script = more(server.model);
    for (let at = 0; at < 20; at += 1) script.mark('stream_start').chunk(`line ${at}\n`.repeat(60)).mark('stream_end');
    await page.getByText('Paused, 60 new').waitFor();
    await page.keyboard.press('p');
    await page.getByText('line 19').waitFor();
    await expect.poll(() => below(page)).toBeLessThan(2);
    await page.getByRole('button', { name: 'Replay' }).click();
    await page.getByRole('slider', { name: 'Position in the replay' }).press('End');
    await page.getByText('line 19').waitFor();
    await expect.poll(() => below(page)).toBeLessThan(2);
  });

  it('leaves in sight what is unfolded at the end', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc');
        for (let at = 0; at < 60; at += 1) script.log(`log ${at}`);
        script
          .mark('stream_start')
          .mark('reasoning_start')
          .chunk('hm\n'.repeat(200))
          .mark('reasoning_stop')
          .chunk('So');
      },
      view: '#follow=s:abc',
    });
    const summary = page.locator('summary', { hasText: 'Reasoning' });
    await expect.poll(() => below(page)).toBeLessThan(2);
    const before = await summary.boundingBox();
    await summary.click();
    await page.getByRole('button', { name: 'Jump to newest' }).waitFor();
    more(server.model).chunk(' it is');
    await page.getByText('So it is', { exact: true }).waitFor();
    expect((await summary.boundingBox())?.y).toBe(before?.y);
  });

  it('has a window of a session of 100,000 blocks, loads older ones as you scroll up, and keeps the place', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc');
        for (let at = 0; at < 100_000; at += 1) script.log(`log ${at}`);
      },
      view: '#follow=s:abc',
    });
    await page.getByText('log 99999', { exact: true }).waitFor();
    const box = page.locator('.blocks');
    await box.hover();
    // Past the 500 that a stream begins with.
    for (let seen = 99_999; seen > 99_000;) {
      await page.mouse.wheel(0, -2_000);
      seen = await box.evaluate((blocks) => {
        const edge = blocks.getBoundingClientRect().top;
        const first = [...blocks.querySelectorAll('article')].find(
          (each) => each.getBoundingClientRect().bottom > edge,
        );
        return Number(first?.querySelector('.text')?.textContent?.slice('log '.length));
      });
    }
    expect(await page.locator('.blocks article').count()).toBeLessThan(300);
    // Nothing is left out, and nothing is there twice.
    const numbers = (await shown(page)).map((text) => Number(/log (\d+)/.exec(text)?.[1]));
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at));
  });

  it('leads to a block that is far up', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc');
        for (let at = 0; at < 5_000; at += 1) script.log(`log ${at}`);
      },
    });
    const block = server.model.find('abc')?.blocks[1_234];
    await page.goto(`${server.endpoint}/#follow=s:abc&block=${block?.id}`);
    const found = page.locator('.blocks').getByText('log 1234', { exact: true });
    await found.waitFor();
    await expect.poll(async () => (await found.boundingBox())?.y ?? -1).toBeGreaterThan(0);
    expect((await found.boundingBox())?.y).toBeLessThan(720);
    await page.getByRole('button', { name: 'Jump to newest' }).click();
    await page.getByText('log 4999', { exact: true }).waitFor();
  });

  it('appends to the text that is there: no element of a growing answer is made anew', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
      view: '#follow=s:abc',
    });
    await page.getByText('one', { exact: true }).waitFor();
    const node = await page.locator('.text').evaluateHandle((text) => text.firstChild?.firstChild);
    for (let at = 0; at < 50; at += 1) more(server.model).chunk(`${at} `);
    await page.locator('.text', { hasText: ' 49 ' }).waitFor();
    expect(await node.evaluate((text) => text?.textContent)).toMatch(/^one 0 1 .* 49 $/);
  });

  it('lays out only the end of a long answer, even if the text has no line ends', async () => {
    const long = 'so far, so good '.repeat(2_000);
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk(long),
      view: '#follow=s:abc',
    });
    await page.locator('.text', { hasText: 'so far' }).waitFor();
    const before = await page.locator('.text').evaluate((text) => text.clientHeight);
    more(server.model).chunk('and on');
    await page.locator('.text', { hasText: 'and on' }).waitFor();
    const text = page.locator('.text');
    expect(await text.textContent()).toBe(`${long}and on`);
    expect(await text.evaluate((element) => element.lastElementChild?.textContent.length ?? 0)).toBeLessThan(300);
    // It is split where the line is wrapped: nobody sees that.
    expect(await text.evaluate((element) => element.clientHeight)).toBe(before);
  });

  it('does not announce each token to a screen reader, and has headings for what is said', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        new SessionScript(model, 'abc')
          .add({ eventName: 'gen_ai.user.message', body: { content: 'Why?' } })
          .chunk('So');
      },
      view: '#follow=s:abc',
    });
    await page.getByRole('heading', { level: 3, name: 'Answer' }).waitFor();
    await page.getByRole('heading', { level: 3, name: 'User' }).waitFor();
    expect(await page.getByRole('log', { name: 'Conversation' }).getAttribute('aria-live')).toBe('off');
  });
});
