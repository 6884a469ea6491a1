import { expect, it } from 'vitest';

import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

/** The texts that are marked in the conversation, and which of them is the one that is shown, when that is in sight. */
const MARKED = `(() => {
  const places = [...(CSS.highlights.get('found') ?? [])];
  const [here] = CSS.highlights.get('found-here') ?? [];
  const box = document.querySelector('.blocks').getBoundingClientRect();
  const { top = -1, bottom = -1 } = here?.getBoundingClientRect() ?? {};
  const isInSight = bottom > top && top >= box.top && bottom <= box.bottom;
  return isInSight ? [places.map(String), places.indexOf(here)] : 'out of sight';
})()`;

describePage('the search for a text', (open) => {
  it('finds it in answers and logs, marks it as text, and leads to its block', async () => {
    const { server, page, complaints } = await open({
      prepare: ({ model }) => {
        new SessionScript(model, 'abc')
          .log('before')
          .mark('stream_start')
          .chunk('The or')
          .chunk('der <b>was')
          .chunk(' sent</b>');
        new SessionScript(model, 'def').log('nothing');
      },
    });
    await page.getByRole('searchbox', { name: 'Search the text of sessions' }).fill('ORDER <b>was');
    const hits = page.getByRole('list', { name: 'Sessions with this text' });
    await hits.getByRole('button', { name: /abc/ }).waitFor();
    expect(await hits.getByRole('button').count()).toBe(1);
    expect(await hits.locator('mark').innerText()).toBe('order <b>was');
    await hits.getByRole('button').click();
    await page.getByText('The order <b>was sent</b>').first().waitFor();
    const block = server.model.find('abc')?.blocks[1]?.id;
    await expect.poll(() => new URL(page.url()).hash).toContain(`place=${block}.0`);
    // Details would cover what was found on a narrow screen. A key opens them.
    await page.keyboard.press('Escape');
    await hits.getByRole('button').evaluate((button) => (button as { blur?: () => void }).blur?.());
    await page.keyboard.press('Enter');
    const details = page.getByRole('complementary', { name: 'Details' });
    await details.getByText('The order <b>was sent</b>').waitFor();
    expect(complaints).toEqual([]);
  });

  it('leads from place to place in a session, and marks the text there', async () => {
    const { page, complaints } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc').log('İ: an Order came').mark('stream_start');
        script.mark('reasoning_start').chunk('is the or').chunk('der new?').mark('reasoning_stop').mark('stream_end');
        for (let at = 0; at < 200; at += 1) script.log(`line ${at}`);
        script
          .mark('stream_start')
          .chunk('a long line\n'.repeat(2_000))
          .chunk('order and\n'.padEnd(20_000, '.\n'))
          .chunk('order')
          .mark('stream_end');
      },
      view: '#text=order',
    });
    await page.getByRole('button', { name: /abc/ }).click();
    const places = page.getByRole('group', { name: 'Places in this session' });
    await places.getByText('1 of 4').waitFor();
    await expect.poll(() => page.evaluate(MARKED)).toEqual([['Order'], 0]);
    await page.keyboard.press('n');
    await places.getByText('2 of 4').waitFor();
    await expect.poll(() => page.evaluate(MARKED)).toEqual([['order'], 0]);
    await places.getByRole('button', { name: 'Next place' }).click();
    await places.getByText('3 of 4').waitFor();
    await expect.poll(() => page.evaluate(MARKED)).toEqual([['order', 'order'], 0]);
    await page.keyboard.press('n');
    await places.getByText('4 of 4').waitFor();
    await expect.poll(() => page.evaluate(MARKED)).toEqual([['order', 'order'], 1]);
    expect(await places.getByRole('button', { name: 'Next place' }).isDisabled()).toBe(true);
    await expect.poll(() => page.url()).toMatch(/&place=\d+\.1$/);
    await page.reload();
    await places.getByText('4 of 4').waitFor();
    await expect.poll(() => page.evaluate(MARKED)).toEqual([['order', 'order'], 1]);
    await page.keyboard.press('Shift+N');
    await page.keyboard.press('Shift+N');
    await places.getByText('2 of 4').waitFor();
    await expect.poll(() => page.evaluate(MARKED)).toEqual([['order'], 0]);
    await page.getByRole('searchbox', { name: 'Search the text of sessions' }).fill('');
    await expect.poll(() => page.evaluate('CSS.highlights.size')).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('marks it in the chosen one of several sessions side by side', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        new SessionScript(model, 'abc').log('an order');
        new SessionScript(model, 'def').log('another Order');
      },
      view: '#text=order&pin=s:abc&pin=s:def',
    });
    for (const [name, text] of [
      ['abc', 'order'],
      ['def', 'Order'],
      ['abc', 'order'],
    ] as const) {
      await page.getByRole('navigation').getByRole('button', { name }).click();
      await expect.poll(() => page.evaluate(`[...(CSS.highlights.get('found') ?? [])].map(String)`)).toEqual([text]);
    }
  });

  it('searches what comes later too, respects the filters, and says when there is nothing', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('order'),
      view: '#text=order&state=failed',
    });
    await page.getByRole('navigation').getByText('No session has this text.').waitFor();
    new SessionScript(server.model, 'def').log('an order broke off', 17);
    await page.getByRole('button', { name: /def/ }).waitFor();
    expect(await page.getByRole('button', { name: /abc/ }).count()).toBe(0);
  });

  it('shows the place on a narrow screen, and has those alone that the filters of the conversation let through', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        const script = new SessionScript(model, 'abc').log('order in a log').chunk('an answer');
        for (let at = 0; at < 100; at += 1) script.log(`line ${at}`, 13);
        script.log('another order', 13).log('and more', 13);
      },
      view: '#text=order&severity=13',
      context: { viewport: { width: 390, height: 844 } },
    });
    await page.getByRole('button', { name: /abc/ }).click();
    await expect.poll(() => page.evaluate(MARKED)).toEqual([['order'], 0]);
    expect(await page.locator('.block').getByText('another order').isVisible()).toBe(true);
  });
});
