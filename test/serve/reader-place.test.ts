import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { PLACE_MILLIS } from '../../src/serve/reader-place.ts';
import { MemorySessionStore } from '../../src/store/memory/memory.ts';

const text = (result: { readonly value?: Uint8Array | undefined } | undefined): string =>
  new TextDecoder().decode(result?.value);

describe('the place of a client', () => {
  const MAX = 20;
  /** A tenth is reserved for the server's own readers. */
  const ROOM = 18;
  let logs: SessionLogs;

  beforeEach(() => {
    logs = new SessionLogs({ store: new MemorySessionStore({ maxReaders: MAX }) });
    void logs.logChunkToQueue('before', 's');
    void logs.logChunkToQueue('held', 's');
  });

  afterEach(async () => {
    vi.useRealTimers();
    expect(logs.stats().readers).toBe(0);
    await logs.shutdown();
  });

  const readersOf = (responses: readonly Response[]): ReadableStreamDefaultReader<Uint8Array>[] =>
    responses.flatMap(({ body }) => (body === null ? [] : [body.getReader()]));

  it.each(['are new', 'connect again'])('refused is told to come back, of clients that %s in one tick', async (how) => {
    const lastEventId = how === 'are new' ? undefined : logs.getAllLogsInQueue()[0]?.id;
    const calls = Array.from({ length: 25 }, () => logs.toEventStreamResponse('s', { lastEventId }));
    const responses = await Promise.all(calls);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expect(logs.stats().readers).toBe(ROOM);
    const refused = await Promise.all(responses.slice(ROOM).map((response) => response.text()));
    expect(new Set(refused)).toEqual(new Set(['retry: 2000\n\n']));
    const bodies = readersOf(responses.slice(0, ROOM));
    const received = bodies.map(async (body) => {
      let part = '';
      while (!part.includes('held')) part += text(await body.read());
      return part;
    });
    expect((await Promise.all(received)).join('')).not.toContain('event: end');
    expect(logs.stats().readers).toBe(ROOM);
    await Promise.all(bodies.map(async (body) => body.cancel()));
  });

  it('goes back when the body is not pulled, which then has a position only', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [body] = readersOf([await logs.toEventStreamResponse('s', { from: 'now' })]);
    vi.advanceTimersByTime(PLACE_MILLIS - 1);
    expect(logs.stats().readers).toBe(1);
    vi.advanceTimersByTime(1);
    expect(logs.stats().readers).toBe(0);
    void logs.logChunkToQueue('since', 's');
    expect(text(await body?.read())).toContain('retry');
    expect(text(await body?.read())).toContain('since');
    expect(logs.stats().readers).toBe(1);
    await body?.cancel();
  });

  it('stays with a client that has begun to pull, however slow it is', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [body] = readersOf([await logs.toEventStreamResponse('s')]);
    expect(text(await body?.read())).toContain('retry');
    vi.advanceTimersByTime(PLACE_MILLIS * 10);
    expect(logs.stats().readers).toBe(1);
    await body?.cancel();
  });

  it('that went back and is taken by another: the body ends without an event, and the client connects again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const [late] = readersOf([await logs.toEventStreamResponse('s')]);
    vi.advanceTimersByTime(PLACE_MILLIS);
    const others = readersOf(
      await Promise.all(Array.from({ length: ROOM }, () => logs.toEventStreamResponse('other'))),
    );
    expect(text(await late?.read())).toContain('retry');
    expect(text(await late?.read())).toBe('retry: 2000\n\n');
    expect((await late?.read())?.done).toBe(true);
    await Promise.all(others.map(async (body) => body.cancel()));
  });
});
