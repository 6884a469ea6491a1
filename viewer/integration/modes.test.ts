import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import type { DevServer } from '../src/dev/dev-server.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

function prepare({ model }: DevServer): void {
  const script = new SessionScript(model, 'abc').add({ eventName: 'gen_ai.user.message', body: { content: 'Why?' } });
  for (let at = 0; at < 60; at += 1) script.mark('stream_start').chunk(`answer ${at}\n`.repeat(4)).mark('stream_end');
  new SessionScript(model, 'def').log('other');
}

/** What of the style of an element draws a line or a ground. */
function drawn(page: Page, selector: string, pseudo = ''): Promise<string> {
  return page.evaluate(`(() => {
    const { backgroundColor, borderLeft, outline } = getComputedStyle(document.querySelector('${selector}'), '${pseudo}');
    return [backgroundColor, borderLeft, outline].join();
  })()`);
}

/** Whether a line of text, by its number, begins at the left or the right of its box. */
function sideOf(page: Page, selector: string, line = 0): Promise<string> {
  return page.evaluate(`(() => {
    const element = document.querySelector('${selector}');
    const range = document.createRange();
    range.selectNodeContents(element);
    const box = element.getBoundingClientRect();
    const text = [...range.getClientRects()].filter(({ width }) => width > 0).at(${line});
    return text.left - box.left < box.right - text.right ? 'left' : 'right';
  })()`);
}

describePage('the page in the colours of the system', (open) => {
  it('tells what is chosen and pressed without grounds of its own', async () => {
    const { page } = await open({
      prepare,
      view: '#follow=s:abc&state=live&block=3',
      context: { forcedColors: 'active' },
    });
    await page.getByText('answer 59').first().waitFor();
    await page.locator('.block[aria-current="true"]').waitFor();
    for (const [chosen, other] of [
      ['.row.chosen .choose', '.row:not(.chosen) .choose'],
      ['.block[aria-current="true"]', '.block[aria-current="false"]'],
      ['.choices [aria-pressed="true"]', '.choices [aria-pressed="false"]'],
    ] as const) {
      expect(await drawn(page, chosen)).not.toBe(await drawn(page, other));
    }
    expect(await drawn(page, '.following', '::before')).not.toContain('rgb(255, 255, 255)');
  });
});

describePage('the page on paper', (open) => {
  it('has all blocks of the session that it shows, dark on light, and nothing that is pressed', async () => {
    const { page } = await open({ prepare, view: '#follow=s:abc', context: { colorScheme: 'dark' } });
    await page.getByText('answer 59').first().waitFor();
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByText('answer 0').first().isVisible()).toBe(true);
    const box = page.locator('.blocks');
    expect(await box.evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)).toBe(0);
    expect(await page.getByRole('button', { name: 'Replay' }).isVisible()).toBe(false);
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    );
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length).toBeGreaterThan(3);
  });
});

describePage('text from right to left', (open) => {
  it('begins at the right, in an answer, a log and a search, and each paragraph has its own direction', async () => {
    const { page } = await open({
      prepare: ({ model }) =>
        void new SessionScript(model, 'abc')
          .mark('stream_start')
          .chunk('مرحبا بالعالم.\nIn English.')
          .mark('stream_end')
          .log('خطأ في مرحبا'),
      view: '#follow=s:abc&text=مرحبا',
    });
    await page.locator('.hits .excerpt').waitFor();
    await page.getByText('In English.').first().waitFor();
    expect(await sideOf(page, '.block.answer .text > div')).toBe('right');
    expect(await sideOf(page, '.block.answer .text > div', -1)).toBe('left');
    expect(await sideOf(page, '.block.log .text > div')).toBe('right');
    expect(await sideOf(page, '.hits .excerpt')).toBe('right');
  });
});

describePage('a very low screen', (open) => {
  it('can have a conversation, and a list, that is as high as the room above the status', async () => {
    const { page } = await open({ prepare, view: '#follow=s:abc', context: { viewport: { width: 320, height: 256 } } });
    await page.getByText('answer 59').first().waitFor();
    expect((await page.locator('.blocks').boundingBox())?.height).toBeGreaterThan(150);
    await page.getByRole('button', { name: 'Sessions' }).click();
    expect((await page.locator('.rows').boundingBox())?.height).toBeGreaterThan(150);
  });
});
