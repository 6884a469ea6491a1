import * as z from 'zod';

import { elapsedClockOption } from '../../support/clock.ts';
import { lazily, millisOrNever, parseOptions, positiveInteger } from '../../support/options.ts';
import { readerBoundOptions } from '../reader-bounds.ts';
import type { ReaderBoundOptions } from '../reader-bounds.ts';

/** Bounds of a `MemorySessionStore`. Each is counted when it is reached, see `stats().lost`. */
export interface MemorySessionStoreOptions extends ReaderBoundOptions {
  /** Entries held of one session. @default 10_000 */
  readonly maxEntriesPerSession?: number | undefined;
  /** Bytes of one session's entries: of each 64, 2 per UTF-16 unit of the message, and what it has beside text and time. @default 8 MiB */
  readonly maxBytesPerSession?: number | undefined;
  /** What a full session does. `'drop-oldest'`: readers behind learn how many they missed. `'drop-newest'`: the new entry is refused. @default 'drop-oldest' */
  readonly overflow?: 'drop-oldest' | 'drop-newest' | undefined;
  /** Bytes held in all, 384 and 2 per UTF-16 unit of its id for each session: ended sessions go first, then the least recently used without readers; one with a reader keeps its newest entries. @default 256 MiB */
  readonly maxBytes?: number | undefined;
  /** Sessions held, same order. When all have readers, entries of a new session are refused. @default 10_000 */
  readonly maxSessions?: number | undefined;
  /** A session that is not used that long is forgotten, never while a reader is on it. @default 3_600_000 */
  readonly idleTtlMillis?: number | undefined;
  /** An ended session is forgotten after that. @default 300_000 */
  readonly endedTtlMillis?: number | undefined;
  /** A clock that tells how much time has passed, in milliseconds since whenever, for tests. @default performance.now */
  readonly now?: (() => number) | undefined;
}

const MIB = 1024 * 1024;

const optionsSchema = lazily(() =>
  z.strictObject({
    maxEntriesPerSession: positiveInteger().default(10_000),
    maxBytesPerSession: positiveInteger().default(8 * MIB),
    overflow: z.enum(['drop-oldest', 'drop-newest'], "'drop-oldest' or 'drop-newest'").default('drop-oldest'),
    maxBytes: positiveInteger().default(256 * MIB),
    maxSessions: positiveInteger().default(10_000),
    ...readerBoundOptions(),
    idleTtlMillis: millisOrNever().default(3_600_000),
    endedTtlMillis: millisOrNever().default(300_000),
    now: elapsedClockOption(),
  }),
);

/** The options, each decided but for the clock. */
export type MemoryOptions = Pick<MemorySessionStoreOptions, 'now'> & {
  readonly [Name in Exclude<keyof MemorySessionStoreOptions, 'now'>]-?: NonNullable<MemorySessionStoreOptions[Name]>;
};

/** @throws TypeError that names the option which is wrong and the value received. */
export function parseMemoryOptions(options: MemorySessionStoreOptions): MemoryOptions {
  return parseOptions('MemorySessionStore', optionsSchema, options);
}
