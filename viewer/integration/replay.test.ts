import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import type { SessionModel } from '../src/model/session-model.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

/** Five words, a second apart, and a log between them. */
function fiveWords({ model }: { readonly model: SessionModel }): void {
  new SessionScript(model, 'abc')
    .mark('stream_start')
    .chunk('one ')
    .chunk('two ')
    .log('meanwhile', 13)
    .chunk('three ')
    .mark('stream_end');
}

const said = (page: Page): Promise<string | null> => page.locator('.block .text').first().textContent();
const slider = (page: Page): ReturnType<Page['getByRole']> =>
  page.getByRole('slider', { name: 'Position in the replay' });

describePage('a replay', (open) => {
  it('is where the address says, and shows what was there then', async () => {
    const { page, complaints } = await open({ prepare: fiveWords, view: '#follow=s:abc&replay=2500' });
    await slider(page).waitFor();
    expect(await said(page)).toBe('one two ');
    await page.getByText('writing').waitFor();
    expect(await slider(page).getAttribute('aria-valuetext')).toBe('0:02 of 0:05, 3 of 6 entries');
    await page.reload();
    await slider(page).waitFor();
    expect(await said(page)).toBe('one two ');
    await page.getByRole('button', { name: 'Back to live' }).click();
    await page.getByText('one two three').waitFor();
    expect(page.url()).not.toContain('replay');
    expect(complaints).toEqual([]);
  });

  it('goes from entry to entry by the arrow keys, and to both ends', async () => {
    const { page } = await open({ prepare: fiveWords, view: '#follow=s:abc&replay=0' });
    await slider(page).focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => said(page)).toBe('one ');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => said(page)).toBe('one two ');
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => said(page)).toBe('one ');
    await page.keyboard.press('End');
    await expect.poll(() => said(page)).toBe('one two three ');
    await expect.poll(() => page.getByText('writing').count()).toBe(0);
    await page.waitForURL(/replay=5000/);
    await page.keyboard.press('Home');
    await expect.poll(() => page.locator('.block .text').count()).toBe(0);
  });

  it('plays at a speed, can be stopped, and stops at its end', async () => {
    const { page } = await open({ prepare: fiveWords, view: '#follow=s:abc' });
    await page.getByRole('button', { name: 'Replay' }).click();
    await page.getByRole('button', { name: '16×' }).click();
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByText('one two three').waitFor();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await page.getByRole('button', { name: '1×', exact: true }).click();
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByText('one', { exact: true }).waitFor();
    await page.getByRole('group', { name: 'Replay' }).getByRole('button', { name: 'Pause' }).click();
    const stopped = await slider(page).inputValue();
    expect(Number(stopped)).toBeLessThan(5_000);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    expect(await slider(page).inputValue()).toBe(stopped);
  });

  it('is over when you go back to live while it plays, or choose a session beside it', async () => {
    const { page, complaints } = await open({
      prepare: (server) => {
        fiveWords(server);
        new SessionScript(server.model, 'beside').chunk('something else');
      },
      view: '#follow=s:abc&replay=0&pin=s:beside',
    });
    const pane = page.getByRole('region', { name: 'abc' });
    await pane.getByRole('button', { name: 'Play', exact: true }).click();
    await page.getByText('one', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Back to live' }).click();
    await page.getByText('one two three').waitFor();
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    expect(await slider(page).count()).toBe(0);
    expect(page.url()).not.toContain('replay');
    await pane.getByRole('button', { name: 'Replay' }).click();
    await slider(page).waitFor();
    await page.getByText('something else').click();
    await page.getByRole('complementary', { name: 'Details' }).getByText('something else').waitFor();
    expect(await slider(page).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('has details of the block as it was then', async () => {
    const { page, complaints } = await open({ prepare: fiveWords, view: '#follow=s:abc&replay=2500' });
    await slider(page).waitFor();
    await page.getByRole('button', { name: 'Answer' }).click();
    const details = page.getByRole('complementary', { name: 'Details' });
    await details.locator('pre.whole').getByText('one two', { exact: true }).waitFor();
    await details.getByText('not yet').waitFor();
    await slider(page).press('End');
    await details.locator('pre.whole').getByText('one two three', { exact: true }).waitFor();
    await page.getByText('meanwhile').click();
    await details.locator('pre.whole').getByText('meanwhile').waitFor();
    await slider(page).press('Home');
    await details.getByText('The replay has not reached this block.').waitFor();
    await page.getByRole('button', { name: 'Back to live' }).click();
    await details.locator('pre.whole').getByText('meanwhile').waitFor();
    expect(complaints).toEqual([]);
  });

  it('keeps the filters of the page, and opens the details of a block', async () => {
    const { page } = await open({ prepare: fiveWords, view: '#follow=s:abc&replay=5000&logType=chat' });
    await page.getByText('one two three').waitFor();
    expect(await page.getByText('meanwhile').count()).toBe(0);
    await page.getByRole('button', { name: 'Answer' }).click();
    await page.getByRole('complementary', { name: 'Details' }).getByText('Chunks over time').waitFor();
    expect(page.url()).toMatch(/replay=5000/);
  });
});
