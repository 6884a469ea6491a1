import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { LogEntry } from '../../src/entry/entry.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';
import { entryEvent } from '../../src/serve/event-format.ts';
import type { EntryFormat } from '../../src/serve/event-format.ts';
import { ClientShares } from '../../src/serve/client-share.ts';
import { parseEventStream } from '../../src/serve/event-stream.ts';
import type { EventStreamOptions } from '../../src/serve/event-stream.ts';
import { SessionEvents } from '../../src/serve/session-events.ts';
import { SharedEncoding } from '../../src/serve/shared-encoding.ts';
import { MemorySessionStore } from '../../src/store/memory/memory.ts';
import type { SessionCursor } from '../../src/store/session-store.ts';
import { runs } from '../support/properties.ts';

let store: MemorySessionStore;
let sessions: SessionLogs;

beforeEach(() => {
  // What is kept for a time is kept however slow this machine is.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  store = new MemorySessionStore();
  sessions = new SessionLogs({ store });
});

afterEach(async () => {
  await sessions.shutdown();
  vi.useRealTimers();
});

const write = (message: string): void => void sessions.logChunkToQueue(message, 's');

/** The function as `map`, which knows how often it was asked. */
const counted = (shown: (entry: LogEntry) => unknown = ({ message }) => message) => vi.fn(shown);

/** A client that has been told to come back, and waits for its first entry. */
async function client(options: EventStreamOptions): Promise<SessionEvents> {
  const events = new SessionEvents(
    { store, refusal: undefined, shares: new ClientShares() },
    parseEventStream('test', 's', options),
  );
  await events.open();
  await events.next();
  return events;
}

/** A cursor that stands on the first entry. */
function cursorAtFirst(): SessionCursor {
  const cursor = store.open('s', { from: 'start' });
  expect(cursor.step()).toBe('entry');
  return cursor;
}

describe('the clients of one session', () => {
  it('share the bytes of an event when their map is one function, which is asked once an entry', async () => {
    const map = counted();
    const clients = await Promise.all(Array.from({ length: 40 }, () => client({ map })));
    for (const message of ['one', 'two']) {
      const waiting = clients.map((events) => events.next());
      write(message);
      const [first, ...others] = await Promise.all(waiting);
      expect(String(first)).toMatch(new RegExp(`^id: \\S+\ndata: "${message}"\n\n$`));
      for (const bytes of others) expect(bytes).toBe(first);
    }
    expect(map).toHaveBeenCalledTimes(2);
    for (const events of clients) events.close();
  });

  it('share without a map too, and not with those of another map or onError', async () => {
    const [map, onError] = [counted(), vi.fn(() => 'broken')];
    const kinds: EventStreamOptions[] = [{}, { map }, { onError }, { map, onError }];
    const clients = await Promise.all([...kinds, ...kinds].map((options) => client(options)));
    const waiting = clients.map((events) => events.next());
    void sessions.logChunkToQueue('secret', 's', { kind: 'error' });
    const got = await Promise.all(waiting);
    for (let i = 0; i < kinds.length; i += 1) expect(got[i]).toBe(got[i + kinds.length]);
    expect(new Set(got).size).toBe(kinds.length);
    expect(got.slice(0, 4).map((bytes) => /An error|broken/.exec(String(bytes))?.[0])).toEqual([
      'An error',
      'An error',
      'broken',
      'broken',
    ]);
    expect(map).toHaveBeenCalledTimes(2);
    expect(onError).toHaveBeenCalledTimes(2);
    for (const events of clients) events.close();
  });

  it('do not share between stores, nor between sessions', async () => {
    const map = counted();
    const other = new SessionLogs();
    const streams = [
      await sessions.toEventStreamResponse('s', { map }),
      await sessions.toEventStreamResponse('t', { map }),
      await other.toEventStreamResponse('s', { map }),
    ];
    write('mine');
    void sessions.logChunkToQueue('next door', 't');
    void other.logChunkToQueue('elsewhere', 's');
    sessions.endSession('s');
    sessions.endSession('t');
    other.endSession('s');
    const texts = await Promise.all(streams.map((stream) => stream.text()));
    expect(texts.map((text) => /data: "(.*)"/.exec(text)?.[1])).toEqual(['mine', 'next door', 'elsewhere']);
    await other.shutdown();
  });

  it('are safe from each other: a body that is changed by its reader is a copy', async () => {
    const readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
    for (let i = 0; i < 2; i += 1) {
      const { body } = await sessions.toEventStreamResponse('s');
      readers.push((body as ReadableStream<Uint8Array>).getReader());
    }
    await Promise.all(readers.map((reader) => reader.read()));
    // Both wait, and the second gets what was encoded for the first.
    const waiting = readers.map((reader) => reader.read());
    await new Promise(setImmediate);
    write('whole');
    const [first, second] = await Promise.all(waiting);
    first?.value?.fill(0);
    expect(new TextDecoder().decode(second?.value)).toContain('"message":"whole"');
    await Promise.all(readers.map((reader) => reader.cancel()));
  });

  it('a map that throws, or leaves an entry out, does so for all', async () => {
    const map = counted(({ message }) => {
      if (message === 'bad') throw new Error('cannot');
      return message === 'none' ? undefined : message;
    });
    const clients = await Promise.all([client({ map }), client({ map })]);
    const waiting = clients.map((events) => events.next());
    for (const message of ['bad', 'none', 'good']) write(message);
    for (const bytes of await Promise.all(waiting)) expect(String(bytes)).toMatch(/^id: \S+\ndata: "good"\n\n$/);
    for (const events of clients) events.close();
  });

  it('that is slow holds one batch, and nothing is read ahead of it', async () => {
    const map = counted();
    const events = await client({ map });
    const waiting = events.next();
    write('begin');
    await waiting;
    for (let i = 0; i < 500; i += 1) write(`${i} ${'x'.repeat(1000)}`);
    const bytes = await events.next();
    expect(bytes?.length).toBeGreaterThan(8 * 1024);
    expect(bytes?.length).toBeLessThan(8 * 1024 + 1100);
    expect(map.mock.calls.length).toBeLessThan(10);
    for (let i = 0; i < 500; i += 1) write('');
    const calls = map.mock.calls.length;
    await new Promise(setImmediate);
    expect(map).toHaveBeenCalledTimes(calls);
    events.close();
  });
});

