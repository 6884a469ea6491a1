import { expect, it } from 'vitest';

import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

const WORDS = Array.from({ length: 60_000 }, (_, at) => `word${at} `);

describePage('an answer of 600,000 characters', (open) => {
  it('is whole after a reload in the middle of it, and continues', async () => {
    const { server, page, complaints } = await open({ view: '#follow=s:abc' });
    const script = new SessionScript(server.model, 'abc').mark('stream_start');
    for (const word of WORDS) script.chunk(word);
    const text = page.locator('.block .text');
    const length = (): Promise<number | undefined> => text.evaluate(({ textContent }) => textContent?.length);
    await expect.poll(length).toBe(WORDS.join('').length);
    await page.reload();
    await text.waitFor();
    script.chunk('and on');
    await page.getByText('and on').waitFor();
    expect(await text.textContent()).toBe(`${WORDS.join('')}and on`);
    expect(complaints).toEqual([]);
  });

  it('is marked where a text in it is found, and copied whole', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc').mark('stream_start');
        for (const word of WORDS) script.chunk(word);
      },
      view: '#text=word44444',
      context: { permissions: ['clipboard-read', 'clipboard-write'] },
    });
    await page.getByRole('button', { name: /abc/ }).click();
    await expect
      .poll(() => page.evaluate(`[...(CSS.highlights.get('found') ?? [])].map(String)`))
      .toEqual(['word44444']);
    await page.locator('.pane summary', { hasText: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copy as Markdown' }).click();
    await page.locator('.pane').getByText('Copied').waitFor();
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(copied).toContain(WORDS.join(''));
  });
});
