import { randomBytes } from 'node:crypto';

import { daysBefore } from './local-day.ts';

const DAY_AND_END = /^(\d{4}-\d\d-\d\d)\.log(\.gz)?$/;
const TEMPORARY_END = /^\d{4}-\d\d-\d\d\.log\.gz\.[\da-f]+\.tmp$/;

/** What the name of a daily file says. */
export interface DayFileName {
  readonly day: string;
  readonly isCompressed: boolean;
}

/** The names of the files of one writer. Nothing else in its directory is touched. */
export class DayFileNames {
  /** What the names begin with. */
  readonly base: string;

  constructor(base: string) {
    this.base = base;
  }

  /** `session-logs.2026-11-23.log`, as log4js names it. */
  ofDay(day: string): string {
    return `${this.base}.${day}.log`;
  }

  /** `undefined` for the name of anything else. */
  parse(name: string): DayFileName | undefined {
    const found = this.#rest(name, DAY_AND_END);
    const day = found?.[1];
    // No calendar has the day 2026-13-77: somebody else named that file.
    return day === undefined || daysBefore(day, 0) !== day
      ? undefined
      : { day, isCompressed: found?.[2] !== undefined };
  }

  /**
   * A name for a file that becomes the file `name`. It is random: threads of one process share its id, and the first
   * process of every container has the same one.
   */
  temporary(name: string): string {
    return `.${name}.${randomBytes(8).toString('hex')}.tmp`;
  }

  isTemporary(name: string): boolean {
    return name.startsWith('.') && this.#rest(name.slice(1), TEMPORARY_END) !== null;
  }

  #rest(name: string, pattern: RegExp): RegExpExecArray | null {
    const start = `${this.base}.`;
    return name.startsWith(start) ? pattern.exec(name.slice(start.length)) : null;
  }
}
