import * as z from 'zod';

import { CoalescingLogRecordProcessor } from '../export/coalescing/coalescing.ts';
import type { CoalescingOptions } from '../export/coalescing/coalescing.ts';
import { SessionLogs } from '../facade/session-logs.ts';
import { ToldMemoryStore } from '../facade/told-memory-store.ts';
import type { LogEntry } from '../entry/entry.ts';
import type { LogRecordProcessor } from '../otel/log-record.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import type { Redact } from '../route/redaction.ts';
import { functionOption, lazily, parseOptions } from '../support/options.ts';
import { RecordedUntil } from './recorded-until.ts';
import type { Truthy, UntilOptions } from './recorded-until.ts';
import { recordedLog } from './recorded-log.ts';
import type { RecordedLog } from './recorded-log.ts';
import { RecordingLoggerProvider } from './recording-provider.ts';

/** How logs are recorded. */
export interface RecordSessionLogsOptions {
  /** As of `SessionLogs`. @default none */
  readonly redact?: Redact | undefined;
  /** Merges the chunks of an answer into one record, as `startSessionLogs({ coalesce })` does. @default false */
  readonly coalesce?: boolean | CoalescingOptions | undefined;
}

/** What {@link recordSessionLogs} gives. Its methods may be taken off it. */
export interface SessionLogsRecorder {
  /** What the code under test is given. */
  readonly sessions: SessionLogs;
  /** For instrumented loggers (pino, winston, bunyan): what they emit comes into the session of the running code. */
  readonly loggerProvider: OtelLoggerProvider;
  /** What destinations got so far (files, console, exporters), in order: one array, which grows. Without `export: false`. */
  readonly records: readonly RecordedLog[];
  /** What readers can have of all sessions, in order: a new array. Without `read: false`. */
  readonly entries: readonly LogEntry[];
  /**
   * Resolves with what the predicate answers, as soon as that is neither `undefined` nor `false`, `null`, `0` or `''`. It is asked at once,
   * and whenever something was logged, ended or deleted; nothing is polled, and no fake timer has to move.
   *
   * @throws What the predicate throws; a SessionLogsError `until_timeout` that says what was logged last.
   */
  readonly until: <T>(predicate: (records: readonly RecordedLog[]) => T, options?: UntilOptions) => Promise<Truthy<T>>;
  /** Forgets `records`. Sessions are as they were. */
  readonly clear: () => void;
  /** Shuts `sessions` down; every call gets the same promise. */
  readonly shutdown: () => Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const optionsSchema = lazily(() =>
  z.strictObject({
    redact: functionOption<Redact>('a function, or what patternRedaction makes of patterns').optional(),
    coalesce: z
      .union([z.boolean(), z.custom<CoalescingOptions>((value) => typeof value === 'object' && value !== null)], {
        error: 'a boolean, or options of CoalescingLogRecordProcessor',
      })
      .optional(),
  }),
);

/**
 * Session logs in memory, for a test: a `SessionLogs` on a provider of its own, with what was logged as plain data. Nothing is global,
 * nothing is written or sent, no SDK is needed, and it works under fake timers, whenever they were installed.
 *
 * @example
 * ```ts
 * const { sessions, records, until, shutdown } = recordSessionLogs({ coalesce: true });
 * await answer(sessions, 'chat-1', 'Why is the sky blue?'); // the code under test
 * await until((logged) => logged.find(({ message }) => message.includes('scatter')));
 * expect(records.at(-1)?.attributes['gen_ai.response.finish_reasons']).toEqual(['stop']);
 * await shutdown();
 * ```
 * @throws TypeError for a wrong option.
 */
export function recordSessionLogs(options: RecordSessionLogsOptions = {}): SessionLogsRecorder {
  const { redact, coalesce = false } = parseOptions('recordSessionLogs', optionsSchema, options);
  const records: RecordedLog[] = [];
  const waiting = new RecordedUntil(records);
  const recording: LogRecordProcessor = {
    onEmit(record) {
      records.push(recordedLog(record));
      waiting.tell();
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const behind =
    coalesce === false
      ? recording
      : new CoalescingLogRecordProcessor({ ...(coalesce === true ? undefined : coalesce), processor: recording });
  let loggerProvider: OtelLoggerProvider | undefined;
  const part = {
    name: 'what is recorded',
    forceFlush: (timeoutMillis: number) => behind.forceFlush({ timeoutMillis }),
    shutdown: (timeoutMillis: number) => behind.shutdown({ timeoutMillis }),
    lost: () => ({}),
  };
  const sessions = new SessionLogs(
    { store: new ToldMemoryStore(() => waiting.tell()), redact, loggerProvider: () => loggerProvider },
    [part],
  );
  const provider = new RecordingLoggerProvider(sessions.processor, behind);
  loggerProvider = provider;
  const shutdown = (): Promise<void> => sessions.shutdown();
  return {
    sessions,
    loggerProvider: provider,
    records,
    get entries() {
      return sessions.getAllLogsInQueue();
    },
    until: (predicate, untilOptions) => waiting.until(predicate, untilOptions),
    clear: () => void records.splice(0),
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}
