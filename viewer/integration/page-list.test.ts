import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

import { logData } from '../src/model/log-data.ts';
import type { SessionModel } from '../src/model/session-model.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

/** Names of the rows in sight, from top to bottom. */
async function names(page: Page): Promise<string[]> {
  const rows = await page.locator('.row').evaluateAll((all) =>
    all
      .map((row) => ({
        top: row.getBoundingClientRect().top,
        bottom: row.getBoundingClientRect().bottom,
        box: row.closest('.rows')?.getBoundingClientRect(),
        name: row.querySelector('.name')?.textContent ?? '',
      }))
      .filter(({ top, bottom, box }) => box !== undefined && bottom > box.top && top < box.bottom)
      .sort((a, b) => a.top - b.top),
  );
  return rows.map(({ name }) => name);
}

function begin(model: SessionModel, count: number, name = 'session'): void {
  const source = model.addSource('test', 'otlp');
  for (let at = 0; at < count; at += 1) new SessionScript(model, `${name}-${at}`, { source }).log('a');
}

describePage('the list of sessions', (open) => {
  it('shows the state, last activity, entries, tokens and errors of each session', async () => {
    const { server, page, complaints } = await open({
      prepare: ({ model }) => {
        new SessionScript(model, 'abc').mark('stream_start').chunk('one ').chunk('two').log('bad', 17);
      },
    });
    const row = page.getByRole('listitem').filter({ hasText: 'abc' });
    await row.waitFor();
    expect(await row.locator('.second').innerText()).toMatch(/live\s+4 entries\s+2 tokens\s+1 error/);
    // When it came, since the clock of an application may differ.
    const time = await row.locator('time').getAttribute('datetime');
    expect(Date.parse(time ?? '')).toBe(server.model.find('abc')?.activeMillis);
    expect(complaints).toEqual([]);
  });

  it('is filtered by state, kind and source, for later sessions too, and says how many of all match', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => {
        const [one, two] = ['one', 'two'].map((name) => model.addSource(name, 'otlp'));
        if (one === undefined || two === undefined) throw new Error('there is no source');
        new SessionScript(model, 'broken', { source: one }).log('bad', 17);
        new SessionScript(model, 'fine', { source: two }).log('good');
        const fallback = { name: 'node app.js', kind: 'output' } as const;
        new SessionScript(model, 'printed', { source: two }).log('a');
        model.add(logData({ body: 'a' }), { source: one, fallback });
      },
    });
    await expect.poll(() => names(page)).toEqual(['node app.js', 'printed', 'fine', 'broken']);
    await page.getByRole('button', { name: 'failed', exact: true }).click();
    await expect.poll(() => names(page)).toEqual(['broken']);
    await page.getByText('1 of 4').waitFor();
    new SessionScript(server.model, 'late-and-broken').log('bad', 17);
    new SessionScript(server.model, 'late-and-fine').log('good');
    await expect.poll(() => names(page)).toEqual(['late-and-broken', 'broken']);
    await page.getByRole('button', { name: 'failed', exact: true }).click();
    await page.getByLabel('Kind').selectOption('Program output');
    await expect.poll(() => names(page)).toEqual(['node app.js']);
    await page.getByLabel('Kind').selectOption('All kinds');
    await page.getByLabel('Source', { exact: true }).selectOption('two');
    await expect.poll(() => names(page)).toEqual(['printed', 'fine']);
  });

  it('says that no session matches, and shows all again', async () => {
    const { page } = await open({ prepare: ({ model }) => begin(model, 3), view: '#search=zzz&state=live' });
    await page.getByText('None of the 3 sessions').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await expect.poll(() => names(page)).toEqual(['session-2', 'session-1', 'session-0']);
  });

  it('is in the chosen order', async () => {
    const { server, page } = await open({ prepare: ({ model }) => begin(model, 3) });
    await expect.poll(() => names(page)).toEqual(['session-2', 'session-1', 'session-0']);
    await page.getByLabel('Order').selectOption('Oldest');
    await expect.poll(() => names(page)).toEqual(['session-0', 'session-1', 'session-2']);
    await page.getByLabel('Order').selectOption('Last active');
    new SessionScript(server.model, 'session-1').log('again');
    await expect.poll(() => names(page).then(([first]) => first)).toBe('session-1');
  });

  it('draws only the rows in sight of 10,000 sessions, and gives each its place among all', async () => {
    const { page } = await open({ prepare: ({ model }) => begin(model, 10_000), view: '#sort=oldest' });
    await expect.poll(() => names(page).then(([first]) => first)).toBe('session-0');
    const rows = page.locator('.rows');
    await rows.evaluate((box) => (box.scrollTop = 5_000 * 56));
    await expect.poll(() => names(page).then(([first]) => first)).toBe('session-5000');
    const row = page.getByRole('listitem').filter({ hasText: 'session-5003' });
    expect(await row.getAttribute('aria-posinset')).toBe('5004');
    expect(await row.getAttribute('aria-setsize')).toBe('10000');
    await rows.evaluate((box) => (box.scrollTop = box.scrollHeight));
    await expect.poll(() => names(page).then((all) => all.at(-1))).toBe('session-9999');
    expect(await page.locator('.row').count()).toBeLessThan(60);
  });

  it('begins at its start in another order, with another filter, and after a search', async () => {
    const { page } = await open({ prepare: ({ model }) => begin(model, 2_000) });
    const box = page.locator('.rows');
    const scroll = async (): Promise<void> => {
      await box.evaluate((element) => (element.scrollTop = 56_000));
      await expect.poll(async () => (await names(page)).length).toBeGreaterThan(5);
      await expect.poll(async () => (await names(page))[0]).toMatch(/-(999|1000)$/);
    };
    await page.locator('.row').first().waitFor();
    await scroll();
    await page.getByLabel('Order').selectOption('oldest');
    await expect.poll(async () => (await names(page))[0]).toBe('session-0');
    await scroll();
    await page.getByLabel('Kind').selectOption('Sessions');
    await expect.poll(async () => (await names(page))[0]).toBe('session-0');
    await scroll();
    const text = page.getByRole('searchbox', { name: 'Search the text of sessions' });
    await text.fill('nowhere');
    await page.getByRole('navigation').getByText('No session has this text.').waitFor();
    await text.fill('');
    await expect.poll(async () => (await names(page))[0]).toBe('session-0');
  });

  it('leaves the rows in sight in their places when sessions come above them', async () => {
    const { server, page } = await open({ prepare: ({ model }) => begin(model, 200) });
    await expect.poll(() => names(page).then(([first]) => first)).toBe('session-199');
    await page.locator('.rows').evaluate((box) => (box.scrollTop = 50 * 56));
    await expect.poll(() => names(page).then(([first]) => first)).toBe('session-149');
    begin(server.model, 7, 'late');
    await expect.poll(() => page.locator('.matching').innerText()).toBe('207');
    expect((await names(page))[0]).toBe('session-149');
    await page.getByRole('button', { name: '7 new' }).click();
    await expect.poll(() => names(page).then(([first]) => first)).toBe('late-6');
  });

  it('moves nothing in a row while its figures grow', async () => {
    const { server, page } = await open({ prepare: ({ model }) => begin(model, 2) });
    const row = page.getByRole('listitem').filter({ hasText: 'session-0' });
    const places = (): Promise<number[]> =>
      row.locator('.second > span').evaluateAll((all) => all.map((each) => each.getBoundingClientRect().left));
    await row.waitFor();
    const before = await places();
    const script = new SessionScript(server.model, 'session-0');
    for (let at = 0; at < 1_500; at += 1) script.chunk('token ');
    script.log('bad', 17);
    await expect.poll(() => row.locator('.errors').innerText()).toBe('1 error');
    expect(await places()).toEqual(before);
    expect(await row.evaluate((each) => each.scrollWidth > each.clientWidth)).toBe(false);
  });

  it('is walked through by the arrow keys, beyond what is drawn, and has one stop for the Tab key', async () => {
    const { page } = await open({ prepare: ({ model }) => begin(model, 1_000), view: '#sort=oldest' });
    const focused = (): Promise<unknown> =>
      page.evaluate("document.activeElement.closest('.row')?.querySelector('.name').textContent");
    await page.locator('.choose').first().focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(focused).toBe('session-1');
    await page.keyboard.press('End');
    await expect.poll(focused).toBe('session-999');
    await page.keyboard.press('ArrowUp');
    await expect.poll(focused).toBe('session-998');
    await page.keyboard.press('Home');
    await expect.poll(focused).toBe('session-0');
    expect(await page.locator('.choose[tabindex="0"]').count()).toBe(1);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'session-0' }).waitFor();
  });

  it('writes times and figures as the rest of the page does, whatever the language of the browser', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc').log('a');
        model.find('abc')?.addGap(12_345, '', script.millis);
        for (let at = 0; at < 1_234; at += 1) script.chunk('x');
        script.add({ body: 'b', severityNumber: 9 }, { text: 'x'.repeat(1_000) });
      },
      view: '#follow=s:abc',
      context: { locale: 'ar-EG' },
    });
    await page.getByText('12,345 entries are missing here').waitFor();
    await page.locator('.counts').getByText('12,345 missing').waitFor();
    expect(await page.locator('.block time').first().innerText()).toMatch(/^\d\d:\d\d:\d\d$/);
    await page.getByRole('button', { name: 'info' }).last().click();
    const details = page.getByRole('complementary', { name: 'Details' });
    await details.getByText('1,000 characters').waitFor();
    expect(await details.getByText('info (9)').count()).toBe(1);
    expect(await page.locator('body').innerText()).not.toMatch(/[٠-٩]/);
  });
});
