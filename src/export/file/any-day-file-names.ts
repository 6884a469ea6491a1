import { randomBytes } from 'node:crypto';

import type { DayFileName } from './day-file-names.ts';
import { daysBefore } from './local-day.ts';

const DAY = /(?<!\d)\d{4}-\d\d-\d\d(?!\d)/;
const TEMPORARY = /^\..+\.gz\.[\da-f]{16}\.tmp$/;
const COMPRESSED = '.gz';

/** The names of daily files of any pattern: all names with a day in them. */
export class AnyDayFileNames {
  parse(name: string): DayFileName | undefined {
    const day = DAY.exec(name)?.[0];
    if (day === undefined || name.startsWith('.') || daysBefore(day, 0) !== day) return undefined;
    return { day, number: 0, isCompressed: name.endsWith(COMPRESSED) };
  }

  isTemporary(name: string): boolean {
    return TEMPORARY.test(name) && DAY.test(name);
  }

  temporary(name: string): string {
    return `.${name}.${randomBytes(8).toString('hex')}.tmp`;
  }
}
