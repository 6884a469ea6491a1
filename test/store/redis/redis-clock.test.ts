import { setImmediate as turn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { RedisFailure, RedisSessionStore } from '../../../src/redis.ts';
import type { RedisCommand, RedisPort, RedisReply } from '../../../src/redis.ts';
import { until } from '../../support/until.ts';

const HOUR_MILLIS = 3_600_000;

/** A server that answers as the test says and takes no subscription. */
function portOf(answer: (command: RedisCommand) => RedisReply): RedisPort {
  return {
    isCluster: false,
    connect: (events) => {
      queueMicrotask(() => events.ready());
      return {
        exec: (commands) => Promise.resolve(commands.map(answer)),
        subscribe: () => Promise.reject(new Error('NOPERM no')),
        unsubscribe: () => Promise.resolve(),
        close: () => {},
      };
    },
  };
}

describe('a clock that is set while Redis is used', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('a step back does not hold up what Redis refused for a moment', async () => {
    let refusals = 0;
    const stored: string[] = [];
    const port = portOf(({ args }) => {
      if (args[0] !== 'XADD') return 1;
      if (refusals++ === 0) return new RedisFailure('TRYAGAIN', new Error('TRYAGAIN'));
      stored.push(args.join(' '));
      return '1-0';
    });
    const store = new RedisSessionStore({ client: port });
    store.append('s', 'x', 0, undefined);
    await until(() => refusals === 1);
    vi.setSystemTime(Date.now() - HOUR_MILLIS);
    await until(() => stored.length === 1, 'the entry is stored', 10_000);
    await store.close();
  });

  it('a step back does not keep readers without a subscription from looking again', async () => {
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] });
    const store = new RedisSessionStore({ client: portOf(() => []) });
    const cursor = store.open('s', { from: 'start' });
    expect(await cursor.step()).toBe('unknown');
    let wakes = 0;
    cursor.wait({ wake: () => (wakes += 1) });
    for (let index = 0; index < 10; index += 1) await turn();
    const before = wakes;
    vi.setSystemTime(Date.now() - HOUR_MILLIS);
    vi.advanceTimersByTime(4_000);
    expect(wakes).toBe(before);
    vi.advanceTimersByTime(2_000);
    expect(wakes).toBe(before + 1);
    cursor.leave();
    await store.close();
  });

  it('a step ahead forgets no session that this process has written to', async () => {
    const store = new RedisSessionStore({ client: portOf(() => '1-0') });
    store.append('s', 'x', 0, undefined);
    await store.flush();
    vi.setSystemTime(Date.now() + 30 * 24 * HOUR_MILLIS);
    expect(store.sessionIds()).toEqual(['s']);
    expect(store.activeSessionIds()).toEqual(['s']);
    await store.close();
  });
});
