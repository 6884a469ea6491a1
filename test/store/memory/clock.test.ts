import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemorySessionStore } from '../../../src/index.ts';
import { log } from '../../../src/store/contract/contract-kit.ts';

const MONTH_MILLIS = 30 * 24 * 3_600_000;
const IDLE_MILLIS = 3_600_000;
const ENDED_MILLIS = 300_000;

describe('a clock that is set while sessions are held', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  for (const [step, millis] of [
    ['ahead', MONTH_MILLIS],
    ['back', -MONTH_MILLIS],
  ] as const) {
    it(`a step ${step} expires nothing and keeps nothing: only the time that passes counts`, () => {
      const store = new MemorySessionStore();
      log(store, 'live', 'x');
      log(store, 'ended', 'x');
      store.end('ended');
      vi.setSystemTime(Date.now() + millis);
      log(store, 'new', 'x');
      expect(store.sessionIds()).toEqual(['ended', 'live', 'new']);
      expect(store.stats().lost).toEqual({});
      vi.advanceTimersByTime(ENDED_MILLIS);
      expect(store.sessionIds()).toEqual(['live', 'new']);
      vi.advanceTimersByTime(IDLE_MILLIS);
      expect(store.sessionIds()).toEqual([]);
      expect(store.stats().lost).toEqual({ expired: 3 });
    });
  }
});

describe('a clock of the application that fails', () => {
  it('costs no entry: no time passes meanwhile', () => {
    let read = (): unknown => 5;
    const store = new MemorySessionStore({ now: () => read() as number });
    log(store, 'held', 'x');
    const failing = [NaN, Infinity, undefined, '7', 5n].map((time) => () => time);
    for (read of [...failing, () => Promise.resolve(1), () => expect.fail('no clock')]) {
      log(store, 'held', 'x');
      store.open('held', { from: 'start' });
      expect(store.stats()).toMatchObject({ entries: store.entries().length, lost: {} });
    }
    expect(store.entries()).toHaveLength(8);
    read = () => 5 + IDLE_MILLIS;
    expect(store.stats()).toMatchObject({ entries: 0, lost: { expired: 8 } });
  });

  it('that fails from the start begins to count when it works', () => {
    let read = (): number => NaN;
    const store = new MemorySessionStore({ now: () => read() });
    log(store, 'held', 'x');
    read = () => 9 * IDLE_MILLIS;
    expect(store.stats()).toMatchObject({ entries: 1, lost: {} });
  });
});
