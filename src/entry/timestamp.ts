const YEAR_0 = -62_167_219_200_000;
const YEAR_10000 = 253_402_300_800_000;

export function isTimestamp(millis: number): boolean {
  return millis >= YEAR_0 && millis < YEAR_10000;
}

const MILLIS_SUFFIX: readonly string[] = Array.from({ length: 1000 }, (_, ms) => `${String(ms).padStart(3, '0')}Z`);
let prefixSecond = Number.NaN;
let prefix = '';

/**
 * Formats a time as `YYYY-MM-DDTHH:mm:ss.sssZ`. Thousands of entries share a second, so the text up to the second is
 * made once.
 */
export function isoTimestamp(millis: number): string {
  const second = Math.floor(millis / 1000);
  if (second !== prefixSecond) {
    prefix = new Date(second * 1000).toISOString().slice(0, 20);
    prefixSecond = second;
  }
  return prefix + (MILLIS_SUFFIX[millis - second * 1000] as string);
}
