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

/** Options of the daily file beside those of the start itself. */
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

export interface StartSessionLogsOptions extends SessionLogRecordProcessorOptions {
  /** Where the daily files are written, made 0700. @default LOGS_PATH, else 'logs' */
  readonly directory?: string | undefined;
  /** `false`: no daily file. An object: how it is named and written, see its processor. @default true */
  readonly file?: boolean | DailyFileOptions | undefined;
  /** Days that a daily file is kept. @default 7 */
  readonly retentionDays?: number | undefined;
  /** Whether the files of past days are compressed. @default false */
  readonly compress?: boolean | undefined;
  /** Base URL of an OTLP endpoint; `/v1/logs` is appended where it does not end so. @default OTEL_EXPORTER_OTLP_*; without either nothing is exported */
  readonly endpoint?: string | undefined;
  /**
   * The logs SDK, `import * as sdk from '@opentelemetry/sdk-logs'`, for a program in which it is not found: a bundle that
   * was made without it.
   *
   * @default the application's
   */
  readonly sdk?: LogsSdkModule | undefined;
  /** Exports in place of the OTLP exporter. */
  readonly exporter?: LogRecordExporter | undefined;
  /** A disk spool before the exporter: nothing that was written is lost while the collector is down. @default none */
  readonly spool?: Omit<DurableLogRecordProcessorOptions, 'exporter'> | undefined;
  /**
   * Lines on stdout for leveled logs. `'pretty'`: for a person, with the time of day, coloured as `FORCE_COLOR`, `NO_COLOR`
   * and the terminal say. `'plain'`: with the date and without colours, for `docker logs`. `'json'`: the JSON lines of the
   * daily file. `'auto'` and `true`: pretty on a terminal and where `FORCE_COLOR` asks for colours, else plain. `false`: none.
   *
   * @default 'auto'
   */
  readonly console?: boolean | 'auto' | ConsoleFormat | undefined;
  /**
   * Gets each chunk as it is written, and the id of its session; `false`: none.
   *
   * @default on a terminal lines on stdout, with the session's id before each
   */
  readonly streamHandler?: StreamHandler | false | undefined;
  /**
   * Where records go besides: any processors, such as one that sends to Kafka, or a second OTLP endpoint. None that throws or hangs
   * keeps a record from another destination. `OTEL_SDK_DISABLED=true` gives them no records.
   *
   * @default none
   */
  readonly destinations?: readonly Destination[] | undefined;
  /** A resource, or attributes of one, beside what the environment says. */
  readonly resource?: Resource | Readonly<Record<string, unknown>> | undefined;
  /** Merges the chunks of an answer into one record before export. @default false */
  readonly coalesce?: boolean | CoalescingOptions | undefined;
  /** Severities, `'warn'` or a number, below which a leveled log is left out; records without one always pass. */
  readonly minimumSeverity?:
    | {
        readonly file?: Severity | undefined;
        readonly console?: Severity | undefined;
        readonly export?: Severity | undefined;
      }
    | undefined;
  /** Makes the provider the global one, for instrumented loggers in a program without an OTel setup of its own. @default false */
  readonly registerGlobally?: boolean | undefined;
  /**
   * Shuts down, within the 10 seconds of `shutdown()`, when SIGTERM or SIGINT would end the process, and lets the signal
   * end it then. A second signal ends it at once. Has no effect on a signal that the application listens for: call
   * `shutdown()` there.
   *
   * @default false
   */
  readonly shutdownOnSignal?: boolean | undefined;
}

/** The options with their defaults, decided. */
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

/** Their values are checked by the processor. */
function fileOptions(): z.ZodCustom<DailyFileOptions> {
  return z.custom<DailyFileOptions>((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
}

/** A bundler may have put what a CommonJS module exports under `default`. */
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

/** @throws TypeError for the first option that is wrong. */
export function startPlan(options: StartSessionLogsOptions): StartPlan {
  const parsed = parseOptions('startSessionLogs', optionsSchema, options);
  return {
    ...parsed,
    console: parsed.console === 'auto' || parsed.console === true ? formatOfStdout() : parsed.console,
  } as StartPlan;
}

/** Colours that are forced are forced for a person, who watches through something that is no terminal. */
function formatOfStdout(): ConsoleFormat {
  return process.stdout.isTTY || hasColours() ? 'pretty' : 'plain';
}
