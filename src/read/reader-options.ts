import * as z from 'zod';

import type { LogType } from '../entry/entry-detail.ts';
import type { LogEntry } from '../entry/entry.ts';
import { severityOption } from '../otel/severity.ts';
import type { Severity } from '../otel/severity.ts';
import type { SessionCursor, SessionStore, StartPosition } from '../store/session-store.ts';
import { describeValue } from '../support/errors.ts';
import type { SessionLogsError } from '../support/errors.ts';
import {
  abortSignalOption,
  functionOption,
  lazily,
  millisOrNever,
  parseOptions,
  wholeNumber,
} from '../support/options.ts';
import { ownText } from '../support/own-text.ts';
import type { Gap } from './gap.ts';
import { SessionReader } from './reader.ts';
import type { ReaderPlan } from './reader-plan.ts';
import { isDelivered } from './reader-rules.ts';

/** Options for reading a session. Each method has its own defaults for `from`, `until`, `logType` and `tokens`. */
export interface ReaderOptions {
  /**
   * Where to start. `'unread'`: after the unread mark, skipping the rest of a finished answer in which the mark lies.
   * `'start'`: the oldest entry held of the current life. `'now'`: only new entries. `'stream'`: the start of the
   * latest answer. `{ after: id }`: strictly after that entry. `{ last: n }`: the newest n entries of the current life
   * that this reader delivers, without counting earlier ones as `missed`; if fewer are held, like `'start'`, which
   * reports how many were evicted. `{ last: 0 }`: like `'now'`.
   *
   * @default `'unread'` (`getSessionLogs`), `'start'` (`followSession`), `'stream'` (over HTTP)
   */
  readonly from?: StartPosition | undefined;
  /**
   * When to end. `'session-end'`: with the session. `'stream-end'`: with the answer that the first chat entry belongs
   * to. `'caught-up'`: at the entry that was last when the reader was made.
   *
   * @default `'session-end'`; `'stream-end'` for `toReadableStream`
   */
  readonly until?: 'session-end' | 'stream-end' | 'caught-up' | undefined;
  /** Which entries to deliver. @default `'chat'`; `'all'` for `followSession` */
  readonly logType?: LogType | 'all' | undefined;
  /** Leaves out `log` entries of a lower severity, given by name (`'warn'`) or number. @default none */
  readonly minimumSeverity?: Severity | undefined;
  /** Whether to deliver control entries. @default true; false for `toReadableStream` */
  readonly tokens?: boolean | undefined;
  /**
   * `false`: does not wait for a session to begin; the reader ends at once if the session is unknown, or ended with
   * nothing left to read. @default true
   */
  readonly wait?: boolean | undefined;
  /** Ends the reader when `next()` has waited this long. 0: does not wait. @default none */
  readonly idleTimeoutMillis?: number | undefined;
  /** Aborting frees the reader at once and rejects the pending or next `next()` with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called when entries were evicted before the reader reached them. @default one `diag` warning per reader */
  readonly onGap?: ((gap: Gap) => void) | undefined;
}

/** The validated options: a severity is a number. */
export type CheckedReaderOptions = Omit<ReaderOptions, 'minimumSeverity'> & {
  readonly minimumSeverity?: number | undefined;
};

/** Options of `pop`. */
export type PopOptions = Pick<ReaderOptions, 'idleTimeoutMillis' | 'signal' | 'onGap'>;

/** A method's values for options that its caller leaves out. */
export interface ReaderDefaults {
  /** Name of the method, for messages. */
  readonly owner: string;
  readonly yields: ReaderPlan['yields'];
  readonly makeInstead?: (cursor: SessionCursor) => unknown;
  readonly from: StartPosition;
  readonly until: 'session-end' | 'stream-end';
  readonly logType: LogType | 'all';
  readonly tokens: boolean;
  readonly wait: ReaderPlan['wait'];
  /**
   * Whether its readers serve clients over HTTP, which may not use the places that are kept for the server's own
   * readers.
   */
  readonly isForClient: boolean;
}

/** Schemas of the options that every reader has. */
export const waitOptions: () => {
  idleTimeoutMillis: z.ZodOptional<z.ZodCustom<number>>;
  signal: z.ZodOptional<z.ZodCustom<AbortSignal>>;
  onGap: z.ZodOptional<z.ZodCustom<(gap: Gap) => void>>;
} = lazily(() => ({
  idleTimeoutMillis: millisOrNever().optional(),
  signal: abortSignalOption().optional(),
  onGap: functionOption<(gap: Gap) => void>().optional(),
}));

