import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import type { EventStreamOptions } from '../../src/serve/event-stream.ts';
import { MemorySessionStore } from '../../src/store/memory/memory.ts';
import { EVENT_SOURCES } from '../support/event-sources.ts';
import type { AnyEventSource } from '../support/event-sources.ts';
import { until } from '../support/until.ts';

describe.each(EVENT_SOURCES)('a page that follows a session with an EventSource of %s', (_, Source) => {
  /** What the server serves now: a restart is another one. */
  let sessions: SessionLogs;
  let server: Server;
  let options: EventStreamOptions;
  let requests: number;
  let source: AnyEventSource | undefined;
  let seen: string[];

  beforeEach(async () => {
    sessions = new SessionLogs();
    options = { retryMillis: 5 };
    requests = 0;
    seen = [];
    server = createServer((request, response) => {
      requests += 1;
      const lastEventId = request.headers['last-event-id'];
      void sessions.sendEventStream(response, 's', { ...options, lastEventId });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    source?.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await sessions.shutdown();
  });

  /** As the README says: closes at the end, whatever its reason. */
  function follow(): void {
    const page = new Source(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    source = page;
    page.addEventListener('message', ({ data }) =>
      seen.push((JSON.parse(String(data)) as { message: string }).message),
    );
    page.addEventListener('gap', ({ data }) => seen.push(`gap ${String(data)}`));
    page.addEventListener('end', ({ data }) => {
      seen.push(`end ${String(data)}`);
      page.close();
    });
  }

  it('comes back after a shutdown, and is told that the session was lost with it', async () => {
    void sessions.logChunkToQueue('15 of 60 tokens', 's');
    follow();
    await until(() => seen.length === 1, 'it has the first part');
    await sessions.shutdown();
    const before = requests;
    await until(() => requests > before + 1, 'it comes back, and again');
    sessions = new SessionLogs();
    await until(() => seen.length === 2, 'the next server answers');
    void sessions.logChunkToQueue('asked again', 's');
    await until(() => seen.length === 3, 'it goes on');
    sessions.endSession('s');
    await until(() => seen.length === 4, 'the end');
    expect(seen).toEqual(['15 of 60 tokens', 'gap {"missed":-1}', 'asked again', 'end {"reason":"session-end"}']);
  });

  it('comes back until a reader can be had', async () => {
    sessions = new SessionLogs({ store: new MemorySessionStore({ maxReaders: 1 }) });
    const taken = sessions.followSession('other');
    void taken.next();
    void sessions.logChunkToQueue('a', 's');
    follow();
    await until(() => requests > 2, 'it is refused');
    expect(seen).toEqual([]);
    await taken.return();
    await until(() => seen.length === 1, 'it is served');
  });

  it('goes on where it was after an idle time-out and after the signal of the application', async () => {
    const abort = new AbortController();
    options = { ...options, signal: abort.signal };
    void sessions.logChunkToQueue('a', 's');
    follow();
    await until(() => seen.length === 1, 'it is served');
    options = { retryMillis: 5, idleTimeoutMillis: 5 };
    abort.abort();
    await until(() => requests > 3, 'it comes back each time');
    void sessions.logChunkToQueue('b', 's');
    await until(() => seen.length === 2, 'it goes on');
    expect(seen).toEqual(['a', 'b']);
  });

  it('does not come back after the end of the session', async () => {
    void sessions.logChunkToQueue('a', 's');
    sessions.endSession('s');
    options = { ...options, wait: false };
    follow();
    await until(() => seen.length === 2, 'the end');
    expect(source?.readyState).toBe(Source.CLOSED);
  });

  it('that is left open after the end gets 204, and stops', async () => {
    void sessions.logChunkToQueue('a', 's');
    sessions.endSession('s');
    options = { ...options, from: 'start', wait: false };
    source = new Source(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await until(() => source?.readyState === Source.CLOSED, 'it stops');
    expect(requests).toBe(2);
  });
});
