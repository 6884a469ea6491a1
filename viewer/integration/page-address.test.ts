import { expect, it } from 'vitest';

import type { SessionModel } from '../src/model/session-model.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

function begin(model: SessionModel, ...ids: string[]): SessionScript[] {
  const source = model.addSource('test', 'otlp');
  return ids.map((id) => new SessionScript(model, id, { source }).mark('stream_start').chunk(`of ${id} `));
}

describePage('the address of the page', (open) => {
  it('shows the same sessions side by side, filters and block, also after a reload in the middle of an answer', async () => {
    const scripts: SessionScript[] = [];
    const { page, complaints } = await open({
      prepare: ({ model }) => void scripts.push(...begin(model, 'abc', 'def', 'ghi')),
      view: '#follow=s:def&pin=s:abc&search=e&sort=oldest&state=live',
    });
    const panes = page.locator('.pane');
    await panes.getByText('of def', { exact: true }).waitFor();
    await panes.getByText('of abc', { exact: true }).waitFor();
    expect(await panes.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual(['abc', 'def']);
    expect(await page.locator('.row .name').allInnerTexts()).toEqual(['def']);
    expect(await page.getByLabel('Order').inputValue()).toBe('oldest');
    const before = page.url();
    await page.reload();
    for (const script of scripts) script.chunk('and on');
    await panes.getByText('of def and on').waitFor();
    await panes.getByText('of abc and on').waitFor();
    expect(page.url()).toBe(before);
    expect(complaints).toEqual([]);
  });

  it('has up to four sessions side by side; each continues, and none starts over because of another', async () => {
    const scripts: SessionScript[] = [];
    const { page } = await open({
      prepare: ({ model }) => void scripts.push(...begin(model, 'a1', 'b2', 'c3', 'd4', 'e5')),
    });
    const streams: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/api/stream'))
        streams.push(new URL(request.url()).searchParams.getAll('anew').join());
    });
    const row = (id: string) => page.getByRole('listitem').filter({ hasText: id });
    for (const id of ['a1', 'b2', 'c3']) {
      await row(id).hover();
      await row(id).getByRole('button', { name: 'Pin' }).click();
      await page.locator('.pane').getByText(`of ${id}`, { exact: true }).waitFor();
    }
    await row('d4').locator('.choose').click();
    await page.locator('.pane').getByText('of d4', { exact: true }).waitFor();
    expect(await row('e5').getByRole('button', { name: 'Pin' }).isDisabled()).toBe(true);
    for (const script of scripts) script.chunk('and on');
    for (const id of ['a1', 'b2', 'c3', 'd4']) await page.locator('.pane').getByText(`of ${id} and on`).waitFor();
    expect(streams.filter((keys) => keys !== '')).toEqual(['s:a1', 's:b2', 's:c3', 's:d4']);
    expect(new URL(page.url()).hash).toBe('#follow=s:d4&pin=s:a1&pin=s:b2&pin=s:c3');
  });

  it('makes a choice a step in the history, but not typing', async () => {
    const { page } = await open({ prepare: ({ model }) => void begin(model, 'abc', 'def') });
    await page.locator('.row', { hasText: 'abc' }).locator('.choose').click();
    await page.locator('.row', { hasText: 'def' }).locator('.choose').click();
    await page.getByRole('searchbox').first().pressSequentially('ef');
    await expect.poll(() => new URL(page.url()).hash).toBe('#follow=s:def&search=ef');
    await page.goBack();
    await page.getByRole('heading', { name: 'abc' }).waitFor();
    await page.goForward();
    await page.getByRole('heading', { name: 'def' }).waitFor();
    expect(await page.getByRole('searchbox').first().inputValue()).toBe('ef');
    expect(await page.title()).toBe('def · Sessions');
  });

  it('shows one column at a time on a narrow screen, with a way back', async () => {
    const { page, complaints } = await open({
      prepare: ({ model }) => void begin(model, 'abc', 'def'),
      context: { viewport: { width: 390, height: 844 } },
    });
    await page.locator('.row', { hasText: 'abc' }).locator('.choose').click();
    await page.getByText('of abc', { exact: true }).waitFor();
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Sessions' }).click();
    await page.locator('.row', { hasText: 'def' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(complaints).toEqual([]);
  });

  it('leads to the beginning of a block that is higher than the screen', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc');
        for (let at = 0; at < 50; at += 1)
          script.mark('stream_start').chunk(`answer ${at}\n`).chunk('so it is\n'.repeat(100)).mark('stream_end');
      },
    });
    const block = server.model.find('abc')?.blocks[20];
    await page.goto(`${server.endpoint}/#follow=s:abc&block=${block?.id}`);
    await page.locator('.block[aria-current="true"]').getByText('answer 20').waitFor();
    const top = async (): Promise<number> =>
      ((await page.locator('.block[aria-current="true"] h3').boundingBox())?.y ?? -1) -
      ((await page.locator('.blocks').boundingBox())?.y ?? 0);
    await expect.poll(top).toBeGreaterThanOrEqual(0);
    expect(await top()).toBeLessThan(150);
  });
});
