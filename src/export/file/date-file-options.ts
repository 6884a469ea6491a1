import * as z from 'zod';

import { environmentValue } from '../../otel/environment.ts';
import { meterProviderOption } from '../../otel/metrics.ts';
import type { MeterProvider } from '../../otel/metrics.ts';
import { severityOption } from '../../otel/severity.ts';
import type { Severity } from '../../otel/severity.ts';
import { clockOption } from '../../support/clock.ts';
import { describeValue } from '../../support/errors.ts';
import { aboutOption } from '../../support/option-names.ts';
import { functionOption, lazily, parseOptions, positiveInteger } from '../../support/options.ts';
import type { LineFormat } from './custom-format.ts';
import { DayFileNames } from './day-file-names.ts';

/** Options of {@link DateFileLogRecordProcessor}: where the file is, what its lines look like, how long it is kept. */
export interface DateFileLogRecordProcessorOptions {
  /**
   * The directory of the files; `~/` is the home directory. It is created if it is missing, see `directoryMode`. A
   * directory that everybody may write into, or that belongs to another user, is refused; one that its group may write
   * into is used with a warning.
   *
   * @default LOGS_PATH, else 'logs'
   */
  readonly directory?: string | undefined;
  /**
   * Name of the files: a pattern with `{date}` in place of the day, such as `'app-{date}.jsonl'`, or the beginning of
   * the names: `'app'` means `'app.{date}.log'`. It has letters, digits, `.`, `_` and `-`, and no directory. Files with
   * other names are left alone, so several processors may share a directory.
   *
   * @default 'session-logs'
   */
  readonly fileName?: string | undefined;
  /**
   * Format of a line. `'text'`: time, level, `[session id]`, message, and a JSON object with scope and attributes.
   * `'json'`: an object with `time`, `level`, `message`, `session_id`, `attributes`, `exception`, `trace_id` and so on,
   * see docs/daily-file.md. A function makes the line from a plain, JSON-safe object; it is called while the record is
   * emitted, so a slow one slows the application.
   *
   * One record is always one line: colour codes are removed and control characters escaped as `\uXXXX`. If a function
   * throws or does not return a string, the line is written as text; that, and line breaks in the result, is reported
   * and counted in `stats().misformatted`.
   *
   * @default 'text'
   */
  readonly format?: 'text' | 'json' | LineFormat | undefined;
  /**
   * Returns the session id of a line that `format` made, for `eraseSession`. Needed only for a function whose lines are
   * not JSON objects and have text of the application before the session id.
   *
   * @default found out from lines of made-up records
   */
  readonly sessionOfLine?: ((line: string) => string | undefined) | undefined;
  /** Whether a line of text includes attributes; those of an exception are always included. @default true */
  readonly attributes?: boolean | undefined;
  /**
   * The mode of a new file, whatever the umask: `0o640` for a log shipper of the same group. It must let the owner read
   * and write, and nobody else write. Existing files keep their mode.
   *
   * @default 0o600
   */
  readonly fileMode?: number | undefined;
  /**
   * The mode of a new directory, whatever the umask: `0o750`, or `0o2750` so that new files get its group. It must give
   * the owner all rights, and nobody else the right to write. An existing directory keeps its mode.
   *
   * @default 0o700, and `r-x` for those who may read by `fileMode`
   */
  readonly directoryMode?: number | undefined;
  /** Makes a symbolic link to the current file: its name, or `true` for `current.log`. @default false */
  readonly currentLink?: boolean | string | undefined;
  /**
   * The largest size of a file in bytes, at least 4,096; then the day's next file begins,
   * `session-logs.2026-11-23.1.log`. Only a single longer line, or processes that write the same file at the same
   * moment, can make a file larger. No file is renamed, and none is removed early.
   *
   * @default none
   */
  readonly maxFileBytes?: number | undefined;
  /**
   * For how many days before today files are kept, by the date in their name. Old files are removed at the start, when
   * the day changes and every hour, but never on the word of a single clock: see docs/daily-file.md.
   *
   * @default 7
   */
  readonly retentionDays?: number | undefined;
  /** Whether to compress the files of past days with gzip. @default false */
  readonly compress?: boolean | undefined;
  /**
   * The most bytes of lines that wait while the file cannot be written; beyond that, new lines are dropped and counted.
   *
   * @default 268,435,456 (256 MiB)
   */
  readonly maxPendingBytes?: number | undefined;
  /**
   * Whether to sync each batch of lines to the disk, within the event loop. Matters only for a power cut. @default
   * false
   */
  readonly fsync?: boolean | undefined;
  /**
   * The clock that decides the day, in milliseconds. After it jumps, no file is removed for a day. @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Leaves out records of a lower severity, given as `'warn'` or a number; records without one always pass. @default
   * none
   */
  readonly minimumSeverity?: Severity | undefined;
  /** Gets the metrics of the processor. @default none */
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

/** The validated options with their defaults. */
export interface DateFileSettings {
  readonly directory: string;
  readonly fileName: string;
  readonly format: 'text' | 'json' | LineFormat;
  readonly sessionOfLine?: ((line: string) => string | undefined) | undefined;
  readonly attributes: boolean;
  readonly fileMode: number;
  readonly directoryMode?: number | undefined;
  readonly currentLink?: string | undefined;
  readonly maxFileBytes: number;
  readonly retentionDays: number;
  readonly compress: boolean;
  readonly maxPendingBytes: number;
  readonly fsync: boolean;
  readonly now: () => number;
  readonly minimumSeverity: number;
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

const FILE_NAME =
  "a file name without a directory, such as 'app' for app.2026-11-23.log, or 'app-{date}.jsonl' (letters, digits, `.`, `_`, `-`)";
const FILE_MODE = 'a file mode such as 0o640 that lets the owner read and write, and nobody else write';
const DIRECTORY_MODE =
  'a directory mode such as 0o750 that gives the owner all rights, and nobody else the right to write';
const LINK_NAME = 'a boolean or a file name that no daily file has (letters, digits, `.`, `_`, `-`)';
const FILE_BYTES = 'a whole number of bytes, 4,096 or more';
const FORMAT = "'text', 'json' or a function";

const BARE_NAME = /^[A-Za-z0-9_][\w.-]*$/;

function isFileName(name: string): boolean {
  if (!name.includes('{date}')) return BARE_NAME.test(name) && !/\.(?:log|gz)$/.test(name);
  const [before = '', after = '', ...more] = name.split('{date}');
  // A number after the day means a further file of the day; `.gz` means a compressed file.
  const isFree = more.length === 0 && !/^(?:\.?\d)|\.gz$/.test(after);
  return isFree && (before === '' || BARE_NAME.test(before)) && /^[\w.-]*$/.test(after);
}

function isLinkName(name: unknown): boolean {
  return typeof name === 'string' && name.length <= 200 && BARE_NAME.test(name);
}

/** Whether the mode has only allowed bits, and all that the owner needs. */
function isMode(mode: number, allowed: number, needed: number): boolean {
  return Number.isInteger(mode) && (mode & ~allowed) === 0 && (mode & needed) === needed;
}

const schema: () => z.ZodType<DateFileSettings, DateFileLogRecordProcessorOptions> = lazily(
  () =>
    z.strictObject({
      directory: z
        .string('a path')
        .min(1, 'a path')
        .default(() => environmentValue('LOGS_PATH') ?? 'logs'),
      fileName: z.string(FILE_NAME).max(200, FILE_NAME).refine(isFileName, FILE_NAME).default('session-logs'),
      format: z
        .custom<'text' | 'json' | LineFormat>(
          (value) => value === 'text' || value === 'json' || typeof value === 'function',
          FORMAT,
        )
        .default('text'),
      sessionOfLine: functionOption<(line: string) => string | undefined>().optional(),
      attributes: z.boolean('a boolean').default(true),
      fileMode: z
        .number(FILE_MODE)
        .refine((mode) => isMode(mode, 0o664, 0o600), FILE_MODE)
        .default(0o600),
      directoryMode: z
        .number(DIRECTORY_MODE)
        .refine((mode) => isMode(mode, 0o2775, 0o700), DIRECTORY_MODE)
        .optional(),
      currentLink: z
        .custom<boolean | string>((value) => typeof value === 'boolean' || isLinkName(value), LINK_NAME)
        .transform((link) => (link === true ? 'current.log' : link === false ? undefined : link))
        .optional(),
      maxFileBytes: z.number(FILE_BYTES).int(FILE_BYTES).min(4096, FILE_BYTES).default(Infinity),
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
  const settings = parseOptions('DateFileLogRecordProcessor', schema, options);
  const { currentLink, fileName } = settings;
  // The retention would take a link of this name for an old file.
  if (currentLink === undefined || new DayFileNames(fileName).parse(currentLink) === undefined) return settings;
  const message = `DateFileLogRecordProcessor: expected \`currentLink\` to be ${LINK_NAME}, got ${describeValue(currentLink)}`;
  throw new TypeError(aboutOption(message, ['currentLink']));
}
