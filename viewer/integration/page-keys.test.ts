import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

function chosen(page: Page): Promise<string> {
  return page.locator('.row.chosen .name').innerText();
}

describePage('the keys of the page', (open) => {
  it('go through the list, and bring the chosen session into sight', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        for (let at = 0; at < 300; at += 1) new SessionScript(model, `session-${at}`).log('a');
      },
      view: '#sort=oldest',
    });
    await page.locator('.row').first().waitFor();
    await page.keyboard.press('j');
    await expect.poll(() => chosen(page)).toBe('session-0');
    // Beyond the rows that are there at first, and faster than frames.
    await page.evaluate(`for (let at = 0; at < 150; at += 1) {
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
    }`);
    await expect.poll(() => chosen(page)).toBe('session-150');
    await page.keyboard.press('k');
    await expect.poll(() => chosen(page)).toBe('session-149');
    const [row, box] = await Promise.all([
      page.locator('.row.chosen').boundingBox(),
      page.locator('.rows').boundingBox(),
    ]);
    if (row === null || box === null) throw new Error('the row is not drawn');
    expect(row.y).toBeGreaterThanOrEqual(box.y);
    expect(row.y + row.height).toBeLessThanOrEqual(box.y + box.height);
  });

  it('lead to the search, are off while you type or hold a modifier, and are listed', async () => {
    const { page } = await open({ prepare: ({ model }) => void new SessionScript(model, 'jkp').log('a') });
    await page.locator('.row').first().waitFor();
    await page.keyboard.press('Control+p');
    await page.keyboard.press('/');
    await page.keyboard.type('jkp?');
    expect(await page.getByRole('searchbox').first().inputValue()).toBe('jkp?');
    expect(await page.getByText('Paused').count()).toBe(0);
    await page.getByRole('searchbox').first().blur();
    await page.keyboard.press('?');
    const dialog = page.getByRole('dialog', { name: 'Keys' });
    await dialog.getByText('Next session').waitFor();
    await page.keyboard.press('p');
    await page.keyboard.press('Escape');
    expect(await dialog.isVisible()).toBe(false);
    expect(await page.getByText('Paused').count()).toBe(0);
  });

  it('open the details of the newest block, and close them', async () => {
    const { page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('older').log('the last'),
      view: '#follow=s:abc',
    });
    await page.getByText('the last').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Details' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary', { name: 'Details' }).waitFor({ state: 'detached' });
  });
});