describe('what is kept of an entry', () => {
  const format = (): EntryFormat & { readonly map: ReturnType<typeof counted> } => ({
    map: counted(),
    onError: undefined,
  });

  it('is of one store: ids of another may be the same', () => {
    write('text');
    const own = format();
    const other = new MemorySessionStore();
    const encodings = [store, store, other, other].map((one) => SharedEncoding.join(one, 's', own));
    for (const encoding of encodings) encoding.encode(cursorAtFirst());
    expect(own.map).toHaveBeenCalledTimes(2);
    for (const encoding of encodings) encoding.leave();
  });

  it('is gone after 100 ms', () => {
    write('text');
    const own = format();
    const [first, second] = [SharedEncoding.join(store, 's', own), SharedEncoding.join(store, 's', own)];
    first.encode(cursorAtFirst());
    vi.advanceTimersByTime(49);
    second.encode(cursorAtFirst());
    expect(own.map).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(51);
    second.encode(cursorAtFirst());
    expect(own.map).toHaveBeenCalledTimes(2);
    first.leave();
    second.leave();
  });

  it('is gone when one client is left, and nothing is kept for one alone', () => {
    write('text');
    const own = format();
    const [first, second] = [SharedEncoding.join(store, 's', own), SharedEncoding.join(store, 's', own)];
    first.encode(cursorAtFirst());
    second.leave();
    first.encode(cursorAtFirst());
    first.encode(cursorAtFirst());
    expect(own.map).toHaveBeenCalledTimes(3);
    const third = SharedEncoding.join(store, 's', own);
    third.encode(cursorAtFirst());
    expect(own.map).toHaveBeenCalledTimes(4);
    first.leave();
    third.leave();
    expect(vi.getTimerCount()).toBe(1); // the store's own
  });

  it('is gone with its session, though clients that are stuck have not learned it', async () => {
    const own = format();
    const clients = await Promise.all([0, 1, 2, 3].map(() => client({ map: own.map })));
    const waiting = clients.map((events) => events.next());
    write('secret');
    const cursor = cursorAtFirst();
    await Promise.all(waiting);
    const encoding = SharedEncoding.join(store, 's', own);
    encoding.encode(cursor);
    expect(own.map).toHaveBeenCalledTimes(1);
    const end = clients[0]?.next(); // The others take no more.
    sessions.deleteSession('s');
    expect(String(await end)).toContain('deleted');
    encoding.encode(cursor);
    expect(own.map).toHaveBeenCalledTimes(2);
    encoding.leave();
    for (const events of clients) events.close();
  });

  it('is bounded: the oldest of what comes within the time goes first', () => {
    const own = format();
    const [first, second] = [SharedEncoding.join(store, 's', own), SharedEncoding.join(store, 's', own)];
    for (let i = 0; i < 60; i += 1) write(`${i} ${'x'.repeat(10_000)}`);
    const cursor = store.open('s', { from: 'start' });
    while (cursor.step() === 'entry') first.encode(cursor);
    expect(own.map).toHaveBeenCalledTimes(60);
    second.encode(cursorAtFirst());
    expect(own.map).toHaveBeenCalledTimes(61);
    first.leave();
    second.leave();
  });
});

