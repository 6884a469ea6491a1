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

/** How a session goes out as server-sent events. */
export interface EventStreamOptions<R = IncomingMessage> extends ReaderOptions, GateOptions<R> {
  /**
   * The `Last-Event-ID` that the client sent: the stream goes on strictly after that entry. A session that has ended is not
   * waited for, one that is not there is: a store that lost it, by a restart perhaps, does not know that it is over. The id is
   * looked up in the given session only: no id opens another session. Empty, `null` and `undefined` are none.
   */
  readonly lastEventId?: string | readonly string[] | null | undefined;
  /**
   * What of an entry reaches the client, as JSON; `undefined` leaves the entry out. It must depend on the entry alone: clients
   * that get an entry at about the same time and were given the same function share what it returned. Make it once, not
   * for each request, so that they do; `onError` likewise.
   *
   * @default `{ kind, message, timestamp }`
   */
  readonly map?: ((entry: LogEntry) => unknown) | undefined;
  /** A comment is sent when nothing else was sent for that long, in milliseconds; 0: never. @default 8_000 */
  readonly keepAliveMillis?: number | undefined;
  /** How long an `EventSource` waits before it connects again, in milliseconds. @default 2_000 */
  readonly retryMillis?: number | undefined;
  /**
   * What the client is shown of an `error` entry, as its text: errors speak of the server, so nothing of it by itself. The
   * entry has what the writer said (`message`) and the exception (`exception.*` among its `attributes`). `map` gets the entry
   * with the text that this returns.
   *
   * @default `An error occurred.`
   */
  readonly onError?: ((error: LogEntry) => string | undefined) | undefined;
}

/** What the streams read from. */
export interface StreamSource {
  readonly store: SessionStore;
  /** What every reader is refused with; `undefined` while readers can be had. */
  readonly refusal: SessionLogsError | undefined;
  /** What its clients hold. */
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

/** A call whose arguments are right. Nothing is opened yet. */
export interface EventStreamCall {
  readonly sessionId: string;
  readonly gate: Gate;
  /** The entry that a client which connects again has already. */
  readonly after: string | undefined;
  readonly format: EntryFormat;
  /** 0: never. */
  readonly keepAliveMillis: number;
  readonly retryMillis: number;
  readonly defaults: ReaderDefaults;
  readonly options: CheckedReaderOptions;
}

/**
 * @param ownRequest What the gate looks at, unless the options name another request.
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
    // The call lives as long as the stream, of which the texts it was made with may be a small part.
    sessionId: ownText(sessionId),
    after: wait !== true && typeof from === 'object' && 'after' in from ? from.after : undefined,
    format: { map: own.map, onError: own.onError },
    keepAliveMillis: own.keepAliveMillis ?? 8_000,
    retryMillis: Math.ceil(own.retryMillis ?? 2000),
    defaults: { ...EVENT_DEFAULTS, wait, owner },
    options,
  };
}

/** @throws TypeError when it is no object; its message tells a caller that gave seconds what to give instead. */
export function requireOptionsObject(owner: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new TypeError(
    `${owner}: expected an options object, got ${describeValue(options)}: a limit of the wait is { idleTimeoutMillis: ... }`,
  );
}

/** A reader of what the call asks for, with options of its own in place of the call's. It gives what `make` makes of entries. */
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
