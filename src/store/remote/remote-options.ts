import * as z from 'zod';

import { lazily, millis, parseOptions, positiveInteger } from '../../support/options.ts';
import { readerBoundOptions } from '../reader-bounds.ts';
import type { ReaderBoundOptions } from '../reader-bounds.ts';
import type { RemoteLog } from './remote-log.ts';

/** What every store over a remote log takes, whatever its engine. */
export interface RemoteStoreOptions extends ReaderBoundOptions {
  /** Entries kept of one session, about: an engine may keep some more. @default 10_000 */
  readonly maxEntriesPerSession?: number | undefined;
  /** A session that is not written to that long is forgotten by the engine. @default 3_600_000 */
  readonly idleTtlMillis?: number | undefined;
  /** An ended session is forgotten after that. @default 300_000 */
  readonly endedTtlMillis?: number | undefined;
  /**
   * An answer ends for every reader, on every host, when its producer gave no sign of life for so long: with a `stream-end` whose
   * finish reason is `abandoned`. A process gives one every third of this time while it has begun an answer and not ended
   * it. From 1,000 on; `Infinity`: never. @default 15_000
   */
  readonly answerLeaseMillis?: number | undefined;
  /** Entries that wait for the engine at most; then new ones are dropped and counted `store_full`. @default 50_000 */
  readonly maxPendingEntries?: number | undefined;
  /** The same bound in bytes: of each entry 128, and 2 per UTF-16 unit of the text that is sent. @default 32 MiB */
  readonly maxPendingBytes?: number | undefined;
  /** Sessions whose writing state and unread mark this process keeps. @default 100_000 */
  readonly maxSessions?: number | undefined;
}

/** Options of a {@link RemoteSessionStore}. */
export interface RemoteSessionStoreOptions extends RemoteStoreOptions {
  /** The adapter of an engine. It belongs to the store, which starts and closes it. */
  readonly log: RemoteLog;
}

const MIB = 1024 * 1024;
const LEASE = 'a number of milliseconds, 1,000 or more up to 2^53 - 1, or Infinity for never';

function isLease(value: unknown): boolean {
  return typeof value === 'number' && value >= 1_000 && (value <= Number.MAX_SAFE_INTEGER || value === Infinity);
}

/** The options as a store's schema takes them. */
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

/** Options with every default filled in. */
export type ParsedRemoteOptions = {
  readonly [Option in keyof RemoteSessionStoreOptions]-?: NonNullable<RemoteSessionStoreOptions[Option]>;
};

/** @throws TypeError that names the option that is wrong. */
export function parseRemoteOptions(options: RemoteSessionStoreOptions): ParsedRemoteOptions {
  return parseOptions('RemoteSessionStore', optionsSchema, options);
}
