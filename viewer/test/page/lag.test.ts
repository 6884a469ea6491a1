import { expect, it } from 'vitest';

import { Lag } from '../../page/src/lag.ts';

it('takes one late draw for a hiccup, several for an overload, and many in time for its end', () => {
  const lag = new Lag();
  expect([900, 16, 16, 16, 16, 900].map((millis) => lag.drawn(millis))).not.toContain(true);
  expect([900, 900].map((millis) => lag.drawn(millis))).toEqual([false, true]);
  expect(lag.drawn(16)).toBe(true);
  expect(Array.from({ length: 20 }, () => lag.drawn(16)).at(-1)).toBe(false);
});
