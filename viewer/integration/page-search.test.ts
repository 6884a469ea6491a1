import { expect, it } from 'vitest';

import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

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
    await page.getByRole('searchbox', { name: 'Search in what sessions say' }).fill('ORDER <b>was');
    const hits = page.getByRole('list', { name: 'Sessions with the text' });
    await hits.getByRole('button', { name: /abc/ }).waitFor();
    expect(await hits.getByRole('button').count()).toBe(1);
    expect(await hits.locator('mark').innerText()).toBe('order <b>was');
    await hits.getByRole('button').click();
    await page.getByText('The order <b>was sent</b>').first().waitFor();
    const block = server.model.find('abc')?.blocks[1]?.id;
    expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('block')).toBe(String(block));
    expect(complaints).toEqual([]);
  });

  it('looks through what comes as well, keeps to the filters, and says when there is nothing', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('order'),
      view: '#text=order&state=failed',
    });
    await page.getByRole('navigation').getByText('No session has this text.').waitFor();
    new SessionScript(server.model, 'def').log('an order broke off', 17);
    await page.getByRole('button', { name: /def/ }).waitFor();
    expect(await page.getByRole('button', { name: /abc/ }).count()).toBe(0);
  });
});