/** Schemas of the options that filter entries. */
export const filterOptions: () => {
  logType: z.ZodOptional<z.ZodEnum<{ chat: 'chat'; log: 'log'; all: 'all' }>>;
  minimumSeverity: z.ZodOptional<ReturnType<typeof severityOption>>;
  tokens: z.ZodOptional<z.ZodBoolean>;
} = lazily(() => ({
  logType: z.enum(['chat', 'log', 'all'], "'chat', 'log' or 'all'").optional(),
  minimumSeverity: severityOption().optional(),
  tokens: z.boolean('a boolean').optional(),
}));

const START = "'unread', 'start', 'now', 'stream', { after: id } or { last: n }";

const readerSchema = lazily(() =>
  z.strictObject({
    from: z
      .union(
        [
          z.enum(['unread', 'start', 'now', 'stream']),
          z.strictObject({ after: z.string('a string') }),
          z.strictObject({ last: wholeNumber() }),
        ],
        START,
      )
      .optional(),
    until: z.enum(['session-end', 'stream-end', 'caught-up'], "'session-end', 'stream-end' or 'caught-up'").optional(),
    ...filterOptions(),
    wait: z.boolean('a boolean').optional(),
    ...waitOptions(),
  }),
);

const popSchema = lazily(() => z.strictObject(waitOptions()));

/** @throws TypeError for a wrong option. */
export function parseReaderOptions(owner: string, options: ReaderOptions | undefined): CheckedReaderOptions {
  refuseBareNumber(owner, options);
  return options === undefined ? {} : parseOptions(owner, readerSchema, options);
}

/**
 * Opens a reader over a session.
 *
 * @param refusal The error of its first `next()`, if it is already clear that it cannot read.
 * @throws TypeError for a wrong option.
 */
export function openReader<T extends string | LogEntry>(
  store: SessionStore,
  sessionId: string,
  defaults: ReaderDefaults,
  options: ReaderOptions | undefined,
  refusal?: SessionLogsError,
): SessionReader<T> {
  return makeReader<T>(store, sessionId, defaults, parseReaderOptions(defaults.owner, options), refusal);
}

/** The same, with options that are already validated. */
export function makeReader<T>(
  store: SessionStore,
  sessionId: string,
  defaults: ReaderDefaults,
  given: CheckedReaderOptions,
  refusal?: SessionLogsError,
): SessionReader<T> {
  const until = given.until ?? defaults.until;
  // The id is usually a slice of a URL or request body, which should not live as long as the reader.
  const id = ownText(sessionId);
  const plan: ReaderPlan = {
    yields: defaults.yields,
    makeInstead: defaults.makeInstead,
    until,
    logType: given.logType ?? defaults.logType,
    minimumSeverity: given.minimumSeverity,
    tokens: given.tokens ?? defaults.tokens,
    wait: given.wait ?? defaults.wait,
    idleTimeoutMillis: given.idleTimeoutMillis,
    signal: given.signal,
    onGap: given.onGap,
    isForClient: defaults.isForClient,
    refusal,
  };
  const cursor = store.open(id, {
    from: given.from ?? defaults.from,
    counts: (detail) => isDelivered(plan, detail),
    isBounded: until === 'caught-up',
  });
  return new SessionReader<T>(store, id, cursor, plan);
}

/** Opens a consumer of a session's work queue: each chat entry goes to exactly one of them. */
export function openPop(
  store: SessionStore,
  sessionId: string,
  options: PopOptions | undefined,
  refusal?: SessionLogsError,
): SessionReader<string> {
  refuseBareNumber('pop', options);
  const given = options === undefined ? {} : parseOptions('pop', popSchema, options);
  const id = ownText(sessionId);
  return new SessionReader<string>(store, id, store.claim(id), {
    yields: 'message',
    makeInstead: undefined,
    until: 'work-end',
    logType: 'chat',
    minimumSeverity: undefined,
    tokens: true,
    wait: true,
    idleTimeoutMillis: given.idleTimeoutMillis,
    signal: given.signal,
    onGap: given.onGap,
    isForClient: false,
    refusal,
  });
}

/** The Python original takes seconds here; do not take such a number for anything else. */
export function refuseBareNumber(owner: string, options: unknown): void {
  if (typeof options !== 'number') return;
  const poll = owner === 'pop' ? 'there is no poll interval; ' : '';
  const instead = `${poll}to limit the wait, give { idleTimeoutMillis: ${options * 1000} }`;
  throw new TypeError(`${owner}: expected an options object, got ${describeValue(options)}: ${instead}`);
}
