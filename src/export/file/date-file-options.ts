import * as z from 'zod';

import { environmentValue } from '../../otel/environment.ts';
import { meterProviderOption } from '../../otel/metrics.ts';
import type { MeterProvider } from '../../otel/metrics.ts';
import { severityOption } from '../../otel/severity.ts';
import type { Severity } from '../../otel/severity.ts';
import { clockOption } from '../../support/clock.ts';
import { functionOption, lazily, parseOptions, positiveInteger } from '../../support/options.ts';
import type { Layout } from './layout.ts';

export interface DateFileLogRecordProcessorOptions {
  /**
   * The directory of the files; `~/` is the home directory. It is made with mode 0700 if it is missing. One that everybody
   * may write into, or another user's, is refused; one that its group may write into is used with a warning.
   *
   * @default LOGS_PATH, else 'logs'
   */
  readonly directory?: string | undefined;
  /**
   * What the names of the files begin with: `'app'` makes `app.2026-11-23.log`. Letters, digits, `.`, `_` and `-`, without
   * a directory and without `.log`. Files of other names are left alone, so several processors may share a directory.
   *
   * @default 'session-logs'
   */
  readonly fileName?: string | undefined;
  /**
   * The mode of a new file, less the umask, such as `0o640` for a log shipper of the same group: the directory, if it is
   * made, is then open to the group as well. The owner must be able to read and write, others not to write. Existing
   * files keep theirs.
   *
   * @default 0o600
   */
  readonly mode?: number | undefined;
  /**
   * Makes the line of a record, as log4js' layouts do, from a plain and JSON-safe object: `JSON.stringify` writes a file
   * of JSON lines. Colour codes are taken out of its result and control characters escaped as `\uXXXX`, so one record is
   * one line. Where it throws or returns no string, the line is written as without it, and that is reported. It is called
   * while the record is emitted, so a slow one slows the application.
   *
   * @default time, level, `[session id]`, message, scope and attributes
   */
  readonly layout?: Layout | undefined;
  /**
   * For how many days before today files are kept, by the date in their name. They are removed at the start, when the day
   * changes and every hour, but nothing is destroyed on the word of one clock: see docs/daily-file.md.
   *
   * @default 7
   */
  readonly retentionDays?: number | undefined;
  /** Whether the files of past days are compressed with gzip. @default false */
  readonly compress?: boolean | undefined;
  /**
   * The most bytes of lines that wait while the file cannot be written; newer lines are dropped and counted.
   *
   * @default 268,435,456 (256 MiB)
   */
  readonly maxPendingBytes?: number | undefined;
  /** Whether each batch of lines is synced to the disk, within the event loop. It matters only for a power cut. @default false */
  readonly fsync?: boolean | undefined;
  /** The clock that decides the day, in milliseconds. After a jump of it no file is removed for a day. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Leaves out records of a lower severity, `'warn'` or a number; those without one always pass. @default none */
  readonly minimumSeverity?: Severity | undefined;
  /** Where metrics of the processor go. @default none */
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

/** The options with their defaults, decided. */
export interface DateFileSettings {
  readonly directory: string;
  readonly fileName: string;
  readonly mode: number;
  readonly layout?: Layout | undefined;
  readonly retentionDays: number;
  readonly compress: boolean;
  readonly maxPendingBytes: number;
  readonly fsync: boolean;
  readonly now: () => number;
  readonly minimumSeverity: number;
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

const FILE_NAME = 'a file name without directory and `.log` (letters, digits, `.`, `_`, `-`)';
const FILE_MODE = 'a file mode such as 0o640: read and write for the owner, no writing for others';

function isFileMode(mode: number): boolean {
  return Number.isInteger(mode) && (mode & ~0o664) === 0 && (mode & 0o600) === 0o600;
}

const schema: () => z.ZodType<DateFileSettings, DateFileLogRecordProcessorOptions> = lazily(
  () =>
    z.strictObject({
      directory: z
        .string('a path')
        .min(1, 'a path')
        .default(() => environmentValue('LOGS_PATH') ?? 'logs'),
      fileName: z
        .string(FILE_NAME)
        .max(200, FILE_NAME)
        .regex(/^[A-Za-z0-9_][\w.-]*(?<!\.(?:log|gz))$/, FILE_NAME)
        .default('session-logs'),
      mode: z.number(FILE_MODE).refine(isFileMode, FILE_MODE).default(0o600),
      layout: functionOption<Layout>().optional(),
      retentionDays: positiveInteger().default(7),
      compress: z.boolean('a boolean').default(false),
      maxPendingBytes: positiveInteger().default(256 * 1024 * 1024),
      fsync: z.boolean('a boolean').default(false),
      now: clockOption(),
      minimumSeverity: severityOption().default(0),
      selfObsMeterProvider: meterProviderOption(),
    }) as unknown as z.ZodType<DateFileSettings, DateFileLogRecordProcessorOptions>,
);

/** @throws TypeError that names the wrong option and the value received. */
export function dateFileSettings(options: DateFileLogRecordProcessorOptions): DateFileSettings {
  return parseOptions('DateFileLogRecordProcessor', schema, options);
}
