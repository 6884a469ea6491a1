import * as z from 'zod';

import type { CoalescingOptions } from '../export/coalescing/coalescing.ts';
import type { ConsoleFormat } from '../export/console/console.ts';
import type { DateFileLogRecordProcessorOptions } from '../export/file/date-file-options.ts';
import type { DurableLogRecordProcessorOptions } from '../export/durable/durable-options.ts';
import type { LogRecordExporter } from '../otel/log-record.ts';
import type { LogsSdkModule } from '../otel/logs-sdk.ts';
import type { Resource } from '../otel/resource.ts';
import { severityOption } from '../otel/severity.ts';
import type { Severity } from '../otel/severity.ts';
import { sessionOptions } from '../route/processor.ts';
import type { SessionLogRecordProcessorOptions } from '../route/processor.ts';
import { lazily, objectWith, parseOptions, positiveInteger } from '../support/options.ts';
import { hasColours } from '../support/terminal-colours.ts';
import { streamHandlerOption } from '../write/stream-handler.ts';
import type { StreamHandler } from '../write/stream-handler.ts';
import { destinationsOption } from './destination.ts';
import type { Destination, GivenDestination } from './destination.ts';

/** Options of the daily file, except those that the start itself has. */
export type DailyFileOptions = Pick<
  DateFileLogRecordProcessorOptions,
  | 'fileName'
  | 'format'
  | 'sessionOfLine'
  | 'attributes'
  | 'fileMode'
  | 'directoryMode'
  | 'currentLink'
  | 'maxFileBytes'
  | 'maxPendingBytes'
  | 'fsync'
>;

/** Options of a start: of the sessions, and of the destinations that the start opens. */
export interface StartSessionLogsOptions extends SessionLogRecordProcessorOptions {
  /** Directory of the daily files, created with mode 0700. @default LOGS_PATH, else 'logs' */
  readonly directory?: string | undefined;
  /**
   * `false`: no daily file. An object: how the file is named and written, see
   * {@link DateFileLogRecordProcessorOptions}. @default true
   */
  readonly file?: boolean | DailyFileOptions | undefined;
  /** Number of days that daily files are kept. @default 7 */
  readonly retentionDays?: number | undefined;
  /** Whether the files of past days are compressed. @default false */
  readonly compress?: boolean | undefined;
  /**
   * Base URL of an OTLP endpoint; `/v1/logs` is appended unless it ends with that. @default OTEL_EXPORTER_OTLP_*;
   * without either, nothing is exported
   */
  readonly endpoint?: string | undefined;
  /**
   * The logs SDK, `import * as sdk from '@opentelemetry/sdk-logs'`. Give it if the program cannot find the SDK by
   * itself, as in a bundle that was made without it.
   *
   * @default the application's
   */
  readonly sdk?: LogsSdkModule | undefined;
  /** Replaces the OTLP exporter. */
  readonly exporter?: LogRecordExporter | undefined;
  /**
   * Puts a disk spool before the exporter: records that were written are not lost while the collector is down. @default
   * none
   */
  readonly spool?: Omit<DurableLogRecordProcessorOptions, 'exporter'> | undefined;
  /**
   * Prints leveled logs to stdout. `'pretty'`: for people, with the time of day, coloured as `FORCE_COLOR`, `NO_COLOR`
   * and the terminal say. `'plain'`: with the date and without colours, for `docker logs`. `'json'`: the JSON lines of
   * the daily file. `'auto'` and `true`: pretty on a terminal or if `FORCE_COLOR` asks for colours, else plain.
   * `false`: prints nothing.
   *
   * @default 'auto'
   */
  readonly console?: boolean | 'auto' | ConsoleFormat | undefined;
  /**
   * Called with each chunk as it is written, and with the id of its session; `false`: no handler.
   *
   * @default on a terminal, prints chunks to stdout in lines that begin with the session's id
   */
  readonly streamHandler?: StreamHandler | false | undefined;
  /**
   * Further destinations: any processors, such as one that sends to Kafka or to a second OTLP endpoint. If one throws
   * or hangs, the others still get every record. With `OTEL_SDK_DISABLED=true` they get no records.
   *
   * @default none
   */
  readonly destinations?: readonly Destination[] | undefined;
  /** A resource, or its attributes, in addition to what the environment says. */
  readonly resource?: Resource | Readonly<Record<string, unknown>> | undefined;
  /** Merges the chunks of an answer into one record before export. @default false */
  readonly coalesce?: boolean | CoalescingOptions | undefined;
  /**
   * For each destination, the severity (`'warn'` or a number) below which it leaves out leveled logs; records without a
   * severity always pass.
   */
  readonly minimumSeverity?:
    | {
        readonly file?: Severity | undefined;
        readonly console?: Severity | undefined;
        readonly export?: Severity | undefined;
      }
    | undefined;
  /**
   * Makes the provider the global one, for instrumented loggers in a program that has no OpenTelemetry setup of its
   * own. @default false
   */
  readonly registerGlobally?: boolean | undefined;
  /**
   * Shuts down when SIGTERM or SIGINT would end the process, within the 10 seconds of `shutdown()`, then lets the
   * signal end it. A second signal ends it at once. If the application listens for a signal, this has no effect on it:
   * call `shutdown()` in the listener.
   *
   * @default false
   */
  readonly shutdownOnSignal?: boolean | undefined;
}

