import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../../src/facade/session-logs.ts';
import type { EventStreamHandler, EventStreamHandlerOptions } from '../../../src/serve/event-stream-handler.ts';
import { MemorySessionStore } from '../../../src/store/memory/memory.ts';
import { until } from '../../support/until.ts';
import { CHROMIUM, followScript, HAS_CHROMIUM, isClosed, seenBy, sees, startChromium } from './followed-page.ts';

if (!HAS_CHROMIUM)
  console.warn(`event streams not tested in a browser: no Chromium at ${CHROMIUM} (set CHROMIUM_PATH)`);

const urlOf = (request: IncomingMessage): URL => new URL(request.url ?? '/', 'http://host');

describe.skipIf(!HAS_CHROMIUM).each(['EventSource', 'eventsource-client'])(
  'in Chromium, a page that follows a session with %s (skipped without a Chromium at CHROMIUM_PATH)',
  (client) => {
    let browser: Browser;
    let context: BrowserContext;
    let script: string;
    let server: Server;
    let base: string;
    /** What the server serves now: a restart is another one. */
    let sessions: SessionLogs;
    let options: Partial<EventStreamHandlerOptions>;
    let handler: EventStreamHandler;
    /** The `Last-Event-ID` of each request for events. */
    let requests: (string | undefined)[];

    beforeAll(async () => {
      script = followScript();
      browser = await startChromium();
    });
    afterAll(() => browser.close());

    beforeEach(async () => {
      options = {};
      requests = [];
      serve(new SessionLogs());
      server = createServer((request, response) => {
        const { pathname } = urlOf(request);
        if (pathname === '/script.js') return void response.end(script);
        if (pathname !== '/events') {
          response.writeHead(200, { 'content-type': 'text/html' });
          return void response.end('<!doctype html><link rel="icon" href="data:,"><script src="/script.js"></script>');
        }
        requests.push(request.headers['last-event-id'] as string | undefined);
        void handler(request, response);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      context = await browser.newContext();
    });
    afterEach(async () => {
      await context.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await sessions.shutdown();
    });

    function serve(started: SessionLogs, more: Partial<EventStreamHandlerOptions> = options): void {
      sessions = started;
      options = more;
      handler = sessions.eventStreamHandler({
        sessionId: () => 's',
        authorize: () => true,
        retryMillis: 20,
        ...options,
      });
    }

    async function follow(more: Readonly<Record<string, string>> = {}): Promise<Page> {
      const page = await context.newPage();
      await page.goto(`${base}/?${String(new URLSearchParams({ client, ...more }))}`);
      return page;
    }

    const log = (...messages: readonly string[]): void => {
      for (const message of messages) void sessions.logChunkToQueue(message, 's', { kind: 'text' });
    };
    const ids = (): readonly string[] => sessions.getAllLogsInQueue({ sessionId: 's' }).map(({ id }) => id);

    it('sees each entry once, and closes at the end', async () => {
      const page = await follow();
      await until(() => requests.length === 1, 'it is there');
      log('ü\r\n', '😀', 'data: x');
      sessions.endSession('s');
      await isClosed(page);
      expect(await seenBy(page)).toEqual(['ü\r\n', '😀', 'data: x', 'end {"reason":"session-end"}']);
      expect(requests).toEqual([undefined]);
      await until(() => sessions.stats().readers === 0, 'its reader is free');
    });

    it('connects again when it is cut, and goes on strictly after the id that it has', async () => {
      const page = await follow();
      log('a', 'b');
      await sees(page, 2);
      server.closeAllConnections();
      log('c');
      expect(await sees(page, 3)).toEqual(['a', 'b', 'c']);
      expect(requests).toEqual([undefined, ids()[1]]);
    });

    it('is told how much it missed, when it comes late and when it was away', async () => {
      serve(new SessionLogs({ store: new MemorySessionStore({ maxEntriesPerSession: 3 }) }));
      log('0', '1', '2', '3', '4');
      const page = await follow();
      expect(await sees(page, 4)).toEqual(['gap {"missed":2}', '2', '3', '4']);
      server.closeAllConnections();
      log('5', '6', '7', '8');
      expect((await sees(page, 8)).slice(4)).toEqual(['gap {"missed":1}', '6', '7', '8']);
    });

    it('that does not close at the end gets 204, and stops', async () => {
      log('a');
      sessions.endSession('s');
      serve(sessions, { from: 'start', wait: false });
      const page = await follow({ stays: '' });
      await isClosed(page);
      expect(await seenBy(page)).toEqual(['a', 'end {"reason":"session-end"}']);
      expect(requests).toEqual([undefined, ids()[0]]);
    });

    it('that may not read (any more) gets 403, and stops', async () => {
      log('a');
      const page = await follow();
      await sees(page, 1);
      serve(sessions, { authorize: () => false });
      log('secret');
      server.closeAllConnections();
      await isClosed(page);
      // It would have come back by now.
      await page.evaluate((millis) => new Promise((resolve) => setTimeout(resolve, millis)), 200);
      expect(requests).toEqual([undefined, ids()[0]]);
      const other = await follow();
      await isClosed(other);
      expect(await seenBy(other)).toEqual([]);
    });

    it('whose share is used up comes back until there is room', async () => {
      serve(sessions, { maxReadersPerClient: { max: 1, key: () => 'user' } });
      log('a');
      const first = await follow();
      await sees(first, 1);
      const second = await follow();
      await until(() => requests.length >= 4, 'it comes back');
      expect(await seenBy(second)).toEqual([]);
      await first.close();
      expect(await sees(second, 1)).toEqual(['a']);
    });

    it('of a server that restarts comes back, is told that all may be missed, and gets what comes then', async () => {
      const page = await follow();
      log('15 of 60 tokens');
      await sees(page, 1);
      const [lastId] = ids();
      await sessions.shutdown();
      await until(() => requests.length >= 3, 'it comes back while the server goes');
      serve(new SessionLogs());
      expect((await sees(page, 2))[1]).toBe('gap {"missed":-1}');
      await until(() => sessions.stats().readers === 1, 'it is not sent away');
      log('asked again');
      expect(await sees(page, 3)).toEqual(['15 of 60 tokens', 'gap {"missed":-1}', 'asked again']);
      expect(requests.at(-1)).toBe(lastId);
    });

    it.skipIf(client === 'EventSource')('sends headers of its own (an EventSource cannot)', async () => {
      serve(sessions, { authorize: ({ headers }) => headers.authorization === 'Bearer right' });
      log('a');
      const page = await follow({ token: 'right' });
      expect(await sees(page, 1)).toEqual(['a']);
      const wrong = await follow({ token: 'wrong' });
      await isClosed(wrong);
      expect(await seenBy(wrong)).toEqual([]);
    });
  },
);
