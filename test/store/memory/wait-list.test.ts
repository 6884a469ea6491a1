import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { MemorySessionStore, SessionLogs } from '../../../src/index.ts';
import type { LogEntry, SessionReader } from '../../../src/index.ts';
import { WaitList } from '../../../src/store/memory/wait-list.ts';
import type { WaitNode } from '../../../src/store/memory/wait-list.ts';
import { until } from '../../support/until.ts';

const MANY = 2_000;

/** Readers that wait on the session, each with what it got. */
async function waiting(
  count: number,
): Promise<{ sessions: SessionLogs; readers: SessionReader<LogEntry>[]; got: string[][] }> {
  const sessions = new SessionLogs({ store: new MemorySessionStore({ maxReadersPerSession: 10_000 }) });
  const got: string[][] = [];
  const readers = Array.from({ length: count }, (_, index) => {
    const own: string[] = (got[index] = []);
    const reader = sessions.followSession('s', { from: 'now' });
    void (async () => {
      for await (const { message } of reader) own.push(message);
    })();
    return reader;
  });
  await nextTurn();
  return { sessions, readers, got };
}

/** A cursor that waits again as soon as it is woken. */
function addCursor(list: WaitList, onWake: () => void): void {
  const node: WaitNode = {
    waiter: {
      wake: () => {
        onWake();
        list.add(node);
      },
    },
    list: undefined,
    previous: undefined,
    following: undefined,
    notify: () => {},
  };
  list.add(node);
}

/** How many `next()` calls of readers were settled. */
function settled(got: readonly string[][], message: string): number {
  return got.filter((own) => own.includes(message)).length;
}

describe('many readers that wait on one session', () => {
  it('cost the producer nothing: they are woken in turns to come, a part in each, and all get each entry once', async () => {
    const { sessions, got } = await waiting(MANY);
    void sessions.logChunkToQueue('a', 's');
    await Promise.resolve();
    expect(settled(got, 'a')).toBe(0);
    let turns = 0;
    for (; settled(got, 'a') < MANY; turns += 1) await nextTurn();
    expect(turns).toBeGreaterThan(2);
    // In the middle of the turns for one entry another comes.
    void sessions.logChunkToQueue('b', 's');
    await nextTurn();
    expect(settled(got, 'b')).toBeLessThan(MANY);
    void sessions.logChunkToQueue('c', 's');
    await until(() => settled(got, 'c') === MANY, 'all have it');
    for (const own of got) expect(own).toEqual(['a', 'b', 'c']);
    await sessions.shutdown();
  });

  it('may leave while others are woken, and the rest is woken all the same', async () => {
    const { sessions, readers, got } = await waiting(MANY);
    void sessions.logChunkToQueue('a', 's');
    await nextTurn();
    const isEven = (index: number): boolean => index % 2 === 0;
    const before = got.map((own) => own.length);
    // The last of those that are due is among those that leave.
    for (const [index, reader] of readers.entries()) if (!isEven(index)) await reader.return();
    await until(() => got.every((own, index) => !isEven(index) || own.length === 1), 'those that stayed have it');
    for (const [index, own] of got.entries())
      if (!isEven(index)) expect(own.length).toBeGreaterThanOrEqual(before[index] ?? 0);
    expect(sessions.stats().readers).toBe(MANY / 2);
    await sessions.shutdown();
    await until(() => readers.every(({ endReason }) => endReason !== undefined), 'all have ended');
    expect(sessions.stats().readers).toBe(0);
  });

  it('all learn the end of a session that began and ended within one turn', async () => {
    const { sessions, readers, got } = await waiting(MANY);
    void sessions.logChunkToQueue('a', 's');
    sessions.endSession('s');
    await until(() => readers.every(({ endReason }) => endReason === 'session-end'), 'all have ended');
    expect(settled(got, 'a')).toBe(MANY);
    await sessions.shutdown();
  });

  it('all learn the deletion of a session that began within the same turn', async () => {
    const { sessions, readers } = await waiting(MANY);
    void sessions.logChunkToQueue('a', 's');
    sessions.deleteSession('s');
    await until(() => readers.every(({ endReason }) => endReason === 'deleted'), 'all have ended');
    await sessions.shutdown();
  });

  it('are woken at once after a pause, and together for what is logged in quick succession', async () => {
    const list = new WaitList();
    const wakings = Array.from({ length: 1_000 }, () => 0);
    for (const index of wakings.keys()) addCursor(list, () => (wakings[index] = (wakings[index] ?? 0) + 1));
    const turns = async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn += 1) await nextTurn();
    };
    list.wakeAll();
    await turns(5);
    expect(new Set(wakings)).toEqual(new Set([1]));
    for (let n = 0; n < 20; n += 1) {
      list.wakeAll();
      await turns(5);
    }
    await until(() => wakings.every((count) => count >= 2), 'all are woken again');
    // 21 times if each write woke them; once more on a machine that stands still for 80 ms.
    expect(Math.max(...wakings)).toBeLessThan(10);
  });

  it('few are woken within the write', async () => {
    const sessions = new SessionLogs();
    const readers = [1, 2, 3].map(() => sessions.followSession('s'));
    const firsts = readers.map((reader) => reader.next());
    void sessions.logChunkToQueue('a', 's');
    expect(readers.map(({ lastId }) => typeof lastId)).toEqual(['string', 'string', 'string']);
    await Promise.all(firsts);
    await sessions.shutdown();
  });
});
