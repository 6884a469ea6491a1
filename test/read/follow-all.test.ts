import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';

import { MemorySessionStore, SessionLogs, SessionLogsError } from '../../src/index.ts';
import type { FollowAllOptions, LogEntry, MemorySessionStoreOptions, SessionReader } from '../../src/index.ts';
import { RedisSessionStore } from '../../src/redis.ts';
import { CHUNK_ROWS } from '../../src/store/memory/entry-chunk.ts';
import { EntryLog } from '../../src/store/memory/entry-log.ts';
import { MemorySession } from '../../src/store/memory/memory-session.ts';
import { collect } from '../support/collect.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { until } from '../support/until.ts';

describe('followAll', () => {
  let store: MemorySessionStore;
  let sessions: SessionLogs;
  const diagnostics = recordDiagnostics();

  function start(options: MemorySessionStoreOptions = {}): void {
    store = new MemorySessionStore(options);
    sessions = new SessionLogs({ store, loggerProvider: () => undefined });
  }
  const log = (id: string, ...texts: string[]): void => {
    for (const text of texts) void sessions.logChunkToQueue(text, id);
  };
  /** What is to be had now: `session: text`. */
  async function held(options: FollowAllOptions = {}): Promise<string[]> {
    return (await collect(sessions.followAll({ from: 'oldest', until: 'caught-up', ...options }))).map(named);
  }
  const named = ({ sessionId, message }: LogEntry): string => `${sessionId}: ${message}`;

  beforeEach(() => start());
  afterEach(() => sessions.shutdown());

  it('gives the entries of all sessions in the order logged, from now on, live', async () => {
    expectTypeOf(sessions.followAll()).toEqualTypeOf<SessionReader<LogEntry>>();
    log('a', 'before');
    const reader = sessions.followAll();
    expect(reader.sessionId).toBeUndefined();
    log('b', 'one');
    log('a', 'two');
    expect((await collect(reader, 2)).map(named)).toEqual(['b: one', 'a: two']);
    const waiting = collect(reader, 3);
    await nextTurn();
    log('c', 'three', 'four');
    log('b', 'five');
    expect((await waiting).map(named)).toEqual(['c: three', 'c: four', 'b: five']);
    expect(reader.lastId).toBe(sessions.getAllLogsInQueue().at(-1)?.id);
    expect(reader.missed).toBe(0);
  });

  it('is the same frozen entry as the one of its session', async () => {
    sessions.withSession('a', () => sessions.logger.error('broken', { code: 7 }));
    const [one] = await collect(sessions.followAll({ from: 'oldest' }), 1);
    expect(one).toEqual((await collect(sessions.followSession('a'), 1))[0]);
    expect(one).toEqual(sessions.getAllLogsInQueue()[0]);
    expect(Object.isFrozen(one)).toBe(true);
  });

  it('starts at the oldest entry held, or strictly after any entry held, of whichever session', async () => {
    log('a', '1');
    log('b', '2', '3');
    log('a', '4');
    expect(await held()).toEqual(['a: 1', 'b: 2', 'b: 3', 'a: 4']);
    const ids = sessions.getAllLogsInQueue().map(({ id }) => id);
    for (const [index, after] of ids.entries()) {
      expect(await held({ from: { after } })).toEqual(['a: 1', 'b: 2', 'b: 3', 'a: 4'].slice(index + 1));
    }
    expect(await held({ from: 'now' })).toEqual([]);
    expect(diagnostics.lines.filter((line) => line.includes('missed'))).toEqual([]);
  });

  it('an id of no entry held starts at the oldest one, and says that it does not know what it missed', async () => {
    start({ maxEntriesPerSession: 2 });
    log('a', '1', '2', '3');
    log('gone', '4');
    const gone = store.newestId('gone') as string;
    sessions.deleteSession('gone');
    const other = new SessionLogs({ store: new MemorySessionStore(), loggerProvider: () => undefined });
    void other.logChunkToQueue('x', 'a');
    const [foreign] = other.getAllLogsInQueue();
    const dropped = `${store.newestId('a')?.slice(0, -1)}0`;
    for (const after of [gone, dropped, foreign?.id ?? '', '', 'x', `${store.newestId('a')}0`]) {
      const gaps: number[] = [];
      const onGap = ({ missed }: { missed: number }): unknown => gaps.push(missed);
      expect(await held({ from: { after }, onGap })).toEqual(['a: 2', 'a: 3']);
      expect(gaps).toEqual([-1]);
    }
  });

  it('leaves out what its filters say', async () => {
    log('a', '<think>', 'text');
    sessions.withSession('b', () => sessions.logger.info('fine'));
    sessions.withSession('b', () => sessions.logger.error('broken'));
    expect(await held()).toEqual(['a: <think>', 'a: text', 'b: fine', 'b: broken']);
    expect(await held({ logType: 'chat' })).toEqual(['a: <think>', 'a: text']);
    expect(await held({ logType: 'log' })).toEqual(['b: fine', 'b: broken']);
    expect(await held({ minimumSeverity: 10, tokens: false })).toEqual(['a: text', 'b: broken']);
  });

  it('goes on over ends of sessions, and over their deletion without missing them', async () => {
    const reader = sessions.followAll();
    log('a', '1');
    sessions.endSession('a');
    sessions.endSession('empty');
    log('a', '2');
    log('b', '3');
    sessions.deleteSession('a');
    log('a', '4');
    expect((await collect(reader, 2)).map(named)).toEqual(['b: 3', 'a: 4']);
    const waiting = reader.next();
    sessions.endSession('a');
    sessions.deleteSession('b');
    await nextTurn();
    log('b', '5');
    expect((await waiting).value?.message).toBe('5');
    expect(reader).toMatchObject({ missed: 0, endReason: undefined });
  });

  it('tells of evicted entries where they stood, and not of those it had come over', async () => {
    start({ maxEntriesPerSession: 2 });
    const gaps: number[] = [];
    const reader = sessions.followAll({ from: 'oldest', onGap: ({ missed }) => gaps.push(missed) });
    log('a', '1');
    log('b', '2');
    expect((await collect(reader, 2)).map(named)).toEqual(['a: 1', 'b: 2']);
    log('b', '3');
    log('a', '4', '5', '6');
    log('b', '7', '8');
    log('c', '9');
    // 3 and 4 are gone.
    expect((await collect(reader, 1)).map(named)).toEqual(['a: 5']);
    expect(gaps).toEqual([2]);
    log('a', '10', '11');
    // And 6 with 5, which was read.
    expect((await collect(reader, 5)).map(named)).toEqual(['b: 7', 'b: 8', 'c: 9', 'a: 10', 'a: 11']);
    expect(gaps).toEqual([2, 1]);
    expect(reader.missed).toBe(3);
  });

  it('keeps no session from being evicted, and counts what went with it', async () => {
    start({ maxSessions: 2 });
    const reader = sessions.followAll({ onGap: () => {} });
    const first = reader.next();
    log('a', '1', '2', '3');
    expect((await first).value?.message).toBe('1');
    log('b', '4');
    log('c', '5');
    expect(sessions.allSessionsInQueue).toEqual(['b', 'c']);
    expect((await collect(reader, 2)).map(named)).toEqual(['b: 4', 'c: 5']);
    expect(reader.missed).toBe(2);
  });

  it('ends at the entry that was last when it was made, and misses nothing beyond it', async () => {
    start({ maxEntriesPerSession: 3 });
    log('a', '1', '2');
    const reader = sessions.followAll({ from: 'oldest', until: 'caught-up', onGap: () => {} });
    log('a', '3', '4', '5', '6', '7');
    expect(await reader.next()).toEqual({ value: undefined, done: true });
    expect(reader).toMatchObject({ endReason: 'caught-up', missed: 2 });
    const empty = new SessionLogs({ store: new MemorySessionStore(), loggerProvider: () => undefined });
    expect(await collect(empty.followAll({ from: 'oldest', until: 'caught-up' }))).toEqual([]);
  });

  it.each([1, 40])('counts what is gone with whole chunks, %i of them, to its end and no further', async (chunks) => {
    start({ maxSessions: 1 });
    log('a', ...Array.from({ length: 10 }, () => 'x'));
    const onGap = (): void => {};
    const bounded = sessions.followAll({ from: 'oldest', until: 'caught-up', onGap });
    const live = sessions.followAll({ from: 'oldest', onGap });
    const now = sessions.followAll({ onGap });
    expect((await collect(live, 4)).length).toBe(4);
    for (let n = 0; n < chunks; n += 1) log(`gone ${n}`, ...Array.from({ length: CHUNK_ROWS }, () => 'x'));
    log('last', 'here');
    while (store.log.isBehind) store.log.work(CHUNK_ROWS);
    // What stands in the way of nobody is not kept.
    expect(store.log.stats().rows).toBeLessThanOrEqual(2 * CHUNK_ROWS);
    expect(await collect(bounded)).toEqual([]);
    expect(bounded.missed).toBe(10);
    expect((await collect(live, 1)).map(named)).toEqual(['last: here']);
    expect(live.missed).toBe(6 + chunks * CHUNK_ROWS);
    expect((await collect(now, 1)).map(named)).toEqual(['last: here']);
    expect(now.missed).toBe(chunks * CHUNK_ROWS);
  });

  it('lets others have a turn while it walks over what many evicted entries left', async () => {
    start({ maxSessions: 2, maxEntriesPerSession: 200_000 });
    log('a', 'first');
    const reader = sessions.followAll({ from: 'oldest', onGap: () => {} });
    expect((await collect(reader, 1)).map(named)).toEqual(['a: first']);
    for (let n = 0; n < 100 * CHUNK_ROWS; n += 1) log('gone', 'x');
    log('a', 'second');
    log('b', 'third');
    let hadTurn = false;
    setImmediate(() => (hadTurn = true));
    expect((await collect(reader, 1)).map(named)).toEqual(['a: second']);
    expect(hadTurn).toBe(true);
    expect((await collect(reader, 1)).map(named)).toEqual(['b: third']);
    expect(reader.missed).toBe(100 * CHUNK_ROWS);
    // One that begins now has nothing to walk over, and misses nothing.
    expect(await held()).toEqual(['a: first', 'a: second', 'b: third']);
  });

  it('is woken by what was logged after a walk that took turns, and before it waited', async () => {
    start({ maxSessions: 2, maxEntriesPerSession: 200_000 });
    log('a', 'first');
    const cursor = store.openAll({ from: 'now' });
    for (let n = 0; n < 100 * CHUNK_ROWS; n += 1) log('gone', 'x');
    store.append('a', 'second', 0, undefined);
    store.append('b', 'third', 0, undefined);
    sessions.deleteSession('a');
    sessions.deleteSession('b');
    const step = cursor.step();
    expect(step).toBeInstanceOf(Promise);
    expect(await step).toBe('none');
    log('a', 'fourth');
    await new Promise<void>((resolve) => cursor.wait({ wake: resolve }));
    expect(cursor.step()).toBe('entry');
    expect([cursor.message, cursor.missed]).toEqual(['fourth', 100 * CHUNK_ROWS]);
    cursor.leave();
  });

  it('counts what was evicted of chunks that are gone, and not what was deleted there', async () => {
    start({ maxEntriesPerSession: 4 * CHUNK_ROWS });
    log('a', 'first');
    const readers = ['first', 'never'].map(() => sessions.followAll({ from: 'oldest', onGap: () => {} }));
    expect((await collect(readers[0] as SessionReader<LogEntry>, 1)).map(named)).toEqual(['a: first']);
    for (let n = 0; n < 3 * CHUNK_ROWS; n += 1) log(n % 3 === 0 ? 'evicted' : 'deleted', 'x');
    log('b', 'last');
    sessions.deleteSession('deleted');
    // Of three chunks 1,024 entries: they go, and the last four stay.
    log('evicted', ...Array.from({ length: 4 * CHUNK_ROWS }, () => 'y'));
    while (store.log.isBehind) store.log.work(CHUNK_ROWS);
    expect((await collect(readers[1] as SessionReader<LogEntry>, 1)).map(named)).toEqual(['a: first']);
    for (const reader of readers) {
      expect((await collect(reader, 2)).map(named)).toEqual(['b: last', 'evicted: y']);
      expect(reader.missed).toBe(CHUNK_ROWS);
    }
  });

  it('ends on idle time-out, abort and shutdown, after what is held', async () => {
    log('a', '1');
    const idle = sessions.followAll({ from: 'oldest', idleTimeoutMillis: 5 });
    expect((await collect(idle)).map(named)).toEqual(['a: 1']);
    expect(idle.endReason).toBe('idle-timeout');
    const abort = new AbortController();
    const aborted = sessions.followAll({ signal: abort.signal });
    const rejected = expect(aborted.next()).rejects.toThrow('enough');
    abort.abort(new Error('enough'));
    await rejected;
    expect(aborted.endReason).toBe('aborted');
    const waiting = sessions.followAll();
    const next = waiting.next();
    const late = sessions.followAll({ from: 'oldest' });
    await late.next();
    await sessions.shutdown();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(waiting.endReason).toBe('shutdown');
    expect((await collect(late)).map(named)).toEqual([]);
    expect(late.endReason).toBe('shutdown');
    await expect(sessions.followAll().next()).rejects.toMatchObject({ code: 'shut_down' });
  });

  it('counts as a reader of the store, of no session, from its first next() until it is left', async () => {
    start({ maxReaders: 3, maxReadersPerSession: 1 });
    const readers = [sessions.followAll(), sessions.followAll(), sessions.followAll()];
    expect(sessions.stats().readers).toBe(0);
    for (const reader of readers) void reader.next();
    expect(sessions.stats().readers).toBe(3);
    expect(sessions.allSessionsInQueues).toEqual([]);
    await expect(sessions.followAll().next()).rejects.toMatchObject({ code: 'too_many_readers' });
    for (const reader of readers) await reader.return();
    expect(sessions.stats().readers).toBe(0);
  });

  it('wakes however many wait', async () => {
    const readers = Array.from({ length: 500 }, () => sessions.followAll());
    const first = readers.map((reader) => reader.next());
    log('a', 'one', 'two');
    for (const next of first) expect((await next).value?.message).toBe('one');
    for (const reader of readers) expect((await reader.next()).value?.message).toBe('two');
  });

  it('with a remote store it says what to do instead', async () => {
    const redis = new RedisSessionStore({
      client: { isCluster: false, connect: () => new Promise(() => {}) } as never,
    });
    const remote = new SessionLogs({ store: redis, loggerProvider: () => undefined });
    expect(() => remote.followAll()).toThrow(SessionLogsError);
    expect(() => remote.followAll()).toThrow(/followAll needs a store .* in this process; use followSession/);
    try {
      remote.followAll();
    } catch (error) {
      expect(error).toMatchObject({ code: 'not_supported' });
    }
    await remote.shutdown();
  });

  it('refuses wrong options at once', () => {
    const calls: [unknown, RegExp][] = [
      [
        5,
        /followAll: expected an options object, got 5 \(number\): to limit the wait, give { idleTimeoutMillis: 5000 }/,
      ],
      [{ from: 'start' }, /followAll: .*`from` to be 'now', 'oldest' or { after: id }, got "start"/],
      [{ from: { last: 3 } }, /`from` to be 'now', 'oldest' or { after: id }/],
      [{ from: { after: 3 } }, /`from/],
      [{ until: 'session-end' }, /`until` to be 'caught-up', got "session-end"/],
      [{ wait: false }, /unknown option `wait`/],
      [{ logType: 'text' }, /`logType` to be 'chat', 'log' or 'all', got "text"/],
    ];
    for (const [options, message] of calls) {
      expect(() => sessions.followAll(options as FollowAllOptions)).toThrow(TypeError);
      expect(() => sessions.followAll(options as FollowAllOptions)).toThrow(message);
    }
  });

  it('a follower that is stuck keeps no memory but its position', async () => {
    start({ maxEntriesPerSession: 100 });
    const stuck = sessions.followAll({ onGap: () => {} });
    log('a', 'first');
    await stuck.next();
    for (let n = 0; n < 50 * CHUNK_ROWS; n += 1) log('a', 'x');
    expect(store.log.stats().rows).toBeLessThanOrEqual(2 * CHUNK_ROWS);
    let chunks = 0;
    for (let chunk = store.log.oldestChunk; chunk.newer !== undefined; chunk = chunk.newer) chunks += 1;
    expect(chunks).toBeLessThanOrEqual(2);
    await stuck.next();
    expect(stuck.missed).toBe(50 * CHUNK_ROWS - 100);
  });

  it('keeps nothing of an entry, be it given or left out, while it is not asked or waits', () => {
    const cursor = store.openAll({ from: 'now' });
    const held = (): unknown[] => [cursor.message, cursor.detail];
    sessions.withSession('a', () => sessions.logger.error('given', { key: 'value' }));
    expect(cursor.step()).toBe('entry');
    expect(held()).toEqual(['given', expect.objectContaining({ logType: 'log' })]);
    cursor.delivered();
    expect(held()).toEqual(['', undefined]);
    sessions.withSession('a', () => sessions.logger.error('left out', { key: 'value' }));
    expect(cursor.step()).toBe('entry');
    expect(cursor.step()).toBe('none');
    cursor.wait({ wake() {} });
    expect(held()).toEqual(['', undefined]);
    cursor.leave();
  });

  it('a reader that nobody asked and nobody has any more keeps nothing of the log', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    log('a', 'x');
    const { oldestChunk } = store.log;
    // In a turn of its own, so that nothing on the stack refers to it.
    await nextTurn().then(() => void sessions.followAll());
    expect(oldestChunk.standing).toBe(1);
    await until(() => {
      collectGarbage();
      return oldestChunk.standing === 0;
    }, 'that the reader is collected');
    await sleep(0);
  });

  it('knows the position of an entry by its low 32 bits, however many its session had', () => {
    const session = new MemorySession(new EntryLog(), 's', 'head');
    for (const next of [1, 1_000, 2 ** 31 + 5, 2 ** 32 + 5, 2 ** 40]) {
      session.next = next;
      for (const back of [1, 2, 6, 1_000, 2 ** 31, 2 ** 32 - 1]) {
        if (back <= next) expect(session.positionBy((next - back) | 0)).toBe(next - back);
      }
    }
  });
});
