import { whole } from '../list/figures.ts';

const DAY_MILLIS = 86_400_000;

/** How times are shown: by the clock, or since the session began. */
export type TimeMode = 'absolute' | 'relative';

// Made once: a formatter takes fifty times as long to make as to use.
// In the language of the page, as the list writes them: a browser may write other digits.
const CLOCK = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/** The time of a block. @param startMillis When the session began. */
export function timeText(millis: number, mode: TimeMode, startMillis: number): string {
  return mode === 'absolute' ? CLOCK.format(millis) : sinceText(millis - startMillis);
}

/** The day, if it differs from that of the time before. */
export function dayBetween(beforeMillis: number | undefined, millis: number): string | undefined {
  const day = DAY.format(millis);
  return beforeMillis === undefined || DAY.format(beforeMillis) === day ? undefined : day;
}

/** The time in full, for a title. */
export function fullTime(millis: number): string {
  return `${DAY.format(millis)}, ${CLOCK.format(millis)}.${String(Math.floor(millis) % 1_000).padStart(3, '0')}`;
}

/**
 * Time since the start, of a width that a column can have: `+0:00.000`, `+1:02.350`, `+1:00:00.000`, `+4 d 1:00:00`,
 * `+1,000 d`.
 */
export function sinceText(millis: number): string {
  const [sign, span] = [millis < 0 ? '−' : '+', Math.abs(millis)];
  const days = Math.floor(span / DAY_MILLIS);
  if (days >= 1_000) return `${sign}${whole(days)} d`;
  return days < 4 ? sign + clockText(span, 3) : `${sign}${days} d ${clockText(span % DAY_MILLIS)}`;
}

/** A span of time as on a stopwatch: `0:12`, `1:02:03`. @param digits Of a second. */
export function clockText(millis: number, digits = 0): string {
  const unit = 10 ** (3 - digits);
  const all = Math.floor(millis / unit) * unit;
  const hours = Math.floor(all / 3_600_000);
  const minutes = Math.floor(all / 60_000) % 60;
  const seconds = Math.floor(all / 1_000) % 60;
  const rest = digits === 0 ? '' : `.${String(Math.floor((all % 1_000) / unit)).padStart(digits, '0')}`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(seconds)}${rest}`;
  return `${minutes}:${two(seconds)}${rest}`;
}

/** A span of time as people say it: `340 ms`, `6.2 s`, `3 min 5 s`. */
export function spanText(millis: number): string {
  if (millis < 0) return `−${spanText(-millis)}`;
  if (millis < 999.5) return `${Math.round(millis)} ms`;
  if (millis < 59_950) return `${(millis / 1_000).toFixed(1)} s`;
  const seconds = Math.round(millis / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
