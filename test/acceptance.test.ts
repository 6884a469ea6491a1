import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { MemorySessionStore, SessionLogs, SessionLogsError } from '../src/index.ts';
import { collect } from './support/collect.ts';
import { sdkLines } from './support/sdk-lines.ts';
import type { SdkLine } from './support/sdk-lines.ts';

/** What a provider of that line leads to; without one chunks go straight into the queues. */
const setups: readonly (readonly [string, SdkLine | undefined])[] = [...sdkLines, ['without a provider', undefined]];

describe.each(setups)('session logs, %s', (_name, line) => {
  const open: { shutdown(): Promise<void> }[] = [];

  function start(store?: MemorySessionStore): SessionLogs {
    let provider: InstanceType<SdkLine['sdk']['LoggerProvider']> | undefined;
    const sessions = new SessionLogs({ store, loggerProvider: () => provider });
    if (line !== undefined) provider = new line.sdk.LoggerProvider({ processors: [sessions.processor] });
    open.push(sessions);
    return sessions;
  }

  afterEach(async () => {
    await Promise.all(open.splice(0).map((sessions) => sessions.shutdown()));
  });

  it('1: a chunk logged is held with id and ISO timestamp', () => {
    const sessions = start();
    void sessions.logChunkToQueue('Hello', 'abc123');
    const entries = sessions.getAllLogsInQueue();
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ sessionId: 'abc123', message: 'Hello', logType: 'chat', kind: 'text' });
    expect(entries[0]?.id).toMatch(/^[!-~]+$/);
    expect(entries[0]?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('2: sessions logged out of order are listed sorted and unique, and each reads only its own in order', async () => {
    const sessions = start();
    for (const [id, text] of [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
      ['a', '4'],
    ] as const) {
      await sessions.logChunkToQueue(text, id);
    }
    expect(sessions.allSessionsInQueue).toEqual(['a', 'b']);
    expect(await collect(sessions.getSessionLogs('a', { until: 'caught-up' }))).toEqual(['2', '4']);
    expect(await collect(sessions.getSessionLogs('b', { until: 'caught-up' }))).toEqual(['1', '3']);
  });

  it('3: pop ends after a message that ends with the reasoning stop token, and the rest is left', async () => {
    const sessions = start();
    for (const text of ['Message 1', 'Message 2 </think>', 'Message 3']) await sessions.logChunkToQueue(text, 's');
    const reader = sessions.pop('s');
    expect(await collect(reader)).toEqual(['Message 1', 'Message 2 </think>']);
    expect(reader.endReason).toBe('reasoning-stop');
    expect(await collect(sessions.pop('s', { idleTimeoutMillis: 0 }))).toEqual(['Message 3']);
  });

  it('4: what was logged before any distribute() is readable, and the finite form resolves at once', async () => {
    const sessions = start();
    await sessions.distribute({ finite: true });
    await sessions.logChunkToQueue('early', 's');
    expect(await collect(sessions.getSessionLogs('s', { until: 'caught-up' }))).toEqual(['early']);
    await sessions.distribute({ finite: true });
  });

  it('5: two readers both get all ten; a new unread reader goes on where the first one left', async () => {
    const sessions = start();
    const readers = [sessions.followSession('s'), sessions.followSession('s')];
    const reading = readers.map((reader) => collect(reader, 10));
    for (let n = 1; n <= 10; n += 1) await sessions.logChunkToQueue(String(n), 's');
    for (const entries of await Promise.all(reading)) {
      expect(entries.map((entry) => entry.message)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    }
    const unread = sessions.getSessionLogs('s');
    expect(await collect(unread, 4)).toEqual(['1', '2', '3', '4']);
    await unread.return();
    expect(await collect(sessions.getSessionLogs('s'), 1)).toEqual(['5']);
  });

  it('6: 100 reconnects by cursor at odd places while logging give every entry once', async () => {
    const sessions = start();
    const total = 2_000;
    const producing = (async () => {
      for (let n = 0; n < total; n += 1) {
        await sessions.logChunkToQueue(String(n), 's');
        if (n % 7 === 0) await nextTurn();
      }
      sessions.endSession('s');
    })();
    const seen: string[] = [];
    let lastId: string | undefined;
    for (let connection = 0; connection <= 100; connection += 1) {
      const reader = sessions.followSession('s', lastId === undefined ? {} : { from: { after: lastId } });
      const entries = await collect(reader, connection === 100 ? Infinity : 1 + ((connection * 13) % 29));
      seen.push(...entries.map((entry) => entry.message));
      lastId = reader.lastId ?? lastId;
      await reader.return();
    }
    await producing;
    expect(seen).toEqual(Array.from({ length: total }, (_, n) => String(n)));
  });

  it('7: break, return() during a pending next() and disposal leave no reader over', async () => {
    const sessions = start();
    await sessions.logChunkToQueue('x', 's');
    for await (const _ of sessions.followSession('s')) break;
    const waiting = sessions.followSession('other');
    const pending = waiting.next();
    expect(sessions.stats().readers).toBe(1);
    await waiting.return();
    expect(await pending).toEqual({ done: true, value: undefined });
    const disposed = sessions.followSession('s');
    await disposed.next();
    await disposed[Symbol.asyncDispose]();
    expect(sessions.stats().readers).toBe(0);
    expect(sessions.allSessionsInQueues).toEqual(['s']);
  });

  it('8: the idle timeout counts only while next() waits, and what is ready is delivered first', async () => {
    const sessions = start();
    const reader = sessions.getSessionLogs('s', { idleTimeoutMillis: 500 });
    const reading = collect(reader);
    for (let n = 0; n < 4; n += 1) {
      await sleep(20);
      await sessions.logChunkToQueue(String(n), 's');
    }
    expect(await reading).toEqual(['0', '1', '2', '3']);
    expect(reader.endReason).toBe('idle-timeout');
    for (let n = 0; n < 5; n += 1) await sessions.logChunkToQueue(`ready ${n}`, 's');
    const slow: string[] = [];
    for await (const text of sessions.getSessionLogs('s', { idleTimeoutMillis: 1 })) {
      slow.push(text);
      await sleep(5);
    }
    expect(slow).toHaveLength(5);
  });

  it("9: four producers interleaved keep each producer's order", async () => {
    const sessions = start();
    const produce = async (name: string): Promise<void> => {
      for (let n = 0; n < 1_000; n += 1) {
        await sessions.logChunkToQueue(`${name}${n}`, 's');
        if (n % 17 === 0) await nextTurn();
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(produce));
    const seen = await collect(sessions.getSessionLogs('s', { until: 'caught-up' }));
    expect(seen).toHaveLength(4_000);
    for (const name of ['a', 'b', 'c', 'd']) {
      const own = seen.filter((text) => text.startsWith(name));
      expect(own).toEqual(Array.from({ length: 1_000 }, (_, n) => `${name}${n}`));
    }
  });

  it('10: a reader behind a full ring is told exactly what it missed', async () => {
    const sessions = start(new MemorySessionStore({ maxEntriesPerSession: 100 }));
    const gaps: number[] = [];
    const reader = sessions.followSession('s', { onGap: ({ missed }) => gaps.push(missed) });
    const first = reader.next();
    for (let n = 0; n <= 250; n += 1) await sessions.logChunkToQueue(String(n), 's');
    expect((await first).value?.message).toBe('0');
    const rest = await collect(reader, 100);
    expect(gaps).toEqual([150]);
    expect(reader.missed).toBe(150);
    expect(rest.map((entry) => entry.message)).toEqual(Array.from({ length: 100 }, (_, n) => String(n + 151)));
  });

  it('11: of 20,000 sessions 1,000 are held, the one with a reader among them', async () => {
    const sessions = start(new MemorySessionStore({ maxSessions: 1_000 }));
    await sessions.logChunkToQueue('kept', 'first');
    const reader = sessions.followSession('first');
    await reader.next();
    for (let n = 0; n < 20_000; n += 1) await sessions.logChunkToQueue('x', `session-${n}`);
    expect(sessions.stats().sessions).toBe(1_000);
    expect(sessions.allSessionsInQueue).toContain('first');
    expect(sessions.allSessionsInQueue).toContain('session-19999');
    expect(sessions.stats().lost['store_full']).toBe(19_001);
    await reader.return();
  });

  it('12: hostile session ids are ids like any other', async () => {
    const sessions = start();
    const ids = ['__proto__', 'constructor', '../../etc', 'a\r\nb', 'x'.repeat(256), '👩‍👩‍👧', 'toString', ' '];
    for (const id of ids) await sessions.logChunkToQueue(`for ${id}`, id);
    for (const id of ids) {
      expect(await collect(sessions.getSessionLogs(id, { until: 'caught-up' }))).toEqual([`for ${id}`]);
    }
    expect(sessions.allSessionsInQueue).toEqual(ids.toSorted());
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('13: pop looks at entries of its own session only', async () => {
    const sessions = start(new MemorySessionStore({ maxEntriesPerSession: 20_000 }));
    const order: string[] = [];
    for (let n = 0; n < 10_000; n += 1) await sessions.logChunkToQueue(String(n), `other-${n % 10}`);
    await sessions.logChunkToQueue('mine', 'mine');
    expect(await collect(sessions.pop('mine', { idleTimeoutMillis: 0 }))).toEqual(['mine']);
    for (const entry of sessions.getAllLogsInQueue()) order.push(entry.message);
    expect(order).toEqual([...Array.from({ length: 10_000 }, (_, n) => String(n)), 'mine']);
  });

  it('16: a turn that was cut off never shows up in the next one', async () => {
    const sessions = start();
    const turn = async (texts: string[]): Promise<void> => {
      for (const text of texts) await sessions.logChunkToQueue(text, 's');
    };
    await turn(['<start>', 'one ', 'two ']);
    const reader = sessions.getSessionLogs('s', { tokens: false });
    expect(await collect(reader, 2)).toEqual(['one ', 'two ']);
    await reader.return();
    await turn(['three', '</end>', '<start>', 'second turn', '</end>']);
    expect(await collect(sessions.getSessionLogs('s', { until: 'stream-end' }))).toEqual([
      '<start>',
      'second turn',
      '</end>',
    ]);
  });

  it('17: loops around readers starve nobody, over an ended session and after shutdown', async () => {
    const sessions = start();
    await sessions.logChunkToQueue('x', 's');
    sessions.endSession('s');
    let rounds = 0;
    let isOver = false;
    const looping = (async () => {
      while (!isOver) {
        for await (const _ of sessions.getSessionLogs('s', { wait: false })) rounds += 1;
      }
    })();
    for (let beat = 0; beat < 20; beat += 1) await sleep(1);
    isOver = true;
    await looping;
    expect(rounds).toBe(1);
    await sessions.shutdown();
    const after = sessions.getSessionLogs('s');
    await expect(after.next()).rejects.toThrow(SessionLogsError);
    await expect(sessions.getSessionLogs('s').next()).rejects.toMatchObject({ code: 'shut_down' });
    expect(await after.next()).toEqual({ done: true, value: undefined });
  });

  it('18: leveled lines and tokens in one session stay apart for those who read chat', async () => {
    const sessions = start();
    await sessions.logChunkToQueue('<start>', 's');
    sessions.withSession('s', () => sessions.logger.info('a server line'));
    await sessions.logChunkToQueue('token', 's');
    expect(await collect(sessions.getSessionLogs('s', { until: 'caught-up' }))).toEqual(['<start>', 'token']);
    const all = await collect(sessions.followSession('s', { until: 'caught-up' }));
    expect(all.map((entry) => `${entry.logType}:${entry.message}`)).toEqual([
      'chat:<start>',
      'log:a server line',
      'chat:token',
    ]);
  });

  it('19: trailing entries that a filter leaves out make no reader spin; an end before the first chunk ends who waits', async () => {
    const sessions = start();
    await sessions.logChunkToQueue('token', 's');
    await sessions.logChunkToQueue('</end>', 's');
    sessions.withSession('s', () => sessions.logger.info('trailing'));
    sessions.endSession('s');
    let readers = 0;
    let isOver = false;
    const looping = (async () => {
      while (!isOver) {
        readers += 1;
        for await (const _ of sessions.getSessionLogs('s', { tokens: false, idleTimeoutMillis: 2 })) continue;
      }
    })();
    const began = performance.now();
    await sleep(40);
    isOver = true;
    await looping;
    // Each waits for its timer, which may be early by less than a millisecond.
    expect(readers).toBeLessThanOrEqual(performance.now() - began + 1);
    const early = sessions.getSessionLogs('not yet');
    const pending = early.next();
    sessions.endSession('not yet');
    expect((await pending).done).toBe(true);
    expect(early.endReason).toBe('session-end');
  });

  it('20: streams side by side are followed each to its end; a start after a crash abandons the open one', async () => {
    const sessions = start();
    const a = { streamId: 'a' };
    const b = { streamId: 'b' };
    const log = (text: string, options?: { streamId: string }): void =>
      void sessions.logChunkToQueue(text, 's', options);
    log('<start>', a);
    log('<start>', b);
    log('a1', a);
    log('b1', b);
    log('</end>', b);
    log('a2', a);
    log('</end>', a);
    const first = sessions.followSession('s', { until: 'stream-end' });
    expect((await collect(first)).map((entry) => entry.message)).toEqual([
      '<start>',
      '<start>',
      'a1',
      'b1',
      '</end>',
      'a2',
      '</end>',
    ]);
    expect(first.endReason).toBe('stream-end');
    log('<start>');
    log('half an ans');
    log('<start>');
    log('answer');
    log('</end>');
    const second = sessions.followSession('s', { from: { after: first.lastId ?? '' }, until: 'stream-end' });
    const entries = await collect(second);
    expect(entries.map((entry) => entry.message)).toEqual([
      '<start>',
      'half an ans',
      '</end>',
      '<start>',
      'answer',
      '</end>',
    ]);
    expect(entries[2]?.attributes).toEqual({ 'gen_ai.response.finish_reasons': ['abandoned'] });
  });

  it('15: 2,000 concurrent sessions with awaits between records, without a context manager: none misrouted', async () => {
    const sessions = start();
    await Promise.all(
      Array.from({ length: 2_000 }, (_, n) =>
        sessions.withSession(`session-${n}`, async () => {
          for (let step = 0; step < 3; step += 1) {
            await nextTurn();
            sessions.logger.info(`${n}:${step}`);
          }
        }),
      ),
    );
    const entries = sessions.getAllLogsInQueue();
    expect(entries).toHaveLength(6_000);
    expect(entries.filter((entry) => `session-${entry.message.split(':')[0]}` !== entry.sessionId)).toEqual([]);
  });
});
