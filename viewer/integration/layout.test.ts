import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import type { DevServer } from '../src/dev/dev-server.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

const LONG = 'a-session-with-a-name-that-is-longer-than-any-column-'.repeat(4);
const IDS = ['one', 'two', 'three', LONG];
const VIEW = `#${IDS.map((id) => `pin=s:${id}`)
  .slice(0, 3)
  .join('&')}&follow=s:${LONG}`;

/** Sessions with large figures, a gap with a long reason and an answer with a long stream id. */
function prepare({ model }: DevServer): void {
  const source = model.addSource('test', 'otlp');
  for (const id of IDS) {
    const script = new SessionScript(model, id, { source });
    for (let at = 0; at < 12_345; at += 1) script.chunk('order ');
    script.log('failed', 17);
    model.find(id)?.addGap(123_456, 'the queue of the exporter was full for a very long time', script.millis);
    script.mark('stream_start', { 'session_logs.stream_id': LONG }).chunk('and on', LONG);
  }
}

/** Elements in the headers of panes, of blocks and of marks that reach out of their pane. */
const OUTSIDE = `[...document.querySelectorAll('.pane')].flatMap((pane) => {
  const box = pane.getBoundingClientRect();
  return [...pane.querySelectorAll('header *, .divider *, .replay *')].filter((each) => {
    const { left, right, width } = each.getBoundingClientRect();
    return width > 0 && each.closest('.items') === null && (left < box.left - 1 || right > box.right + 1);
  }).map((each) => each.outerHTML.slice(0, 80));
})`;

function widthsOf(page: Page, selector: string): Promise<number[]> {
  return page
    .locator(selector)
    .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().width).filter((width) => width > 0));
}

describePage('the layout', (open) => {
  it.each([320, 390, 702, 768, 862, 1_440, 2_560])('has nothing out of its place, %d pixels wide', async (width) => {
    const { page } = await open({ prepare, view: VIEW, context: { viewport: { width, height: 860 } } });
    const chosen = page.locator('.pane.chosen');
    await chosen.getByText('and on').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const bar = page.locator('.bar');
    expect(await bar.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBeLessThanOrEqual(0);
    expect(await page.evaluate(OUTSIDE)).toEqual([]);
    expect(Math.min(...(await widthsOf(page, '.pane')))).toBeGreaterThanOrEqual(Math.min(264, width));
    const box = await chosen.boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
    await chosen.getByRole('button', { name: 'Replay' }).click();
    await page.getByRole('slider').waitFor();
    expect(await page.evaluate(OUTSIDE)).toEqual([]);
  });

  it('has room for a name of any length in what a search found', async () => {
    const { page } = await open({ prepare, view: '#text=order' });
    await page.locator('.hits').getByText('12.3K places').first().waitFor();
    const hits = page.locator('.hits');
    expect(await hits.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
  });

  it('has room for the path of a source of any length beside its figures', async () => {
    const { server, page } = await open({ prepare, context: { viewport: { width: 390, height: 844 } } });
    server.model.addSource(`/var/log/${LONG}`, 'directory').records = 1_234_567;
    await page.getByRole('button', { name: '3 sources' }).click();
    const sources = page.getByRole('region', { name: 'Sources' });
    const [box, figure] = [await sources.boundingBox(), await sources.getByText('1,234,567 records').boundingBox()];
    expect((figure?.x ?? 0) + (figure?.width ?? 0)).toBeLessThan((box?.x ?? 0) + (box?.width ?? 0));
  });

  it('moves nothing beside what changes while tokens arrive', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
      view: '#follow=s:abc',
    });
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    const places = (): Promise<number[]> =>
      page
        .locator('.counts > span, .bar > *, .title > *, .tools > *, .row .second > *')
        .evaluateAll((all) => all.map((each) => each.getBoundingClientRect()).flatMap(({ left, top }) => [left, top]));
    await page.getByText('1 token', { exact: true }).first().waitFor();
    const before = await places();
    const script = new SessionScript(server.model, 'abc', { source });
    for (let at = 0; at < 12_000; at += 1) script.chunk('x ');
    await page.locator('.counts').getByText('12,001 tokens').waitFor();
    await page.getByText(/^\d,\d\d\d records a second$/).waitFor();
    expect(await places()).toEqual(before);
  });
});
