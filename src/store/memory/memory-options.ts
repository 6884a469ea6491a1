import * as z from 'zod';

import { elapsedClockOption } from '../../support/clock.ts';
import { lazily, millisOrNever, parseOptions, positiveInteger } from '../../support/options.ts';
import { readerBoundOptions } from '../reader-bounds.ts';
import type { ReaderBoundOptions } from '../reader-bounds.ts';

/** Limits of a `MemorySessionStore`. `stats().lost` counts what each limit costs. */
export interface MemorySessionStoreOptions extends ReaderBoundOptions {
  /** The most entries held of one session. @default 10_000 */
  readonly maxEntriesPerSession?: number | undefined;
  /**
   * The most bytes of one session's entries. An entry counts about 32 bytes, 1.75 per UTF-16 unit of its message, and
   * what it has besides text and time. @default 8 MiB
   */
  readonly maxBytesPerSession?: number | undefined;
  /**
   * What a full session does. `'drop-oldest'`: drops its oldest entries, and slow readers learn how many they missed.
   * `'drop-newest'`: refuses new entries. @default 'drop-oldest'
   */
  readonly overflow?: 'drop-oldest' | 'drop-newest' | undefined;
  /**
   * The most bytes held in all; each session also counts 384 bytes and 2 per UTF-16 unit of its id. Beyond that, ended
   * sessions are evicted first, then the least recently used ones without readers; sessions with a reader keep their
   * newest entries. @default 256 MiB
   */
  readonly maxBytes?: number | undefined;
  /**
   * The most sessions held, evicted in the same order. If all have readers, entries of new sessions are refused.
   * @default 10_000
   */
  readonly maxSessions?: number | undefined;
  /** Milliseconds after which an unused session without readers is forgotten. @default 3_600_000 */
  readonly idleTtlMillis?: number | undefined;
  /** Milliseconds after which an ended session without readers is forgotten. @default 300_000 */
  readonly endedTtlMillis?: number | undefined;
  /** A clock for tests, in milliseconds from any start: only differences count. @default performance.now */
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

/** The options with their defaults, except for the clock. */
export type MemoryOptions = Pick<MemorySessionStoreOptions, 'now'> & {
  readonly [Name in Exclude<keyof MemorySessionStoreOptions, 'now'>]-?: NonNullable<MemorySessionStoreOptions[Name]>;
};

/** @throws TypeError that names the wrong option and the value received. */
export function parseMemoryOptions(options: MemorySessionStoreOptions): MemoryOptions {
  return parseOptions('MemorySessionStore', optionsSchema, options);
}
