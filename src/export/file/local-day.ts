import { DAY_MILLIS } from '../clock-watch.ts';

/** The day as `2026-11-23`, in the time zone of the process, as log4js names it. */
export function dayOf(date: Date): string {
  const month = String(date.getMonth() + 1).padStart(2, '0');
  return `${String(date.getFullYear()).padStart(4, '0')}-${month}-${String(date.getDate()).padStart(2, '0')}`;
}

/** The day `count` days earlier, by the calendar: a day of 23 or 25 hours counts as one. */
export function daysBefore(day: string, count: number): string | undefined {
  const [year, month, date] = day.split('-').map(Number);
  const before = new Date(year ?? 0, (month ?? 1) - 1, (date ?? 1) - count);
  return Number.isNaN(before.getTime()) ? undefined : dayOf(before);
}

/** The number of days from one day to the other, by the calendar. */
export function daysBetween(day: string, later: string): number {
  return Math.round((utcMillis(later) - utcMillis(day)) / DAY_MILLIS);
}

function utcMillis(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** The local day of a clock, computed once a day, because every batch of lines asks for it. */
export class LocalDay {
  readonly #now: () => number;
  #day = '';
  #start = 0;
  #end = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  today(): string {
    const now = this.now();
    if (now < this.#start || now >= this.#end) {
      const date = new Date(now);
      this.#day = dayOf(date);
      this.#start = new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
      this.#end = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
    }
    return this.#day;
  }

  /** The time in milliseconds; that of the system if the clock throws or returns nonsense. */
  now(): number {
    try {
      const now = this.#now();
      if (Math.abs(now) <= 8.64e15) return now;
    } catch {
      // The clock is an option; a throw must not cost lines.
    }
    return Date.now();
  }
}
