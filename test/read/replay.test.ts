import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import type { SessionReplay } from '../../src/read/replay.ts';

let sessions: SessionLogs;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  sessions = new SessionLogs();
  for (const [message, timestamp] of [
    ['a', 1_000],
    ['b', 1_250],
    ['early', 900],
    ['c', 3_250],
  ] as const) {
    await sessions.logChunkToQueue(message, 's', { timestamp });
  }
});

afterEach(async () => {
  await sessions.shutdown();
  vi.useRealTimers();
});

/** What comes, with the millisecond of the clock at which it came. */
function watch(replay: SessionReplay): { readonly seen: [string, number][]; readonly over: Promise<string> } {
  const seen: [string, number][] = [];
  const began = performance.now();
  const read = async (): Promise<string> => {
    for await (const { message } of replay) seen.push([message, Math.round(performance.now() - began)]);
    return 'over';
  };
  return { seen, over: read() };
}

describe('a replay', () => {
  it('has the pauses that the entries had, and ends after the last one held', async () => {
    const replay = sessions.replaySession('s');
    const { seen, over } = watch(replay);
    await vi.advanceTimersByTimeAsync(1_000);
    await sessions.logChunkToQueue('after it began', 's');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await over).toBe('over');
    expect(seen).toEqual([
      ['a', 0],
      ['b', 250],
      ['early', 250],
      ['c', 2_250],
    ]);
    expect(replay.endReason).toBe('caught-up');
    expect(sessions.stats().readers).toBe(0);
  });

  it('is faster by `speed`, and without pauses with Infinity', async () => {
    const { seen, over } = watch(sessions.replaySession('s', { speed: 10 }));
    await vi.advanceTimersByTimeAsync(300);
    await over;
    expect(seen).toEqual([
      ['a', 0],
      ['b', 25],
      ['early', 25],
      ['c', 225],
    ]);
    const { over: atOnce } = watch(sessions.replaySession('s', { speed: Infinity }));
    expect(await atOnce).toBe('over');
  });

  it('ends in the middle of a pause when it is returned, and when the signal aborts', async () => {
    const replay = sessions.replaySession('s');
    const calls = [replay.next(), replay.next(), replay.next()];
    await vi.advanceTimersByTimeAsync(10);
    expect(await replay.return('given back')).toEqual({ value: 'given back', done: true });
    expect((await Promise.all(calls)).map(({ value, done }) => [value?.message, done])).toEqual([
      ['a', false],
      [undefined, true],
      [undefined, true],
    ]);
    const aborting = new AbortController();
    const aborted = sessions.replaySession('s', { signal: aborting.signal });
    await aborted.next();
    const pending = aborted.next();
    await vi.advanceTimersByTimeAsync(10);
    aborting.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
    expect(await aborted.next()).toEqual({ value: undefined, done: true });
    expect(sessions.stats().readers).toBe(0);
    expect(vi.getTimerCount()).toBeLessThan(3);
  });

  it('leaves nothing at the signal when its reader fails', async () => {
    await sessions.shutdown();
    const { signal } = new AbortController();
    await expect(sessions.replaySession('s', { signal }).next()).rejects.toThrow('shut down');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('of a session that is not there ends at once, and a wrong option is refused', async () => {
    expect(await sessions.replaySession('unknown').next()).toEqual({ value: undefined, done: true });
    for (const speed of [0, -1, Number.NaN, '2']) {
      expect(() => sessions.replaySession('s', { speed } as never)).toThrow(
        'replaySession: expected `speed` to be a number above 0, or Infinity for no pauses',
      );
    }
    expect(() => sessions.replaySession('s', { from: 'start' } as never)).toThrow('unknown option `from`');
    expect(() => sessions.replaySession('')).toThrow('session id');
  });
});
