import { expect, it } from 'vitest';

import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

describePage('the page', (open) => {
  it('says what to do while there is no session, and shows the first one when it comes', async () => {
    const { server, page, complaints } = await open();
    await page.getByText('No session yet.').waitFor();
    new SessionScript(server.model, 'abc').log('here');
    await page.getByRole('button', { name: /abc/ }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows a session as a conversation that grows, with what the application sends as text', async () => {
    const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>';
    const { server, page, complaints } = await open();
    const script = new SessionScript(server.model, hostile)
      .mark('stream_start')
      .mark('reasoning_start')
      .chunk('hidden at first')
      .mark('reasoning_stop')
      .chunk(`Hello ${hostile}`)
      .log(hostile, 17);
    await page.getByRole('button', { name: new RegExp('onerror') }).click();
    await page.getByText(`Hello ${hostile}`).waitFor();
    script.chunk(' and on');
    await page.getByText(`Hello ${hostile} and on`).waitFor();
    expect(await page.getByText('hidden at first').isVisible()).toBe(false);
    await page.getByText('reasoning', { exact: true }).click();
    await page.getByText('hidden at first').waitFor();
    await page.getByRole('button', { name: 'severity 17' }).click();
    await page.getByRole('complementary', { name: 'Details' }).getByText(hostile).first().waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows the same view by its address, also after a reload in the middle of an answer', async () => {
    const { server, page, complaints } = await open({
      prepare: ({ model }) => {
        new SessionScript(model, 'abc').mark('stream_start').chunk('one ');
        new SessionScript(model, 'def').log('other');
      },
      view: '#follow=s:abc&search=ab',
    });
    await page.getByText('one', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: /def/ }).count()).toBe(0);
    await page.reload();
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    new SessionScript(server.model, 'abc', { source }).chunk('two');
    await page.getByText('one two').waitFor();
    expect(complaints).toEqual([]);
  });

  it('keeps its filter for what comes', async () => {
    const { server, page } = await open();
    await page.getByRole('searchbox').fill('shop');
    new SessionScript(server.model, 'other').log('a');
    new SessionScript(server.model, 'shop-1').log('a');
    await page.getByRole('button', { name: /shop-1/ }).waitFor();
    expect(await page.getByRole('button', { name: /other/ }).count()).toBe(0);
  });

  it('has only the rows in sight of 10,000 sessions, and the others when it is scrolled to them', async () => {
    const { page } = await open({
      prepare: ({ model }) => {
        for (let at = 0; at < 10_000; at += 1) new SessionScript(model, `session-${at}`).log('a');
      },
      view: '#sort=oldest',
    });
    await page.getByRole('button', { name: /session-0 / }).waitFor();
    expect(await page.locator('.rows li').count()).toBeLessThan(60);
    await page.locator('.rows').evaluate((rows) => (rows.scrollTop = rows.scrollHeight));
    await page.getByRole('button', { name: /session-9999 / }).waitFor();
  });

  it('says when the viewer does not answer any more', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('a'),
    });
    await page.getByRole('button', { name: /abc/ }).waitFor();
    await server.close();
    await page.getByText('The viewer does not answer.').waitFor();
  });
});
