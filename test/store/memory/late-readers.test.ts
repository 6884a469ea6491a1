import { describe, expect, it } from 'vitest';

import { MemorySessionStore, SessionLogs } from '../../../src/index.ts';
import type { ReaderOptions } from '../../../src/index.ts';

const HELD = 10_000;

/** What a reader that comes now gets, and what it is told. */
async function lateReader(
  sessions: SessionLogs,
  options: ReaderOptions,
): Promise<{ readonly got: string[]; readonly gaps: number[] }> {
  const gaps: number[] = [];
  const got: string[] = [];
  const reader = sessions.followSession('s', { ...options, until: 'caught-up', onGap: (gap) => gaps.push(gap.missed) });
  for await (const { message } of reader) got.push(message);
  expect(reader.missed).toBe(gaps.reduce((sum, missed) => sum + missed, 0));
  return { got, gaps };
}

function write(sessions: SessionLogs, count: number, prefix = 'c'): void {
  for (let i = 0; i < count; i += 1) void sessions.logChunkToQueue(`${prefix}${i}`, 's');
}

describe('a reader whose start was evicted is told before its first entry how many are gone', () => {
  it.each(['start', 'stream', 'unread'] as const)('an answer of 30,000 chunks, from %j', async (from) => {
    const sessions = new SessionLogs();
    void sessions.logChunkToQueue('<start>', 's');
    write(sessions, 30_000);
    const { got, gaps } = await lateReader(sessions, { from });
    expect(got).toHaveLength(HELD);
    expect(got[0]).toBe('c20000');
    expect(gaps).toEqual([20_001]);
    await sessions.shutdown();
  });

  it('counts from the start of the life, of the latest answer, and of the unread mark, each for itself', async () => {
    const sessions = new SessionLogs({ store: new MemorySessionStore({ maxEntriesPerSession: 100 }) });
    write(sessions, 300, 'an earlier life');
    sessions.endSession('s');
    write(sessions, 10, 'before');
    const unread = sessions.getSessionLogs('s');
    for (let i = 0; i < 5; i += 1) await unread.next();
    await unread.return();
    void sessions.logChunkToQueue('<start>', 's');
    write(sessions, 20);
    void sessions.logChunkToQueue('</end>', 's');
    // Nothing of the answer is held any more.
    write(sessions, 150, 'after');
    const gone = 10 + 22 + 50;
    expect((await lateReader(sessions, { from: 'start' })).gaps).toEqual([gone]);
    expect((await lateReader(sessions, { from: 'stream' })).gaps).toEqual([gone - 10]);
    expect((await lateReader(sessions, { from: 'unread' })).gaps).toEqual([gone - 5]);
    expect((await lateReader(sessions, { from: 'now' })).gaps).toEqual([]);
    await sessions.shutdown();
  });

  it('counts from the answer that began last, also of two side by side of which nothing is held', async () => {
    const sessions = new SessionLogs({ store: new MemorySessionStore({ maxEntriesPerSession: 100 }) });
    const mark = (kind: 'stream-start' | 'stream-end', streamId: string): void =>
      void sessions.logChunkToQueue('', 's', { kind, streamId });
    mark('stream-start', 'outer');
    mark('stream-start', 'inner');
    mark('stream-end', 'inner');
    mark('stream-end', 'outer');
    write(sessions, 150, 'after');
    expect((await lateReader(sessions, { from: 'stream' })).gaps).toEqual([53]);
    expect((await lateReader(sessions, { from: 'start' })).gaps).toEqual([54]);
    await sessions.shutdown();
  });

  it('is told nothing when its start is held, whatever was evicted before it', async () => {
    const sessions = new SessionLogs({ store: new MemorySessionStore({ maxEntriesPerSession: 100 }) });
    write(sessions, 300, 'an earlier life');
    sessions.endSession('s');
    write(sessions, 10, 'before');
    void sessions.logChunkToQueue('<start>', 's');
    write(sessions, 20);
    for (const from of ['start', 'stream'] as const) {
      expect((await lateReader(sessions, { from })).gaps).toEqual([]);
    }
    await sessions.shutdown();
  });

  it('a pop is told of what nobody popped', async () => {
    const sessions = new SessionLogs({ store: new MemorySessionStore({ maxEntriesPerSession: 100 }) });
    write(sessions, 130);
    const first = sessions.pop('s', { onGap: () => {} });
    expect([(await first.next()).value, first.missed]).toEqual(['c30', 30]);
    write(sessions, 2);
    const second = sessions.pop('s', { onGap: () => {} });
    expect([(await second.next()).value, second.missed]).toEqual(['c32', 1]);
    await sessions.shutdown();
  });
});
