import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { onTestFinished } from 'vitest';

import { DateFileLogRecordProcessor } from '../../src/export/file/date-file.ts';
import type { DateFileLogRecordProcessorOptions } from '../../src/export/file/date-file-options.ts';

/** The time at which the daily files of tests are written, and the name that they have then. */
export const NOON: number = new Date(2026, 10, 23, 12).getTime();
export const TODAY = 'session-logs.2026-11-23.log';

/** A daily file that is shut down with the test. */
export function startDailyFile(
  directory: string | undefined,
  options: DateFileLogRecordProcessorOptions = {},
): DateFileLogRecordProcessor {
  const file = new DateFileLogRecordProcessor({ directory, now: () => NOON, ...options });
  onTestFinished(async () => {
    await Promise.allSettled([file.shutdown({ timeoutMillis: 50 })]);
  });
  return file;
}

export function loggerOver(file: DateFileLogRecordProcessor): ReturnType<LoggerProvider['getLogger']> {
  return new LoggerProvider({ processors: [file] }).getLogger('test', '1.2.3');
}

/** All bytes of the files below a directory, as text. */
export function bytesBelow(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}