describe('a law: each client gets the bytes that it would get alone', () => {
  const maps = [
    undefined,
    ({ message }: LogEntry): unknown => message,
    ({ id, message }: LogEntry): unknown => (message.length % 3 === 0 ? undefined : { id }),
  ];
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('write' as const), texts: fc.array(fc.string(), { maxLength: 5 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), map: fc.nat(2), after: fc.nat(30) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const), who: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), millis: fc.nat(120) }) },
  );

  interface Viewer {
    readonly events: SessionEvents;
    readonly format: EntryFormat;
    readonly after: string | undefined;
    text: string;
    taking: Promise<void> | undefined;
  }

  const take = (viewer: Viewer): Promise<void> =>
    (viewer.taking ??= viewer.events.next().then((bytes) => {
      viewer.text += String(bytes ?? '');
      viewer.taking = undefined;
    }));

  const expected = ({ format, after }: Viewer, entries: readonly LogEntry[]): string => {
    let text = 'retry: 2000\n\n';
    let skipped = '';
    for (const entry of entries.filter(({ id }) => after === undefined || id > after)) {
      const event = entryEvent(entry, format);
      skipped = event === undefined ? `id: ${entry.id}\n` : '';
      text += event ?? '';
    }
    return `${text}${skipped}event: end\ndata: {"reason":"session-end"}\n\n`;
  };

  it('whoever joins, resumes, is slow or leaves', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const logs = new SessionLogs({ store: (store = new MemorySessionStore()) });
        const viewers: Viewer[] = [];
        const held = (): LogEntry[] => logs.getAllLogsInQueue({ sessionId: 's' });
        // A first entry, so that those who resume have something to resume from.
        void logs.logChunkToQueue('first', 's');
        for (const one of steps) {
          if (one.do === 'write') for (const text of one.texts) void logs.logChunkToQueue(text, 's');
          else if (one.do === 'pass') vi.advanceTimersByTime(one.millis);
          else if (one.do === 'join') {
            const [map, after] = [maps[one.map], held()[one.after]?.id];
            const call = parseEventStream('test', 's', { map, from: 'start', lastEventId: after, keepAliveMillis: 0 });
            const events = new SessionEvents({ store, refusal: undefined, shares: new ClientShares() }, call);
            await events.open();
            viewers.push({ events, after, format: { map, onError: undefined }, text: '', taking: undefined });
          } else {
            const viewer = viewers[one.who];
            if (viewer === undefined) continue;
            if (one.do === 'take') {
              void take(viewer);
              await new Promise(setImmediate);
            } else {
              viewer.events.close();
              viewers.splice(one.who, 1);
            }
          }
        }
        logs.endSession('s');
        const entries = held();
        for (const viewer of viewers) {
          while (!viewer.events.isDone) await take(viewer);
          expect(viewer.text).toBe(expected(viewer, entries));
        }
        await logs.shutdown();
      }),
      runs(60),
    );
  });
});
