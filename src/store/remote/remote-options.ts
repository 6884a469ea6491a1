import * as z from 'zod';

import { lazily, millis, parseOptions, positiveInteger } from '../../support/options.ts';
import { readerBoundOptions } from '../reader-bounds.ts';
import type { ReaderBoundOptions } from '../reader-bounds.ts';
import type { RemoteLog } from './remote-log.ts';

/** Options of every store over a remote log, whatever its engine. */
export interface RemoteStoreOptions extends ReaderBoundOptions {
  /** The most entries kept of one session; an engine may keep some more. @default 10_000 */
  readonly maxEntriesPerSession?: number | undefined;
  /** Milliseconds without a write after which the engine forgets a session. @default 3_600_000 */
  readonly idleTtlMillis?: number | undefined;
  /** Milliseconds after which the engine forgets an ended session. @default 300_000 */
  readonly endedTtlMillis?: number | undefined;
  /**
   * Milliseconds without a sign of life from its producer after which an answer ends for every reader on every host,
   * with a `stream-end` whose finish reason is `abandoned`. A process gives a sign of life every third of this time
   * while it has an open answer. At least 1,000; `Infinity`: never. @default 15_000
   */
  readonly answerLeaseMillis?: number | undefined;
  /**
   * The most entries that wait for the engine; beyond that, new ones are dropped and counted as `store_full`. @default
   * 50_000
   */
  readonly maxPendingEntries?: number | undefined;
  /**
   * The same limit in bytes: each entry counts 128, plus 2 per UTF-16 unit of the text that is sent. @default 32 MiB
   */
  readonly maxPendingBytes?: number | undefined;
  /** The most sessions whose write state and unread mark this process keeps. @default 100_000 */
  readonly maxSessions?: number | undefined;
}

/** Options of a {@link RemoteSessionStore}. */
export interface RemoteSessionStoreOptions extends RemoteStoreOptions {
  /** The adapter of an engine. The store owns it, starts it and closes it. */
  readonly log: RemoteLog;
}

const MIB = 1024 * 1024;
const LEASE = 'a number of milliseconds, 1,000 or more up to 2^53 - 1, or Infinity for never';

function isLease(value: unknown): boolean {
  return typeof value === 'number' && value >= 1_000 && (value <= Number.MAX_SAFE_INTEGER || value === Infinity);
}

/** The options, for the schema of a store. */
export function remoteStoreOptions(): {
  [Option in keyof RemoteStoreOptions]-?: z.ZodDefault<z.ZodType<number>>;
} {
  return {
    maxEntriesPerSession: positiveInteger().default(10_000),
    idleTtlMillis: millis().default(3_600_000),
    endedTtlMillis: millis().default(300_000),
    answerLeaseMillis: z.custom<number>(isLease, LEASE).default(15_000),
    maxPendingEntries: positiveInteger().default(50_000),
    maxPendingBytes: positiveInteger().default(32 * MIB),
    ...readerBoundOptions(),
    maxSessions: positiveInteger().default(100_000),
  };
}

const METHODS = ['start', 'append', 'read', 'claim', 'setAside', 'watch', 'unwatch', 'lapse', 'isId', 'close'] as const;

function isRemoteLog(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const log = value as Record<string, unknown>;
  return typeof log['name'] === 'string' && METHODS.every((method) => typeof log[method] === 'function');
}

const optionsSchema = lazily(() =>
  z.strictObject({
    log: z.custom<RemoteLog>(isRemoteLog, 'a RemoteLog: `name` and every method of the interface'),
    ...remoteStoreOptions(),
  }),
);

/** The options with their defaults. */
export type ParsedRemoteOptions = {
  readonly [Option in keyof RemoteSessionStoreOptions]-?: NonNullable<RemoteSessionStoreOptions[Option]>;
};

/** @throws TypeError that names the wrong option. */
export function parseRemoteOptions(options: RemoteSessionStoreOptions): ParsedRemoteOptions {
  return parseOptions('RemoteSessionStore', optionsSchema, options);
}
