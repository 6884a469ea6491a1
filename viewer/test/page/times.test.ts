import { describe, expect, it } from 'vitest';

import { clockText, dayBetween, sinceText, spanText, timeText } from '../../page/src/pane/times.ts';

describe('times', () => {
  it('of the clock, or since the session began', () => {
    const start = Date.UTC(2026, 10, 26, 10, 0, 0);
    expect(timeText(start + 62_350, 'relative', start)).toBe('+1:02.350');
    expect(timeText(start + 62_350, 'absolute', start)).toMatch(/01:02/);
  });

  it('before the start have a minus', () => {
    expect(sinceText(-1_500)).toBe('−0:01.500');
    expect(spanText(-62_000)).toBe('−1 min 2 s');
  });

  it('of days leave out what has no room in their column', () => {
    const day = 86_400_000;
    expect([4 * day - 1, 4 * day + 3_723_456, 20_784 * day].map(sinceText)).toEqual([
      '+95:59:59.999',
      '+4 d 1:02:03',
      '+20,784 d',
    ]);
  });

  it('run over minutes and hours', () => {
    expect([0, 59_999, 60_000, 3_600_000].map((millis) => clockText(millis))).toEqual([
      '0:00',
      '0:59',
      '1:00',
      '1:00:00',
    ]);
    expect(clockText(1_999.9, 3)).toBe('0:01.999');
  });

  it('of a span are in the unit that fits', () => {
    const spans = [0, 340, 999.6, 6_240, 59_940, 59_960, 185_000, 3_600_000];
    expect(spans.map(spanText)).toEqual([
      '0 ms',
      '340 ms',
      '1.0 s',
      '6.2 s',
      '59.9 s',
      '1 min 0 s',
      '3 min 5 s',
      '1 h 0 min',
    ]);
  });

  it('name the day only where it changes', () => {
    const noon = new Date(2026, 10, 26, 12).getTime();
    expect(dayBetween(noon, noon + 3_600_000)).toBeUndefined();
    expect(dayBetween(undefined, noon)).toBeUndefined();
    expect(dayBetween(noon, noon + 86_400_000)).toMatch(/27/);
  });
});
