import { describe, expect, it } from 'vitest';

import { ClockWatch } from '../../src/export/clock-watch.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

/** A watch over two clocks that the test moves. */
function watchClocks(): { passes: (millis: number) => void; isSet: (byMillis: number) => void; state: () => string } {
  let monotonic = 5_000 * SECOND;
  let wall = Date.UTC(2026, 10, 23, 12);
  const watch = new ClockWatch(
    () => wall,
    () => monotonic,
  );
  return {
    passes: (millis) => {
      monotonic += millis;
      wall += millis;
    },
    isSet: (byMillis) => (wall += byMillis),
    state: () => watch.look().state,
  };
}

describe('a clock that is watched', () => {
  it('is new for a day, then steady', () => {
    const { passes, state } = watchClocks();
    expect(state()).toBe('new');
    passes(DAY - 1);
    expect(state()).toBe('new');
    passes(1);
    expect(state()).toBe('steady');
  });

  it('that comes back from a jump within a day has not jumped', () => {
    const { passes, isSet, state } = watchClocks();
    passes(2 * DAY);
    isSet(30 * DAY);
    expect(state()).toBe('jumped');
    passes(1.5 * SECOND);
    isSet(-30 * DAY);
    expect(state()).toBe('steady');
  });

  it.each([30 * DAY, -30 * DAY, 2 * HOUR])('that was set by %i ms counts when it has stood for a day', (by) => {
    const { passes, isSet, state } = watchClocks();
    passes(2 * DAY);
    isSet(by);
    expect(state()).toBe('jumped');
    passes(DAY - 1);
    expect(state()).toBe('jumped');
    passes(1);
    expect(state()).toBe('steady');
    isSet(-by);
    expect(state()).toBe('jumped');
  });

  it('that jumps on begins its day anew', () => {
    const { passes, isSet, state } = watchClocks();
    isSet(30 * DAY);
    expect(state()).toBe('jumped');
    passes(DAY - HOUR);
    isSet(5 * DAY);
    expect(state()).toBe('jumped');
    passes(DAY - HOUR);
    expect(state()).toBe('jumped');
    passes(HOUR);
    expect(state()).toBe('steady');
  });

  it('may drift, by more than a jump in the end', () => {
    const { passes, isSet, state } = watchClocks();
    for (let hour = 0; hour < 24 * 365; hour += 1) {
      passes(HOUR);
      isSet(5 * SECOND);
      expect(state()).not.toBe('jumped');
    }
  });
});
