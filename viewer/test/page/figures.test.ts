import { expect, it } from 'vitest';

import { ageText, clockText, compact, counted, whole } from '../../page/src/list/figures.ts';

it('writes figures that keep within the width of their column', () => {
  const counts = [0, 999, 1_000, 12_345, 999_949, 1_234_567];
  expect(counts.map(compact)).toEqual(['0', '999', '1K', '12.3K', '999.9K', '1.2M']);
  expect(counts.map(whole).at(-1)).toBe('1,234,567');
  expect([1, 2].map((count) => counted(count, 'entry', 'entries'))).toEqual(['1 entry', '2 entries']);
});

it('says how long ago something was, and `now` if clocks differ and it is in the future', () => {
  const ages = [-5_000, 1_999, 2_000, 59_999, 60_000, 3_600_000, 86_400_000, 5 * 86_400_000];
  expect(ages.map((age) => ageText(1_000_000, 1_000_000 + age))).toEqual([
    'now',
    'now',
    '2 s',
    '59 s',
    '1 min',
    '1 h',
    '1 d',
    '5 d',
  ]);
});

it('writes a time with its day where that is another one, and with its year', () => {
  const now = new Date(2026, 10, 26, 14, 3, 59).getTime();
  const other = (year: number, month: number): number => new Date(year, month, 3, 9, 5).getTime();
  expect([now, other(2026, 10), other(2025, 10)].map((millis) => clockText(millis, now))).toEqual([
    '14:03:59',
    'Nov 3, 09:05',
    'Nov 3, 2025',
  ]);
});
