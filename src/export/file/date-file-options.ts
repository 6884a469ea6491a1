import * as z from 'zod';

import { environmentValue } from '../../otel/environment.ts';
import { meterProviderOption } from '../../otel/metrics.ts';
import type { MeterProvider } from '../../otel/metrics.ts';
import { severityOption } from '../../otel/severity.ts';
import type { Severity } from '../../otel/severity.ts';
import { clockOption } from '../../support/clock.ts';
import { describeValue } from '../../support/errors.ts';
import { functionOption, lazily, parseOptions, positiveInteger } from '../../support/options.ts';
import type { LineFormat } from './custom-format.ts';
import { DayFileNames } from './day-file-names.ts';

export interface DateFileLogRecordProcessorOptions {
  /**
   * The directory of the files; `~/` is the home directory. It is made if it is missing, see `directoryMode`. One that
   * everybody may write into, or another user's, is refused; one that its group may write into is used with a warning.
   *
   * @default LOGS_PATH, else 'logs'
   */
  readonly directory?: string | undefined;
  /**
   * How the files are named: a pattern with `{date}` where the day stands, such as `'app-{date}.jsonl'`, or what the names
   * begin with: `'app'` is `'app.{date}.log'`. Letters, digits, `.`, `_` and `-`, without a directory. Files of other names
   * are left alone, so several processors may share a directory.
   *
   * @default 'session-logs'
   */
  readonly fileName?: string | undefined;
  /**
   * What a line is. `'text'`: time, level, `[session id]`, message, and a JSON object with scope and attributes. `'json'`: an
   * object with `time`, `level`, `message`, `session_id`, `attributes`, `exception`, `trace_id` and so on, see
   * docs/daily-file.md. Or a function that makes the line from a plain and JSON-safe object; it is called while the record is
   * emitted, so a slow one slows the application.
   *
   * One record is one line, whatever it holds: colour codes are taken out and control characters escaped as `\uXXXX`. Where
   * a function throws or returns no string, the line is written as text; that, and line breaks in what it returns, is
   * reported and counted in `stats().misformatted`.
   *
   * @default 'text'
   */
  readonly format?: 'text' | 'json' | LineFormat | undefined;
  /**
   * Of a line that `format` made the id of its session, which `eraseSession` has to know. It is needed only for a function whose
   * lines are no JSON objects, and begin with what others write.
   *
   * @default found out by lines of made-up records
   */
  readonly sessionOfLine?: ((line: string) => string | undefined) | undefined;
  /** Whether attributes stand in a line of text; those of an exception do in any case. @default true */
  readonly attributes?: boolean | undefined;
  /**
   * The mode of a new file, whatever the umask: `0o640` for a log shipper of the same group. The owner must be able to read
   * and write, others not to write. Existing files keep theirs.
   *
   * @default 0o600
   */
  readonly fileMode?: number | undefined;
  /**
   * The mode of a directory that is made, whatever the umask: `0o750`, or `0o2750` so that new files have its group. The owner
   * must have all rights, others not that to write. An existing directory keeps its mode.
   *
   * @default 0o700, and `r-x` for those who may read by `fileMode`
   */
  readonly directoryMode?: number | undefined;
  /** A symbolic link to the file that is written now: its name, or `true` for `current.log`. @default false */
  readonly currentLink?: boolean | string | undefined;
  /**
   * How large a file may become, in bytes, at least 4,096: then the next one of the day is begun,
   * `session-logs.2026-11-23.1.log`. Only a line that is longer by itself makes a larger one, and processes that write the
   * same file at the same moment. No file is renamed, and none is removed before its time.
   *
   * @default none
   */
  readonly maxFileBytes?: number | undefined;
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
  "a file name without directory, such as 'app' for app.2026-11-23.log, or 'app-{date}.jsonl' (letters, digits, `.`, `_`, `-`)";
const FILE_MODE = 'a file mode such as 0o640: read and write for the owner, no writing for others';
const DIRECTORY_MODE = 'a directory mode such as 0o750: all rights for the owner, no writing for others';
const LINK_NAME = 'a boolean or a file name that no daily file has (letters, digits, `.`, `_`, `-`)';
const FILE_BYTES = 'a whole number of bytes, 4,096 or more';
const FORMAT = "'text', 'json' or a function";

const BARE_NAME = /^[A-Za-z0-9_][\w.-]*$/;

function isFileName(name: string): boolean {
  if (!name.includes('{date}')) return BARE_NAME.test(name) && !/\.(?:log|gz)$/.test(name);
  const [before = '', after = '', ...more] = name.split('{date}');
  // A number after the day is that of a further file of the day; `.gz` is a file that was compressed.
  const isFree = more.length === 0 && !/^(?:\.?\d)|\.gz$/.test(after);
  return isFree && (before === '' || BARE_NAME.test(before)) && /^[\w.-]*$/.test(after);
}

function isLinkName(name: unknown): boolean {
  return typeof name === 'string' && name.length <= 200 && BARE_NAME.test(name);
}

/** Whether the mode has nothing but what may be given, and all that the owner needs. */
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
  // The retention would take a link of that name for an old file.
  if (currentLink === undefined || new DayFileNames(fileName).parse(currentLink) === undefined) return settings;
  throw new TypeError(
    `DateFileLogRecordProcessor: expected \`currentLink\` to be ${LINK_NAME}, got ${describeValue(currentLink)}`,
  );
}
