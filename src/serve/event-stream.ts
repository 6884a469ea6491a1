import type { IncomingMessage } from 'node:http';

import * as z from 'zod';

import type { LogEntry } from '../entry/entry.ts';
import { requireSessionId } from '../entry/session-id.ts';
import { makeReader, parseReaderOptions } from '../read/reader-options.ts';
import type { CheckedReaderOptions, ReaderDefaults, ReaderOptions } from '../read/reader-options.ts';
import type { SessionReader } from '../read/reader.ts';
import type { SessionCursor, SessionStore } from '../store/session-store.ts';
import { describeValue } from '../support/errors.ts';
import type { SessionLogsError } from '../support/errors.ts';
import { functionOption, lazily, millis, parseOptions } from '../support/options.ts';
import { ownText } from '../support/own-text.ts';
import type { EntryFormat } from './event-format.ts';
import type { ClientShares } from './client-share.ts';
import { Gate } from './gate.ts';
import type { GateOptions } from './gate.ts';

/** Options for sending a session as server-sent events. */
export interface EventStreamOptions<R = IncomingMessage> extends ReaderOptions, GateOptions<R> {
  /**
   * The `Last-Event-ID` that the client sent: the stream goes on strictly after that entry. The stream does not wait
   * for a session that has ended, but it does for an unknown one: a store that lost the session, by a restart perhaps,
   * does not know that it is over. The id is looked up in the given session only, so no id opens another session. `''`,
   * `null` and `undefined` mean no id.
   */
  readonly lastEventId?: string | readonly string[] | null | undefined;
  /**
   * Returns what the client gets of an entry, as JSON; `undefined` leaves the entry out. The result must depend on the
   * entry alone, because clients with the same function that get an entry at about the same time share one result. So
   * that they share it, create the function once, not for each request; the same goes for `onError`.
   *
   * @default `{ kind, message, timestamp }`
   */
  readonly map?: ((entry: LogEntry) => unknown) | undefined;
  /**
   * After how many milliseconds without an event a comment is sent to keep the connection alive; 0: never. @default
   * 8_000
   */
  readonly keepAliveMillis?: number | undefined;
  /** How long an `EventSource` waits before it reconnects, in milliseconds. @default 2_000 */
  readonly retryMillis?: number | undefined;
  /**
   * Returns the text that the client gets for an `error` entry. Errors reveal details of the server, so by default the
   * client gets none of their text. The entry has the writer's text (`message`) and the exception (`exception.*` among
   * its `attributes`). `map` gets the entry with the text that this returns.
   *
   * @default () => 'An error occurred.'
   */
  readonly onError?: ((error: LogEntry) => string | undefined) | undefined;
}

/** The source that streams read from. */
export interface StreamSource {
  readonly store: SessionStore;
  /** The error that refuses every reader; `undefined` while readers are available. */
  readonly refusal: SessionLogsError | undefined;
  /** The shares of its clients. */
  readonly shares: ClientShares;
}

const EVENT_DEFAULTS: ReaderDefaults = {
  owner: 'toEventStreamResponse',
  yields: 'entry',
  from: 'stream',
  until: 'session-end',
  logType: 'chat',
  tokens: true,
  wait: true,
  isForClient: true,
};

const eventSchema = lazily(() =>
  z.object({
    lastEventId: z.union([z.string(), z.array(z.string())], 'a string').nullish(),
    map: functionOption<NonNullable<EventStreamOptions['map']>>().optional(),
    keepAliveMillis: millis().optional(),
    retryMillis: millis().optional(),
    onError: functionOption<NonNullable<EventStreamOptions['onError']>>().optional(),
  }),
);

/** The validated arguments of a call. Nothing is opened yet. */
export interface EventStreamCall {
  readonly sessionId: string;
  readonly gate: Gate;
  /** Id of the last entry that a reconnecting client has. */
  readonly after: string | undefined;
  readonly format: EntryFormat;
  /** 0: never. */
  readonly keepAliveMillis: number;
  readonly retryMillis: number;
  readonly defaults: ReaderDefaults;
  readonly options: CheckedReaderOptions;
}

/**
 * @param ownRequest The request for the gate, unless the options name another one.
 * @throws TypeError for a wrong session id or option.
 */
export function parseEventStream<R>(
  owner: string,
  sessionId: string,
  given: EventStreamOptions<R>,
  ownRequest?: unknown,
): EventStreamCall {
  requireSessionId(owner, sessionId);
  const { request = ownRequest, authorize, maxReadersPerClient, ...options } = given;
  const gate = new Gate(owner, { request, authorize, maxReadersPerClient });
  return { ...parseStream(owner, sessionId, options), gate };
}

function parseStream(
  owner: string,
  sessionId: string,
  given: Omit<EventStreamOptions, keyof GateOptions<unknown>>,
): Omit<EventStreamCall, 'gate'> {
  const { lastEventId, map, keepAliveMillis, retryMillis, onError, ...readerOptions } = given;
  const own = parseOptions(owner, eventSchema, { lastEventId, map, keepAliveMillis, retryMillis, onError });
  const lastId = Array.isArray(own.lastEventId) ? own.lastEventId.at(-1) : own.lastEventId;
  const isResumed = lastId !== undefined && lastId !== null && lastId !== '';
  const options = parseReaderOptions(
    owner,
    isResumed ? { ...readerOptions, from: { after: ownText(lastId) } } : readerOptions,
  );
  const { from, wait = isResumed ? 'unless-ended' : true } = options;
  return {
    // The call lives as long as the stream, so it must not keep the long strings alive that its texts were cut from.
    sessionId: ownText(sessionId),
    after: wait !== true && typeof from === 'object' && 'after' in from ? from.after : undefined,
    format: { map: own.map, onError: own.onError },
    keepAliveMillis: own.keepAliveMillis ?? 8_000,
    retryMillis: Math.ceil(own.retryMillis ?? 2000),
    defaults: { ...EVENT_DEFAULTS, wait, owner },
    options,
  };
}

/** @throws TypeError if it is not an object; the message tells a caller that gave seconds what to give instead. */
export function requireOptionsObject(owner: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new TypeError(
    `${owner}: expected an options object, got ${describeValue(options)}: to limit the wait, give { idleTimeoutMillis: ... }`,
  );
}

/**
 * Opens the reader that the call asks for; `own` options replace the call's. It yields what `make` makes of entries.
 */
export function readerOf<T>(
  source: StreamSource,
  call: EventStreamCall,
  own: CheckedReaderOptions,
  make: (cursor: SessionCursor) => T,
): SessionReader<T> {
  const { sessionId, defaults, options } = call;
  const { store, refusal } = source;
  return makeReader<T>(store, sessionId, { ...defaults, makeInstead: make }, { ...options, ...own }, refusal);
}
