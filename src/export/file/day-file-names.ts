import { randomBytes } from 'node:crypto';

import { daysBefore } from './local-day.ts';

/** Stands for the day in a name. */
const DATE = '{date}';
const DAY_AND_NUMBER = /^(\d{4}-\d\d-\d\d)(?:\.([1-9]\d{0,8}))?$/;
const TEMPORARY = /^\.(.+)\.[\da-f]+\.tmp$/;
const COMPRESSED = '.gz';

/** The parts of a daily file's name. */
export interface DayFileName {
  readonly day: string;
  /** Number of the file within its day: 0 for the first, which is followed by another when it is full. */
  readonly number: number;
  readonly isCompressed: boolean;
}

/** The names of one writer's files. It touches nothing else in the directory. */
export class DayFileNames {
  /** The pattern, with `{date}` in it. */
  readonly pattern: string;
  readonly #before: string;
  readonly #after: string;

  /** @param fileName A pattern, or the beginning of the names. */
  constructor(fileName: string) {
    this.pattern = fileName.includes(DATE) ? fileName : `${fileName}.${DATE}.log`;
    const [before = '', after = ''] = this.pattern.split(DATE);
    this.#before = before;
    this.#after = after;
  }

  /** `session-logs.2026-11-23.log`, and for further files of that day `session-logs.2026-11-23.1.log`. */
  of(day: string, number: number): string {
    return `${this.#before}${day}${number === 0 ? '' : `.${number}`}${this.#after}`;
  }

  /** Parses a name; `undefined` if it is not the name of a daily file. */
  parse(name: string): DayFileName | undefined {
    const isCompressed = name.endsWith(COMPRESSED);
    const plain = isCompressed ? name.slice(0, -COMPRESSED.length) : name;
    if (!plain.startsWith(this.#before) || !plain.endsWith(this.#after)) return undefined;
    const found = DAY_AND_NUMBER.exec(plain.slice(this.#before.length, plain.length - this.#after.length));
    const day = found?.[1];
    // No calendar has a day 2026-13-77: somebody else named that file.
    if (day === undefined || daysBefore(day, 0) !== day) return undefined;
    return { day, number: Number(found?.[2] ?? 0), isCompressed };
  }

  /** The number of the day's file to write: the last existing one, or the next if that is already compressed. */
  lastNumber(day: string, names: readonly string[]): number {
    const numbers = names.map((name) => {
      const file = this.parse(name);
      if (file?.day !== day) return 0;
      return file.isCompressed ? file.number + 1 : file.number;
    });
    return numbers.reduce((last, number) => Math.max(last, number), 0);
  }

  /**
   * A temporary name for the file that will become `name`. It is random, because threads of one process share its id,
   * and the first process of every container has the same one.
   */
  temporary(name: string): string {
    return `.${name}.${randomBytes(8).toString('hex')}.tmp`;
  }

  isTemporary(name: string): boolean {
    const target = TEMPORARY.exec(name)?.[1];
    return target !== undefined && this.parse(target)?.isCompressed === true;
  }
}
