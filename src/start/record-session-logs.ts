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

/** Options of {@link recordSessionLogs}. */
export interface RecordSessionLogsOptions {
  /** The `redact` of `SessionLogs`. @default none */
  readonly redact?: Redact | undefined;
  /** Merges the chunks of an answer into one record, as `startSessionLogs({ coalesce })` does. @default false */
  readonly coalesce?: boolean | CoalescingOptions | undefined;
}

/** What {@link recordSessionLogs} returns. Its methods work detached from it. */
export interface SessionLogsRecorder {
  /** Give it to the code under test. */
  readonly sessions: SessionLogs;
  /**
   * Give it to instrumented loggers (pino, winston, bunyan): what they emit goes into the session of the running code.
   */
  readonly loggerProvider: OtelLoggerProvider;
  /**
   * What destinations (files, console, exporters) got so far, in order, without logs marked `export: false`. The array
   * grows.
   */
  readonly records: readonly RecordedLog[];
  /**
   * What readers can get of all sessions, in order, without logs marked `read: false`. Each access makes a new array.
   */
  readonly entries: readonly LogEntry[];
  /**
   * Resolves with the predicate's result as soon as that is truthy (not `undefined`, `null`, `false`, `0` or `''`).
   * Calls the predicate at once, and whenever something is logged, ended or deleted; it does not poll, and needs no
   * fake timer to advance.
   *
   * @throws What the predicate throws; SessionLogsError `until_timeout`, which shows what was logged last.
   */
  readonly until: <T>(predicate: (records: readonly RecordedLog[]) => T, options?: UntilOptions) => Promise<Truthy<T>>;
  /** Empties `records`; sessions keep their entries. */
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
 * Records session logs in memory, for a test: a `SessionLogs` on a provider of its own, and what was logged as plain
 * data. It sets nothing global, writes and sends nothing, needs no SDK, and works under fake timers, whenever they were
 * installed.
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
