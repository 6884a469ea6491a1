import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

/** The element that has the focus: its name, or its class. */
function focused(page: Page): Promise<string> {
  return page.evaluate(
    `(({ tagName, className, textContent, ariaLabel }) => tagName + ' ' + (ariaLabel ?? (className || textContent)))(document.activeElement)`,
  );
}

describePage('the focus, for those who work with keys alone,', (open) => {
  it('goes into the details that a key opens, and back to their block', async () => {
    const { page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').chunk('one').mark('stream_end').log('bad', 17),
      view: '#follow=s:abc',
    });
    await page.getByText('bad').waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => focused(page)).toBe('ASIDE Details');
    await page.keyboard.press('Escape');
    await expect.poll(() => focused(page)).toBe('BUTTON level');
    await page.getByRole('button', { name: 'Answer' }).press('Enter');
    await expect.poll(() => focused(page)).toBe('ASIDE Details');
    await page.getByRole('button', { name: 'Close details' }).press('Enter');
    await expect.poll(() => focused(page)).toBe('BUTTON Answer');
    // Who points at a block goes on from there.
    await page.locator('.block.log').click();
    await page.getByRole('complementary', { name: 'Details' }).getByText('error (17)').waitFor();
    expect(await focused(page)).not.toBe('ASIDE Details');
  });

  it('stays near what is gone: a replay, a pause, a session', async () => {
    const { page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').chunk('one'),
      view: '#follow=s:abc',
    });
    await page.getByRole('button', { name: 'Replay' }).press('Enter');
    await expect.poll(() => focused(page)).toBe('BUTTON play');
    await page.getByRole('button', { name: 'Back to live' }).press('Enter');
    await expect.poll(() => focused(page)).toBe('DIV Conversation');
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'Resume' }).press('Enter');
    await expect.poll(() => focused(page)).toBe('BUTTON plain');
    await page.getByRole('button', { name: 'Close session' }).press('Enter');
    await expect.poll(() => focused(page)).toBe('BUTTON choose');
  });

  it('stays on its row when sessions push that out of sight', async () => {
    const { server, page } = await open({ prepare: ({ model }) => void new SessionScript(model, 'abc').log('a') });
    await page.locator('.row .choose').focus();
    for (let at = 0; at < 60; at += 1) new SessionScript(server.model, `other-${at}`).log('a');
    await page.getByRole('navigation').getByText('61', { exact: true }).waitFor();
    expect(await page.evaluate('document.activeElement.title')).toBe('abc');
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => page.evaluate('document.activeElement.title')).toBe('other-0');
  });
});
