import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest';

import { MemorySessionStore, SessionLogs, SessionLogsError } from '../../src/index.ts';
import type { EndReason, LogEntry, MemorySessionStoreOptions, ReaderOptions, SessionReader } from '../../src/index.ts';
import type { SessionStore } from '../../src/store/session-store.ts';
import { collect } from '../support/collect.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { until } from '../support/until.ts';

describe('SessionReader', () => {
  let sessions: SessionLogs;
  const diagnostics = recordDiagnostics();

  function start(options: MemorySessionStoreOptions = {}): void {
    sessions = new SessionLogs({ store: new MemorySessionStore(options), loggerProvider: () => undefined });
  }
  const log = (...texts: string[]): void => {
    for (const text of texts) void sessions.logChunkToQueue(text, 's');
  };
  const line = (text: string, level: 'debug' | 'info' | 'error' = 'info'): void =>
    sessions.withSession('s', () => sessions.logger[level](text));
  const texts = async (reader: SessionReader<LogEntry>): Promise<string[]> =>
    (await collect(reader)).map(({ message }) => message);

  beforeEach(() => start());
  afterEach(() => sessions.shutdown());

  it('is typed by what it yields', () => {
    expectTypeOf(sessions.getSessionLogs('s')).toEqualTypeOf<SessionReader<string>>();
    expectTypeOf(sessions.followSession('s')).toEqualTypeOf<SessionReader<LogEntry>>();
    expectTypeOf(sessions.pop('s')).toEqualTypeOf<SessionReader<string>>();
    expectTypeOf(sessions.followSession('s').endReason).toEqualTypeOf<EndReason | undefined>();
    expectTypeOf<LogEntry['attributes']>().not.toEqualTypeOf<Record<string, unknown> | undefined>();
  });

  it.each(['enter', 'step'] as const)(
    'a store whose cursor throws in %s() ends the reader, and every call learns it',
    async (method) => {
      log('one');
      const store = Object.assign(Object.create(sessions.processor.store) as SessionStore, {
        open: () =>
          new Proxy(sessions.processor.store.open('s', { from: 'start' }), {
            get(target, name) {
              if (name === method) throw new Error('broken');
              const value: unknown = Reflect.get(target, name, target);
              return typeof value === 'function' ? value.bind(target) : value;
            },
          }),
      });
      const reader = new SessionLogs({ store, loggerProvider: () => undefined }).followSession('s');
      const [first, second] = [reader.next(), reader.next()];
      await expect(first).rejects.toThrow('broken');
      expect(await second).toEqual({ done: true, value: undefined });
      expect(reader.endReason).toBe('failed');
    },
  );

  it("'now' gets only what comes, fixed when the reader is made", async () => {
    log('old');
    const reader = sessions.followSession('s', { from: 'now', idleTimeoutMillis: 0 });
    log('new');
    expect(await texts(reader)).toEqual(['new']);
  });

  it("'stream' starts at the latest stream, and delivers what others log after it too", async () => {
    log('<start>', 'one', '</end>', 'between', '<start>', 'two');
    void sessions.logChunkToQueue('other', 's', { streamId: 'b' });
    const reader = sessions.followSession('s', { from: 'stream', until: 'caught-up' });
    expect(await texts(reader)).toEqual(['<start>', 'two', 'other']);
    expect(reader.endReason).toBe('caught-up');
  });

  it("'start' is the oldest entry of the current life, also of one that ended", async () => {
    log('first life');
    sessions.endSession('s');
    log('second life');
    expect(await texts(sessions.followSession('s', { until: 'caught-up' }))).toEqual(['second life']);
    sessions.endSession('s');
    expect(await texts(sessions.followSession('s', { wait: false }))).toEqual(['second life']);
  });

  it("'caught-up' ends at the entry that was last when the reader was made; an unknown session at once", async () => {
    log('a', 'b');
    const reader = sessions.followSession('s', { until: 'caught-up' });
    log('c');
    expect(await texts(reader)).toEqual(['a', 'b']);
    const unknown = sessions.followSession('unknown', { until: 'caught-up' });
    expect(await texts(unknown)).toEqual([]);
    expect(unknown.endReason).toBe('no-session');
  });

  it('wait: false ends at once for an unknown session and an ended one, and waits on a live one', async () => {
    const unknown = sessions.followSession('s', { wait: false });
    expect(await texts(unknown)).toEqual([]);
    expect(unknown.endReason).toBe('no-session');
    log('a');
    const live = sessions.followSession('s', { wait: false });
    const reading = texts(live);
    await nextTurn();
    log('b');
    sessions.endSession('s');
    expect(await reading).toEqual(['a', 'b']);
    expect(live.endReason).toBe('session-end');
  });

  it('filters by log type, severity and tokens, and what is left out is not missed', async () => {
    log('<start>', 'text');
    line('debug', 'debug');
    line('error', 'error');
    log('</end>');
    const read = (options: object): Promise<string[]> =>
      texts(sessions.followSession('s', { until: 'caught-up', ...options }));
    expect(await read({ logType: 'chat' })).toEqual(['<start>', 'text', '</end>']);
    expect(await read({ logType: 'log' })).toEqual(['debug', 'error']);
    expect(await read({ minimumSeverity: 9 })).toEqual(['<start>', 'text', 'error', '</end>']);
    expect(await read({ tokens: false })).toEqual(['text', 'debug', 'error']);
    const reader = sessions.followSession('s', { until: 'caught-up', logType: 'log', minimumSeverity: 17 });
    expect(await texts(reader)).toEqual(['error']);
    expect(reader.missed).toBe(0);
  });

  it('only unread readers move the mark, to the furthest entry that any of them yielded', async () => {
    log('1', '2', '3');
    await collect(sessions.followSession('s', { until: 'caught-up' }));
    const far = sessions.getSessionLogs('s');
    const near = sessions.getSessionLogs('s');
    await collect(far, 2);
    await collect(near, 1);
    expect(await collect(sessions.getSessionLogs('s', { until: 'caught-up' }))).toEqual(['3']);
  });

  it('the rest of a finished stream with the mark in it is left out, its log lines are not', async () => {
    log('<start>', 'read', 'unread');
    await collect(sessions.getSessionLogs('s'), 2);
    line('a line');
    log('</end>', 'after');
    const reader = sessions.followSession('s', { from: 'unread', until: 'caught-up' });
    expect(await texts(reader)).toEqual(['a line', 'after']);
  });

  describe('from: { last }', () => {
    beforeEach(() => {
      log('<start>', 'a', '<think>', 'b', '</think>', 'c', '</end>');
      line('one');
      line('two', 'error');
      void sessions.logChunkToQueue('broken', 's', { kind: 'error' });
      line('three', 'debug');
    });

    it.each<[ReaderOptions, string[]]>([
      [{}, ['broken', 'three']],
      [{ logType: 'chat' }, ['</end>', 'broken']],
      [{ logType: 'log' }, ['two', 'three']],
      [{ logType: 'log', minimumSeverity: 9 }, ['one', 'two']],
      [{ minimumSeverity: 17 }, ['two', 'broken']],
      [{ logType: 'chat', tokens: false }, ['c', 'broken']],
    ])('gives the newest that pass the filters %j', async (filters, expected) => {
      const reader = sessions.followSession('s', { ...filters, from: { last: 2 }, until: 'caught-up' });
      expect(await texts(reader)).toEqual(expected);
      expect(reader.missed).toBe(0);
    });

    it('does not count the error that a reader of text leaves out', async () => {
      const from = { last: 3 };
      expect(await collect(sessions.getSessionLogs('s', { from, until: 'caught-up' }))).toEqual([
        '</think>',
        'c',
        '</end>',
      ]);
      const streamed: string[] = [];
      for await (const text of sessions.toReadableStream('s', { from, until: 'caught-up' })) streamed.push(text);
      expect(streamed).toEqual(['a', 'b', 'c']);
    });

    it('goes on live, and moves no unread mark', async () => {
      const reader = sessions.getSessionLogs('s', { from: { last: 1 } });
      expect(await collect(reader, 1)).toEqual(['</end>']);
      const live = sessions.getSessionLogs('s', { from: { last: 1 } });
      await live.next();
      const next = live.next();
      line('left out');
      log('new');
      expect(await next).toEqual({ value: 'new', done: false });
      const [first] = await collect(sessions.getSessionLogs('s'), 1);
      expect(first).toBe('<start>');
    });

    it('over HTTP gives the newest of the chat, and after a reconnection what follows the last id', async () => {
      const options = { from: { last: 2 }, until: 'caught-up', map: ({ message }: LogEntry) => message } as const;
      const body = async (lastEventId?: string): Promise<string> =>
        await (await sessions.toEventStreamResponse('s', { ...options, lastEventId })).text();
      const events = await body();
      expect([...events.matchAll(/^data: (".*")$/gm)].map(([, json]) => json)).toEqual([
        '"</end>"',
        '"An error occurred."',
      ]);
      const ids = [...events.matchAll(/^id: (.*)$/gm)].map(([, id]) => id as string);
      expect([...(await body(ids[0])).matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual([ids[1]]);
    });

    it('tells of what was evicted only when fewer are left than were asked for', async () => {
      start({ maxEntriesPerSession: 10 });
      for (let index = 0; index < 30; index += 1) {
        log(`chat ${index}`);
        line(`line ${index}`);
      }
      const read = async (last: number): Promise<[string[], number]> => {
        const reader = sessions.followSession('s', { from: { last }, logType: 'chat', until: 'caught-up', onGap() {} });
        return [await texts(reader), reader.missed];
      };
      const held = [25, 26, 27, 28, 29].map((index) => `chat ${index}`);
      expect(await read(4)).toEqual([held.slice(1), 0]);
      expect(await read(5)).toEqual([held, 0]);
      expect(await read(6)).toEqual([held, 50]);
    });
  });

  it('a reader that has neither yielded nor waited passes an end mark; one that has ends there', async () => {
    log('a');
    const resumed = sessions.followSession('s');
    await collect(resumed, 1);
    sessions.endSession('s');
    const later = sessions.followSession('s', { from: { after: resumed.lastId ?? '' }, idleTimeoutMillis: 0 });
    log('b');
    expect(await texts(later)).toEqual(['b']);
    expect(await texts(resumed)).toEqual([]);
    expect(resumed.endReason).toBe('session-end');
  });

  it('wait: false ends at an end mark, whatever comes after it', async () => {
    log('a');
    const first = sessions.followSession('s');
    await collect(first, 1);
    sessions.endSession('s');
    log('b');
    const reader = sessions.followSession('s', { from: { after: first.lastId ?? '' }, wait: false });
    expect(await texts(reader)).toEqual([]);
    expect(reader.endReason).toBe('session-end');
  });

  it('aborting rejects before anything that is ready, and leaves no listener', async () => {
    log('ready');
    const abort = new AbortController();
    const waiting = sessions.followSession('unknown', { signal: abort.signal });
    const pending = waiting.next();
    const ready = sessions.followSession('s', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
    await expect(ready.next()).rejects.toThrow('enough');
    expect(await ready.next()).toEqual({ done: true, value: undefined });
    expect([waiting.endReason, ready.endReason]).toEqual(['aborted', 'aborted']);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
    expect(sessions.stats().readers).toBe(0);
  });

  it('aborting between two reads rejects the next one, although an entry is ready', async () => {
    log('1', '2');
    const abort = new AbortController();
    const reader = sessions.followSession('s', { signal: abort.signal });
    await reader.next();
    abort.abort(new Error('enough'));
    // Free at once, also when nobody calls `next()` any more.
    expect([sessions.stats().readers, reader.endReason]).toEqual([0, 'aborted']);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
    await expect(reader.next()).rejects.toThrow('enough');
    expect((await reader.next()).done).toBe(true);
  });

  it('an abort by onGap rejects the read in which it happens', async () => {
    start({ maxEntriesPerSession: 1 });
    log('0');
    const abort = new AbortController();
    const onGap = (): void => abort.abort(new Error('enough'));
    const first = sessions.followSession('s', { signal: abort.signal, onGap });
    const later = sessions.followSession('s', { signal: abort.signal, onGap });
    await later.next();
    log('1', '2');
    await expect(later.next()).rejects.toThrow('enough');
    await expect(first.next()).rejects.toThrow('enough');
    expect([sessions.stats().readers, first.endReason, later.endReason]).toEqual([0, 'aborted', 'aborted']);
  });

  it('a signal that cannot be let go of costs no place among the readers', async () => {
    const ignore = (): void => {};
    const removeEventListener = (): never => expect.fail('no listener was added');
    const signal = { aborted: false, addEventListener: ignore, removeEventListener } as unknown as AbortSignal;
    log('a');
    await expect(collect(sessions.followSession('s', { signal, until: 'caught-up' }))).rejects.toThrow();
    expect(sessions.stats().readers).toBe(0);
  });

  it('a thousand readers on one signal cause no warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const abort = new AbortController();
    const pending = Array.from({ length: 1_000 }, () => sessions.followSession('s', { signal: abort.signal }).next());
    await until(() => getEventListeners(abort.signal, 'abort').length > 0);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
    abort.abort(new Error('all'));
    const results = await Promise.allSettled(pending);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(sessions.allSessionsInQueues).toEqual([]);
  });

  it('an idle timeout longer than a timer can be waits all the same', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const reader = sessions.followSession('s', { idleTimeoutMillis: 1e12 });
    const pending = reader.next();
    await sleep(20);
    log('late');
    expect((await pending).value?.message).toBe('late');
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    await reader.return();
  });

  it.each([1, 20, 300])('the idle timeout of %i that wait ends none that has something', async (count) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const readers = Array.from({ length: count }, () => sessions.followSession('s', { idleTimeoutMillis: 50 }));
    const pending = readers.map((reader) => reader.next());
    log('one');
    // In the same turn of the event loop: most of many are not woken yet.
    vi.advanceTimersByTime(50);
    for (const each of await Promise.all(pending)) expect(each.value?.message).toBe('one');
    const ending = readers.map((reader) => reader.next());
    vi.advanceTimersByTime(50);
    for (const each of await Promise.all(ending)) expect(each.done).toBe(true);
    expect(new Set(readers.map(({ endReason }) => endReason))).toEqual(new Set(['idle-timeout']));
  });

  it('overlapping next() calls are answered in order, and all end with the reader', async () => {
    const reader = sessions.getSessionLogs('s');
    const pending = [reader.next(), reader.next(), reader.next(), reader.next()];
    log('1', '2');
    sessions.deleteSession('s');
    expect((await Promise.all(pending)).map(({ value }) => value)).toEqual(['1', '2', undefined, undefined]);
    expect(reader.endReason).toBe('deleted');
  });

  it('the bound of readers refuses the next one, which may try again', async () => {
    start({ maxReaders: 1 });
    log('x');
    const first = sessions.followSession('s');
    await first.next();
    await expect(sessions.followSession('s').next()).rejects.toMatchObject({ code: 'too_many_readers' });
    await expect(sessions.followSession('s').next()).rejects.toThrow(SessionLogsError);
    await expect(sessions.followSession('s').next()).rejects.toThrow('`maxReaders` is 1');
    await first.return();
    expect((await sessions.followSession('s').next()).done).toBe(false);
  });

  it('stays ended when the store ends it while it is asked', async () => {
    const store: SessionStore = new MemorySessionStore();
    store.streamState = () => {
      void reader.return();
      return Promise.resolve('none');
    };
    sessions = new SessionLogs({ store, loggerProvider: () => undefined });
    log('a', 'b');
    const reader = sessions.followSession('s', { until: 'stream-end' });
    expect((await reader.next()).done).toBe(true);
    await nextTurn();
    expect([(await reader.next()).done, reader.endReason, store.stats().readers]).toEqual([true, 'returned', 0]);
  });

  it('a cursor of nobody replays from the oldest entry held and reports an unknown gap', async () => {
    log('a', 'b');
    const gaps: number[] = [];
    const onGap = ({ missed }: { missed: number }): void => void gaps.push(missed);
    const reader = sessions.followSession('s', { from: { after: 'nonsense' }, until: 'caught-up', onGap });
    expect(await texts(reader)).toEqual(['a', 'b']);
    expect([gaps, reader.missed]).toEqual([[-1], -1]);
  });

  it('onGap may end its reader, also when nothing that is left passes the filter', async () => {
    start({ maxEntriesPerSession: 2 });
    log('a');
    const reader = sessions.followSession('s', { logType: 'chat', onGap: () => void reader.return() });
    line('1');
    line('2');
    line('3');
    expect((await reader.next()).done).toBe(true);
    expect(reader.endReason).toBe('returned');
    expect(sessions.stats().readers).toBe(0);
    sessions.deleteSession('s');
    expect(sessions.allSessionsInQueues).toEqual([]);
  });

  it('a gap nobody listens for is one warning per reader', async () => {
    start({ maxEntriesPerSession: 1 });
    log('0');
    const reader = sessions.followSession('s');
    log('1', '2');
    await reader.next();
    log('3', '4', '5');
    await reader.next();
    expect(reader.missed).toBe(4);
    expect(diagnostics.lines.filter((text) => text.includes('missed'))).toHaveLength(1);
  });

  it('shutdown lets readers have what is held, then ends them', async () => {
    log('a', 'b');
    const behind = sessions.followSession('s');
    await behind.next();
    const waiting = sessions.followSession('unknown');
    const pending = waiting.next();
    await sessions.shutdown();
    expect(await texts(behind)).toEqual(['b']);
    expect((await pending).done).toBe(true);
    expect([behind.endReason, waiting.endReason]).toEqual(['shutdown', 'shutdown']);
    expect(sessions.allSessionsInQueues).toEqual(['s']);
    void sessions.logChunkToQueue('late', 's');
    expect(sessions.stats().lost['after_shutdown']).toBe(1);
  });

  it('the end of a reader that never waited comes a turn later, so that loops starve no timer', async () => {
    log('x');
    sessions.endSession('s');
    let rounds = 0;
    let beats = 0;
    const beat = setInterval(() => (beats += 1), 1);
    while (beats < 3) {
      await collect(sessions.followSession('s', { wait: false }));
      await collect(sessions.pop('s', { idleTimeoutMillis: 0 }));
      rounds += 1;
      if (rounds > 100_000) break;
    }
    clearInterval(beat);
    expect(beats).toBeGreaterThanOrEqual(3);
  });

  it('return and throw end it as they end a generator: the value comes back, the error rejects', async () => {
    log('x');
    const returned = sessions.followSession('s');
    const pending = [returned.next(), returned.next(), returned.next()];
    expect(await returned.return('a value')).toEqual({ value: 'a value', done: true });
    expect((await Promise.all(pending)).map(({ done }) => done)).toEqual([false, true, true]);
    expect(await returned.return(Promise.resolve('another'))).toEqual({ value: 'another', done: true });
    expect(await sessions.followSession('s').return()).toEqual({ value: undefined, done: true });

    const thrown = sessions.getSessionLogs('silent');
    const waiting = thrown.next();
    const error = new Error('the consumer gives up');
    await expect(thrown.throw(error)).rejects.toBe(error);
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect((await thrown.next()).done).toBe(true);
    await expect(thrown.throw(error)).rejects.toBe(error);
    expect(thrown.endReason).toBe('returned');
    expect(sessions.stats().readers).toBe(0);
  });

  it('delegates: a generator that yields from it passes return and throw on', async () => {
    log('x');
    const reader = sessions.followSession('s');
    async function* all(): AsyncGenerator<LogEntry> {
      yield* reader;
    }
    const outer = all();
    await outer.next();
    await expect(outer.throw(new Error('stop'))).rejects.toThrow('stop');
    expect(reader.endReason).toBe('returned');
  });

  it('300,000 overlapped calls are settled in order', async () => {
    const reader = sessions.getSessionLogs('s');
    const count = 300_000;
    let settled = 0;
    let inOrder = true;
    // Each of them walked past all before it once: that took minutes.
    for (let i = 0; i < count; i += 1) {
      void reader.next().then(() => {
        inOrder &&= settled === i;
        settled += 1;
      });
    }
    log('a', 'b');
    sessions.endSession('s');
    await nextTurn();
    expect([settled, inOrder]).toEqual([count, true]);
  });

  it.each(['getSessionLogs', 'pop'] as const)('%s gives no text of an error inside the answer', async (method) => {
    log('<start>', 'The capital of France is ');
    void sessions.logChunkToQueue('connect ECONNREFUSED', 's', { kind: 'error', exception: new Error('refused') });
    log('</end>');
    const got = await collect(sessions[method]('s', { idleTimeoutMillis: 0 }));
    expect(got).toEqual(['<start>', 'The capital of France is ', '</end>']);
    const entries = await collect(sessions.followSession('s', { until: 'caught-up' }));
    expect(entries.map(({ kind }) => kind)).toEqual(['stream-start', 'text', 'error', 'stream-end']);
  });

  it('who comes after the end of a session that never had an entry does not wait', async () => {
    sessions.endSession('s');
    for (const options of [{}, { from: 'stream' as const }, { wait: false }, { until: 'caught-up' as const }]) {
      const reader = sessions.followSession('s', options);
      expect(await collect(reader)).toEqual([]);
      expect(reader.endReason).toBe('session-end');
    }
    const turn = sessions.getSessionLogs('s');
    expect(await collect(turn)).toEqual([]);
    const work = sessions.pop('s');
    expect(await collect(work)).toEqual([]);
    expect([turn.endReason, work.endReason]).toEqual(['session-end', 'session-end']);
    // The next turn's readers are not ended by the end of the last one.
    const readers = [sessions.getSessionLogs('s'), sessions.pop('s')];
    const pending = readers.map((reader) => reader.next());
    log('a');
    expect(await Promise.all(pending)).toEqual([
      { value: 'a', done: false },
      { value: 'a', done: false },
    ]);
    for (const reader of readers) void reader.return();
  });

  it('an end without entries takes no room of a session that has some, and is forgotten as any end', async () => {
    let now = 0;
    start({ maxSessions: 2, endedTtlMillis: 1000, now: () => now });
    for (const id of ['a', 'b']) void sessions.logChunkToQueue('x', id);
    sessions.endSession('c');
    expect(sessions.allSessionsInQueue).toEqual(['a', 'b']);
    sessions.deleteSession('b');
    for (const id of ['c', 'd']) sessions.endSession(id);
    expect(sessions.allSessionsInQueue).toEqual(['a']);
    expect((await sessions.followSession('d').next()).done).toBe(true);
    now += 1000;
    const reader = sessions.followSession('d', { idleTimeoutMillis: 0 });
    await collect(reader);
    expect(reader.endReason).toBe('idle-timeout');
    expect(sessions.stats()).toMatchObject({ sessions: 1, lost: {} });
  });

  it('the id of a session that never began leaves with its readers, however they end', async () => {
    for (let round = 0; round < 4; round += 1) {
      const readers = [sessions.followSession('s'), sessions.pop('s'), sessions.getSessionLogs('s')];
      const pending = readers.map((reader) => reader.next());
      expect(sessions.allSessionsInQueues).toEqual(['s']);
      if (round === 0) sessions.endSession('s');
      else if (round === 1) sessions.deleteSession('s');
      else if (round === 2) for (const reader of readers) void reader.return();
      else await sessions.shutdown();
      await Promise.all(pending);
      expect(sessions.allSessionsInQueues).toEqual([]);
      // That it ended is remembered.
      expect(sessions.stats()).toMatchObject({ sessions: round === 0 ? 1 : 0, readers: 0 });
      sessions.deleteSession('s');
    }
  });

  it('a bare-text reader that has had chat text says nothing of log lines', async () => {
    // Before the test that has the hint given: it is given once a minute.
    log('text');
    line('a line');
    expect(await collect(sessions.getSessionLogs('s', { idleTimeoutMillis: 1 }))).toEqual(['text']);
    expect(diagnostics.lines.filter((text) => text.includes("{ logType: 'all' }"))).toEqual([]);
  });

  it('a bare-text reader says once that it leaves out all that is there', async () => {
    line('only a line');
    const reader = sessions.getSessionLogs('s', { idleTimeoutMillis: 1 });
    expect(await collect(reader)).toEqual([]);
    expect(diagnostics.lines.filter((text) => text.includes("{ logType: 'all' }"))).toHaveLength(1);
  });

  describe('pop', () => {
    it('gives each chat entry to exactly one, in order, and followers everything', async () => {
      const follower = sessions.followSession('s');
      const poppers = [sessions.pop('s'), sessions.pop('s'), sessions.pop('s')];
      const reading = poppers.map((popper) => collect(popper));
      log(...Array.from({ length: 50 }, (_, n) => String(n).padStart(2, '0')));
      line('no chat');
      await nextTurn();
      sessions.endSession('s');
      const got = await Promise.all(reading);
      for (const own of got) expect(own).toEqual(own.toSorted());
      expect(got.flat().toSorted()).toEqual(Array.from({ length: 50 }, (_, n) => String(n).padStart(2, '0')));
      expect(await collect(follower)).toHaveLength(51);
    });

    it('a popper that leaves takes nothing with it', async () => {
      const leaving = sessions.pop('s');
      const pending = leaving.next();
      await leaving.return();
      log('x');
      expect((await pending).done).toBe(true);
      expect(await collect(sessions.pop('s', { idleTimeoutMillis: 0 }))).toEqual(['x']);
    });

    it('ends after a stream end, a reasoning stop, and text written without a kind that ends with its token', async () => {
      const ends: [() => void, EndReason][] = [
        [() => log('</end>'), 'stream-end'],
        [() => log('</think>'), 'reasoning-stop'],
        [() => log('thought </think>'), 'reasoning-stop'],
        [() => void sessions.logChunkToQueue('text </think>', 's', { kind: 'text' }), 'idle-timeout'],
        [() => log('</think> text'), 'idle-timeout'],
      ];
      for (const [write, reason] of ends) {
        write();
        const popper = sessions.pop('s', { idleTimeoutMillis: 0 });
        expect(await collect(popper)).toHaveLength(1);
        expect(popper.endReason).toBe(reason);
      }
    });
  });
});