/** The options, validated and with their defaults. */
export interface StartPlan extends Omit<
  StartSessionLogsOptions,
  'file' | 'console' | 'destinations' | 'minimumSeverity' | 'registerGlobally' | 'shutdownOnSignal'
> {
  readonly file: boolean | DailyFileOptions;
  readonly console: ConsoleFormat | false;
  readonly destinations: readonly GivenDestination[];
  readonly registerGlobally: boolean;
  readonly shutdownOnSignal: boolean;
  readonly minimumSeverity: {
    readonly file?: number | undefined;
    readonly console?: number | undefined;
    readonly export?: number | undefined;
  };
}

/** The processor checks their values. */
function fileOptions(): z.ZodCustom<DailyFileOptions> {
  return z.custom<DailyFileOptions>((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
}

/** A bundler may put the exports of a CommonJS module under `default`. */
function isLogsSdk(value: unknown): boolean {
  const exports = Object(value) as { readonly LoggerProvider?: unknown; readonly default?: unknown };
  const { LoggerProvider } = exports.default === undefined ? exports : (Object(exports.default) as typeof exports);
  return typeof (exports.LoggerProvider ?? LoggerProvider) === 'function';
}

const optionsSchema = lazily(() =>
  z.strictObject({
    ...sessionOptions(),
    directory: z.string('a path').min(1, 'a path').optional(),
    file: z.union([z.boolean(), fileOptions()], 'a boolean or an options object').default(true),
    retentionDays: positiveInteger().optional(),
    compress: z.boolean('a boolean').optional(),
    endpoint: z.string('a URL such as "http://localhost:4318"').optional(),
    sdk: z.custom<LogsSdkModule>(isLogsSdk, "the module '@opentelemetry/sdk-logs'").optional(),
    exporter: objectWith<LogRecordExporter>('a LogRecordExporter', 'export', 'shutdown').optional(),
    console: z
      .union(
        [z.boolean(), z.enum(['auto', 'pretty', 'plain', 'json'])],
        "a boolean, 'auto', 'pretty', 'plain' or 'json'",
      )
      .default('auto'),
    streamHandler: streamHandlerOption(),
    destinations: destinationsOption().default([]),
    resource: z
      .custom<object>((value) => typeof value === 'object' && value !== null, 'a resource or its attributes')
      .optional(),
    spool: z
      .custom<NonNullable<StartSessionLogsOptions['spool']>>(
        (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
        'an options object with `directory`',
      )
      .optional(),
    coalesce: z
      .union(
        [z.boolean(), z.custom<CoalescingOptions>((value) => typeof value === 'object' && value !== null)],
        'a boolean or an options object',
      )
      .optional(),
    minimumSeverity: z
      .strictObject(
        {
          file: severityOption().optional(),
          console: severityOption().optional(),
          export: severityOption().optional(),
        },
        'an object with `file`, `console`, `export`',
      )
      .default({}),
    registerGlobally: z.boolean('a boolean').default(false),
    shutdownOnSignal: z.boolean('a boolean').default(false),
  }),
);

/** @throws TypeError for the first wrong option. */
export function startPlan(options: StartSessionLogsOptions): StartPlan {
  const parsed = parseOptions('startSessionLogs', optionsSchema, options);
  return {
    ...parsed,
    console: parsed.console === 'auto' || parsed.console === true ? formatOfStdout() : parsed.console,
  } as StartPlan;
}

/** Whoever forces colours is a person who watches through something that is not a terminal. */
function formatOfStdout(): ConsoleFormat {
  return process.stdout.isTTY || hasColours() ? 'pretty' : 'plain';
}
