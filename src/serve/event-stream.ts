import * as z from 'zod';

import type { LogEntry } from '../entry/entry.ts';
import { requireSessionId } from '../entry/session-id.ts';
import type { Gap } from '../read/gap.ts';
import { makeReader, parseReaderOptions } from '../read/reader-options.ts';
import type { ReaderDefaults, ReaderOptions } from '../read/reader-options.ts';
import type { SessionReader } from '../read/reader.ts';
import type { SessionStore } from '../store/session-store.ts';
import { describeValue } from '../support/errors.ts';
import type { SessionLogsError } from '../support/errors.ts';
import { functionOption, lazily, millis, parseOptions } from '../support/options.ts';
import { ownText } from '../support/own-text.ts';
import { EventFrames } from './event-frames.ts';

/** How a session goes out as server-sent events. */
export interface EventStreamOptions extends ReaderOptions {
  /**
   * The `Last-Event-ID` that the client sent: goes on strictly after that entry, and does not wait for a session to
   * begin. Looked up in the given session only: no id opens another session. Empty, `null` and `undefined` are none.
   */
  readonly lastEventId?: string | readonly string[] | null | undefined;
  /**
   * What of an entry reaches the client, as JSON; `undefined` leaves the entry out.
   *
   * @default `{ kind, message, timestamp }`
   */
  readonly map?: ((entry: LogEntry) => unknown) | undefined;
  /** A comment is sent when there was nothing else for that long; 0: never. @default 15_000 */
  readonly keepAliveMillis?: number | undefined;
  /** How long an `EventSource` waits before it connects again. @default 2_000 */
  readonly retryMillis?: number | undefined;
  /** The text of an `error` entry, from its `exception.*` attributes. @default `An error occurred.` */
  readonly onError?: ((attributes: Readonly<Record<string, unknown>>) => string | undefined) | undefined;
}

/** What the streams out need to know of who opens them. */
export interface StreamSource {
  readonly store: SessionStore;
  /** What readers are refused with, once that is so. */
  readonly refusal: SessionLogsError | undefined;
}

const EVENT_DEFAULTS: ReaderDefaults = {
  owner: 'toEventStreamResponse',
  yields: 'entry',
  from: 'stream',
  until: 'session-end',
  logType: 'chat',
  tokens: true,
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
  readonly frames: EventFrames;
  readonly defaults: ReaderDefaults;
  readonly options: ReaderOptions;
}

/** @throws TypeError for a wrong session id or option. */
export function parseEventStream(owner: string, sessionId: string, options: EventStreamOptions): EventStreamCall {
  requireSessionId(owner, sessionId);
  const { lastEventId, map, keepAliveMillis, retryMillis, onError, ...readerOptions } = options;
  const own = parseOptions(owner, eventSchema, { lastEventId, map, keepAliveMillis, retryMillis, onError });
  const frames = new EventFrames({
    map: own.map,
    onError: own.onError,
    keepAliveMillis: own.keepAliveMillis ?? 15_000,
    retryMillis: Math.ceil(own.retryMillis ?? 2000),
  });
  const after = Array.isArray(own.lastEventId) ? own.lastEventId.at(-1) : own.lastEventId;
  const resumed: ReaderOptions =
    after === undefined || after === null || after === ''
      ? readerOptions
      : { wait: false, ...definedOnly(readerOptions), from: { after: ownText(after) } };
  const defaults = { ...EVENT_DEFAULTS, owner };
  // The call lives as long as the stream, of which the texts it was made with may be a small part.
  return { sessionId: ownText(sessionId), frames, defaults, options: parseReaderOptions(owner, resumed) };
}

/** @throws TypeError when it is no object; who gave seconds is told what to give instead. */
export function requireOptionsObject(owner: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new TypeError(
    `${owner}: expected an options object, got ${describeValue(options)}: a limit of the wait is { idleTimeoutMillis: ... }`,
  );
}

/**
 * Opens the reader of the call's frames, and the status to answer with. Closed frames free all that this opens, also
 * while it is under way.
 *
 * Looks ahead with a reader of its own, so that the one that is served does not count yet: a client counts as one reader
 * at any time.
 */
export async function openEventStream(source: StreamSource, call: EventStreamCall): Promise<200 | 204 | 503> {
  const { sessionId, frames, defaults, options } = call;
  const { from } = options;
  const after = options.wait === false && typeof from === 'object' ? from.after : undefined;
  const onGap = (gap: Gap): void => {
    frames.onGap(gap);
    options.onGap?.(gap);
  };
  const open = (own: ReaderOptions): SessionReader<LogEntry> =>
    makeReader<LogEntry>(source.store, sessionId, defaults, { ...options, ...own }, source.refusal);
  const probe = open({ from: after === undefined ? 'now' : { after }, until: 'caught-up', onGap: () => {} });
  const reader = open({ onGap });
  frames.readFrom(reader, probe);
  let status: 200 | 204 | 503 | undefined;
  try {
    status = await statusOf(source, call, probe, after);
    return status;
  } finally {
    if (status === 200) frames.readFrom(reader);
    else frames.close();
  }
}

async function statusOf(
  source: StreamSource,
  { sessionId, defaults, options }: EventStreamCall,
  probe: SessionReader<LogEntry>,
  after: string | undefined,
): Promise<200 | 204 | 503> {
  const isEmpty = await isOver(probe);
  if (probe.endReason === 'refused') return 503;
  if (after === undefined || !isEmpty) return 200;
  if (probe.endReason !== 'caught-up') return 204;
  if ((options.until ?? defaults.until) !== 'stream-end') return 200;
  return (await source.store.streamState(sessionId, after)) === 'finished' ? 204 : 200;
}

/** Whether the reader delivers nothing. */
async function isOver(reader: SessionReader<LogEntry>): Promise<boolean> {
  try {
    const { done } = await reader.next();
    return done === true;
  } catch {
    // Refused, which the reader's end tells; or a store that is away, which the reader that is served will meet.
    return false;
  } finally {
    await reader.return();
  }
}

function definedOnly<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
