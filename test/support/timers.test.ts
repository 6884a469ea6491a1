import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { startInterval, startTimer } from '../../src/support/timers.ts';

describe('timers of any length', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 1e11])('%d ms: calls back once, and not before', (millis) => {
    let calls = 0;
    startTimer(() => (calls += 1), millis);
    vi.advanceTimersByTime(millis - 1);
    expect(calls).toBe(0);
    // A long timer looks at the clock every 24.8 days.
    vi.advanceTimersByTime(2 ** 31);
    expect(calls).toBe(1);
    vi.advanceTimersByTime(2 ** 33);
    expect(calls).toBe(1);
  });

  it('is never for Infinity, and is cleared as any other', () => {
    let calls = 0;
    const timer = startTimer(() => (calls += 1), Infinity);
    const cleared = startTimer(() => (calls += 1), 2 ** 31 + 5);
    vi.advanceTimersByTime(2 ** 31);
    clearTimeout(cleared);
    vi.advanceTimersByTime(2 ** 35);
    expect(calls).toBe(0);
    clearTimeout(timer);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('an interval of any length is no busy loop', () => {
    let calls = 0;
    const timer = startInterval(() => (calls += 1), Infinity);
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect(calls).toBe(0);
    clearInterval(timer);
  });
});
