import { describe, expect, test } from 'vitest';

import { expiryOf } from '../../../src/export/durable/expiry.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

interface Clocks {
  readonly pass: (millis: number) => void;
  readonly set: (millis: number) => void;
  /** Whether a record of so long after the start has expired. */
  readonly isExpired: (at: number) => boolean;
}

/** Clocks that a test moves, and what has expired by them. */
function setUp(maxAgeMillis: number): Clocks {
  const clock = { wall: 1_000 * DAY, monotonic: 0 };
  const expiredBefore = expiryOf(
    maxAgeMillis,
    () => clock.wall,
    () => clock.monotonic,
  );
  return {
    pass(millis) {
      clock.wall += millis;
      clock.monotonic += millis;
    },
    set(millis) {
      clock.wall += millis;
    },
    isExpired: (at) => 1_000 * DAY + at < expiredBefore(),
  };
}

describe('the age of records', () => {
  test('counts by the clock', () => {
    const { pass, isExpired } = setUp(2 * HOUR);
    expect(isExpired(0)).toBe(false);
    pass(2 * HOUR);
    expect(isExpired(0)).toBe(false);
    pass(1);
    expect(isExpired(0)).toBe(true);
    expect(isExpired(HOUR)).toBe(false);
  });

  test('a clock that is ahead for a while expires nothing, and nothing has happened when it is back', () => {
    const { pass, set, isExpired } = setUp(2 * HOUR);
    set(30 * DAY);
    expect(isExpired(0)).toBe(false);
    pass(HOUR);
    expect(isExpired(0)).toBe(false);
    set(-30 * DAY);
    expect(isExpired(0)).toBe(false);
    pass(HOUR + 1);
    expect(isExpired(0)).toBe(true);
  });

  test('a new time counts when it has stood for a day', () => {
    const { pass, set, isExpired } = setUp(2 * HOUR);
    set(30 * DAY);
    expect(isExpired(0)).toBe(false);
    pass(DAY);
    expect(isExpired(0)).toBe(true);
  });

  test.each([
    [600_000, 300_000],
    [1_000, 60_000],
    [30 * DAY, HOUR],
  ])('of %i ms: a correction of up to %i ms is no jump', (maxAge, correction) => {
    for (const [step, expired] of [
      [correction, true],
      [correction + 1, false],
    ] as const) {
      const { pass, set, isExpired } = setUp(maxAge);
      pass(maxAge);
      set(step);
      expect(isExpired(0)).toBe(expired);
    }
  });

  test('without a bound nothing expires', () => {
    expect(expiryOf(undefined, Date.now)()).toBe(-Infinity);
  });
});
