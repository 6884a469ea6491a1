/** `2026-11-23`: the day of the process's time zone, as in log4js. */
export function dayOf(date: Date): string {
  const month = String(date.getMonth() + 1).padStart(2, '0');
  return `${String(date.getFullYear()).padStart(4, '0')}-${month}-${String(date.getDate()).padStart(2, '0')}`;
}

/** The day `count` days before; by the calendar, so that a day of 23 or 25 hours counts as one. */
export function daysBefore(day: string, count: number): string | undefined {
  const [year, month, date] = day.split('-').map(Number);
  const before = new Date(year ?? 0, (month ?? 1) - 1, (date ?? 1) - count);
  return Number.isNaN(before.getTime()) ? undefined : dayOf(before);
}

/** The local day of a clock, worked out once a day: it is asked with every batch of lines. */
export class LocalDay {
  readonly #now: () => number;
  #day = '';
  #start = 0;
  #end = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  today(): string {
    const now = this.#read();
    if (now < this.#start || now >= this.#end) {
      const date = new Date(now);
      this.#day = dayOf(date);
      this.#start = new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
      this.#end = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
    }
    return this.#day;
  }

  #read(): number {
    try {
      const now = this.#now();
      if (Math.abs(now) <= 8.64e15) return now;
    } catch {
      // The clock is handed in; lines must not depend on it.
    }
    return Date.now();
  }
}
