import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';

import { DevServer } from '../src/dev/dev-server.ts';
import { SessionScript } from '../test/support/records.ts';
import { describePage } from './support/chromium.ts';

/** A way to a port that can be cut, as in a network, or blocked, so that nothing comes and nothing ends. */
async function startWay(
  to: number,
): Promise<{ readonly port: number; readonly cut: () => void; readonly stop: () => void }> {
  const sockets = new Set<Socket>();
  const way = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      // The other end of one that is cut ends as well.
      socket.on('error', () => {}).on('close', () => [near, far].forEach((each) => each.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  onTestFinished(() => {
    way.close();
    for (const socket of sockets) socket.destroy();
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  return {
    port: (way.address() as AddressInfo).port,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    stop: () => sockets.forEach((socket) => socket.unpipe().pause()),
  };
}

/** Does as if somebody looks at another tab: the browser of the tests shows all tabs. */
async function hide(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`{
    Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }`);
}

describePage('the state of the viewer, on the page', (open) => {
  it('says what to do while there is no session, and shows the first one when it comes', async () => {
    const { server, page, complaints } = await open();
    await page.getByText('No session yet.').waitFor();
    await page.getByText(`OTEL_EXPORTER_OTLP_ENDPOINT=${server.endpoint}`).waitFor();
    new SessionScript(server.model, 'abc').log('here');
    await page.getByRole('button', { name: /^abc/ }).waitFor();
    await page.getByText('Choose a session.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('says when the viewer does not answer, and continues where it was when it answers again', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
      view: '#follow=s:abc',
    });
    await page.getByText('one', { exact: true }).waitFor();
    const port = Number(new URL(server.endpoint).port);
    await server.close();
    await page.getByText('The viewer does not answer.').waitFor();
    await page.getByText('Not connected').waitFor();
    await expect.poll(() => page.getByRole('status').innerText()).toBe('The viewer does not answer');
    // What was there stays readable.
    expect(await page.getByText('one', { exact: true }).isVisible()).toBe(true);
    const next = new DevServer({ port });
    await next.start();
    try {
      new SessionScript(next.model, 'abc').mark('stream_start').chunk('two');
      await page.getByText('two', { exact: true }).waitFor();
      expect(await page.getByText('The viewer does not answer.').count()).toBe(0);
      await expect.poll(() => page.getByRole('status').innerText()).toContain('The viewer answers again');
    } finally {
      await next.close();
    }
  });

  it('says that a viewer that was started again does not hold a session, and shows no figures of it', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').log('one'),
      view: '#follow=s:abc',
    });
    await page.locator('.counts').getByText('1 entry').waitFor();
    const port = Number(new URL(server.endpoint).port);
    await server.close();
    const next = new DevServer({ port });
    await next.start();
    try {
      await page.getByText('or came before the viewer was started again').waitFor();
      expect(await page.locator('.counts').innerText()).toBe('');
    } finally {
      await next.close();
    }
  });

  it('continues without a repetition after a lost connection', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
    });
    const way = await startWay(Number(new URL(server.endpoint).port));
    await page.goto(`http://127.0.0.1:${way.port}/#follow=s:abc`);
    await page.getByText('one', { exact: true }).waitFor();
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    const script = new SessionScript(server.model, 'abc', { source });
    way.cut();
    script.chunk('two ');
    await page.getByText('Not connected').waitFor();
    script.chunk('three');
    await page.getByText('one two three', { exact: true }).waitFor();
    await page.getByText('Connected', { exact: true }).waitFor();
  });

  it('says that the viewer does not answer when it is silent, and continues over another connection', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
    });
    const way = await startWay(Number(new URL(server.endpoint).port));
    await page.goto(`http://127.0.0.1:${way.port}/#follow=s:abc`);
    await page.getByText('one', { exact: true }).waitFor();
    way.stop();
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    new SessionScript(server.model, 'abc', { source }).chunk('two');
    await page.getByText('The viewer does not answer.').waitFor();
    await page.getByText('one two', { exact: true }).waitFor();
    await page.getByText('Connected', { exact: true }).waitFor();
  });

  it('gives its connection back while nobody sees the page, and continues where it was', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
      view: '#follow=s:abc',
    });
    await page.getByText('one', { exact: true }).waitFor();
    const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('/api/stream'));
    await hide(page, true);
    await ended;
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    new SessionScript(server.model, 'abc', { source }).chunk('two');
    await hide(page, false);
    await page.getByText('one two', { exact: true }).waitFor();
    expect(await page.getByText('The viewer does not answer.').count()).toBe(0);
  });

  it('stands still while it is paused, counts what comes, and shows it afterwards', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
      view: '#follow=s:abc',
    });
    await page.getByText('one', { exact: true }).waitFor();
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    await page.keyboard.press('p');
    await page.getByText('Paused, 0 new').waitFor();
    const script = new SessionScript(server.model, 'abc', { source });
    for (let at = 0; at < 213; at += 1) script.chunk('x');
    new SessionScript(server.model, 'def', { source }).log('other');
    await page.getByText('Paused, 214 new').waitFor();
    expect(await page.locator('.row').count()).toBe(1);
    expect(await page.getByText('one', { exact: true }).isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText(`one ${'x'.repeat(213)}`).waitFor();
    await page.locator('.row', { hasText: 'def' }).waitFor();
  });

  it('shows another session while it is paused, as it is then, and lets it continue afterwards', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => {
        new SessionScript(model, 'abc').log('of abc');
        new SessionScript(model, 'def').mark('stream_start').chunk('one ');
      },
      view: '#follow=s:abc',
    });
    await page.getByText('of abc').waitFor();
    await page.keyboard.press('p');
    await page.getByText('Paused, 0 new').waitFor();
    await page.locator('.row', { hasText: 'def' }).locator('.choose').click();
    await page.getByText('one', { exact: true }).waitFor();
    const [, source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    new SessionScript(server.model, 'def', { source }).chunk('two');
    await page.getByText('Paused, 1 new').waitFor();
    expect(await page.getByText('one', { exact: true }).isVisible()).toBe(true);
    await page.keyboard.press('p');
    await page.getByText('one two', { exact: true }).waitFor();
  });

  it.each([
    [{ maxEntries: 100 }, '100 entries'],
    [{ maxSessions: 100 }, '100 sessions'],
    [{ maxBytes: 1_048_576 / 8 }, '128 KiB in memory'],
  ])('says how many sessions were dropped, and which bound was reached: %o', async (server, bound) => {
    const { page } = await open({
      server,
      prepare: ({ model }) => {
        for (let at = 0; at < 130; at += 1) new SessionScript(model, `session-${at}`).log('a');
      },
    });
    const text = new RegExp(String.raw`The viewer has dropped the \d+ oldest sessions: it holds at most ${bound}\.`);
    await page.getByText(text).waitFor();
  });

  it('names the sources with what there is to know about them', async () => {
    const { server, page } = await open({ prepare: ({ model }) => void new SessionScript(model, 'abc').log('a') });
    const source = server.model.addSource('/var/log/app', 'directory');
    source.notes.set('cut', 'app.log.gz has an end that is cut off');
    source.unreadable = 3;
    await page.getByRole('button', { name: '2 notes' }).click();
    const sources = page.getByRole('region', { name: 'Sources' });
    await sources.getByText('app.log.gz has an end that is cut off').waitFor();
    expect(await sources.innerText()).toContain('3 could not be read.');
    await page.keyboard.press('Escape');
    expect(await sources.isVisible()).toBe(false);
  });

  it('says why the viewer does not let the page in', async () => {
    const { page } = await open();
    await page.getByText('No session yet.').waitFor();
    await page.route('**/api/stream*', (route) =>
      route.fulfill({ status: 503, contentType: 'text/plain', body: '64 pages are open already\n' }),
    );
    await page.reload();
    await page.getByText('64 pages are open already. This page tries again every second.').waitFor();
    const state = page.locator('.following');
    const before = await state.boundingBox();
    await page.unroute('**/api/stream*');
    await page.getByText('Connected', { exact: true }).waitFor();
    // Only the words have changed.
    expect(await state.boundingBox()).toMatchObject({ x: before?.x, width: before?.width, height: before?.height });
  });

  it('says that more arrives than it can draw, what to do about it, and when that is over', async () => {
    const { server, page } = await open({ prepare: ({ model }) => void new SessionScript(model, 'abc').log('a') });
    await page.locator('.row', { hasText: 'abc' }).waitFor();
    const script = new SessionScript(server.model, 'abc');
    const stop = setInterval(() => script.log('more'), 20);
    try {
      // Something keeps the thread of the page for 450 ms again and again.
      await page.evaluate('busy = setInterval(() => { for (let end = Date.now() + 450; Date.now() < end; ); }, 0)');
      await page.getByText('More arrives than this page can draw.').waitFor();
      await page.evaluate('clearInterval(busy)');
      await page.getByText('More arrives than this page can draw.').waitFor({ state: 'detached' });
    } finally {
      clearInterval(stop);
    }
  });

  it('tells people who do not see it of new sessions and of the end of an answer, but not of tokens', async () => {
    const { server, page } = await open({
      prepare: ({ model }) => void new SessionScript(model, 'abc').mark('stream_start').chunk('one '),
      view: '#follow=s:abc',
    });
    await page.getByText('one', { exact: true }).waitFor();
    await page.evaluate(`{
      said = [];
      const status = document.querySelector('[role=status]');
      new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true, subtree: true });
    }`);
    const [source] = server.model.sources;
    if (source === undefined) throw new Error('there is no source');
    const said = (): Promise<unknown> => page.evaluate('said');
    new SessionScript(server.model, 'abc', { source }).chunk('two ').chunk('three').mark('stream_end');
    await expect.poll(said).toContain('An answer finished in abc');
    for (const id of ['d', 'e', 'f']) new SessionScript(server.model, id, { source }).log('a');
    await expect.poll(said).toContain('3 new sessions');
    expect(await said()).toEqual(['An answer finished in abc', '3 new sessions']);
  });
});
