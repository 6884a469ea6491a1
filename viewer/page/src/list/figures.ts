const WHOLE = new Intl.NumberFormat('en');
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const DAY = new Intl.DateTimeFormat('en', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const YEAR = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAYS = 24 * HOUR;

/** `12,345` */
export function whole(count: number): string {
  return WHOLE.format(count);
}

/** `999`, `12.3K`: narrow enough to reserve its width in a column. */
export function compact(count: number): string {
  return count < 1_000 ? String(count) : COMPACT.format(count);
}

/** `1 error`, `2 errors`, `12.3K errors` */
export function counted(count: number, one: string, several: string): string {
  return `${compact(count)} ${count === 1 ? one : several}`;
}

/** `1 entry`, `12,345 entries` */
export function wholeCounted(count: number, one: string, several: string): string {
  return `${whole(count)} ${count === 1 ? one : several}`;
}

/** How long ago: `now`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function ageText(millis: number, nowMillis: number): string {
  const age = nowMillis - millis;
  if (age < 2 * SECOND) return 'now';
  if (age < MINUTE) return `${Math.floor(age / SECOND)} s`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`;
  if (age < DAYS) return `${Math.floor(age / HOUR)} h`;
  return `${Math.floor(age / DAYS)} d`;
}

/** `14:03:59` for today, `Nov 26, 14:03` for this year, else `Nov 26, 2025`. */
export function clockText(millis: number, nowMillis: number): string {
  const [date, now] = [new Date(millis), new Date(nowMillis)];
  if (date.toDateString() === now.toDateString()) return CLOCK.format(date);
  return (date.getFullYear() === now.getFullYear() ? DAY : YEAR).format(date);
}
