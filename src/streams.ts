import type { ServerResponse } from 'node:http';

import * as z from 'zod';

import type { LogEntry } from './entry.ts';
import { describeValue } from './errors.ts';
import type { SessionLogsError } from './errors.ts';
import { EventFrames } from './event-frames.ts';
import { functionOption, millis, parseOptions } from './options.ts';
import { openReader } from './reader-options.ts';
import type { ReaderDefaults, ReaderOptions } from './reader-options.ts';
import type { Gap, SessionReader } from './reader.ts';
import { requireSessionId } from './session.ts';
import type { SessionStore } from './store/session-store.ts';

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

const TEXT_DEFAULTS: ReaderDefaults = {
  owner: 'toReadableStream',
  yields: 'message',
  from: 'stream',
  until: 'stream-end',
  logType: 'chat',
  tokens: false,
};

const EVENT_DEFAULTS: ReaderDefaults = {
  owner: 'toEventStreamResponse',
  yields: 'entry',
  from: 'stream',
  until: 'session-end',
  logType: 'chat',
  tokens: true,
};

const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  // `no-transform`: a proxy or middleware that compresses would hold frames back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

const eventSchema = z.object({
  lastEventId: z.union([z.string(), z.array(z.string())], 'a string').nullish(),
  map: functionOption<NonNullable<EventStreamOptions['map']>>().optional(),
  keepAliveMillis: millis().optional(),
  retryMillis: millis().optional(),
  onError: functionOption<NonNullable<EventStreamOptions['onError']>>().optional(),
});

/**
 * The text of a session as a web stream, which closes after the answer. Pulled: nothing is read ahead, and `cancel()`
 * frees the reader at once.
 *
 * For a `Response`, which takes bytes only, pipe it through a `TextEncoderStream`.
 *
 * @throws TypeError for a wrong session id or option.
 */
export function toReadableStream(
  source: StreamSource,
  sessionId: string,
  options?: ReaderOptions,
): ReadableStream<string> {
  requireSessionId('toReadableStream', sessionId);
  const reader = openReader<string>(source.store, sessionId, TEXT_DEFAULTS, options, source.refusal);
  let isCancelled = false;
  return new ReadableStream<string>(
    {
      async pull(controller) {
        const { done, value } = await reader.next();
        if (isCancelled) return;
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        isCancelled = true;
        await reader.return();
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * A session as server-sent events in a web `Response`.
 *
 * Answers 204, which ends an `EventSource`, when `lastEventId` is given and nothing comes after it any more; 503 when
 * no reader can be had. The reader is made at the call and counts from the first pull.
 *
 * @throws TypeError for a wrong session id or option.
 */
export async function toEventStreamResponse(
  source: StreamSource,
  sessionId: string,
  options?: EventStreamOptions,
): Promise<Response> {
  const opened = await openFrames('toEventStreamResponse', source, sessionId, options);
  if (typeof opened === 'number') return new Response(null, { status: opened });
  const encoder = new TextEncoder();
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const frame = await opened.next();
        if (isCancelled) return;
        if (frame === undefined) controller.close();
        else controller.enqueue(encoder.encode(frame));
      },
      cancel() {
        isCancelled = true;
        opened.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

/**
 * The same over `node:http`, with backpressure: a client that does not read costs what its socket buffers, and one that
 * hangs up frees its reader at once. Resolves when the stream is over, for whatever reason.
 *
 * Headers set on the response before are kept.
 *
 * @throws TypeError for a wrong session id or option.
 */
export async function sendEventStream(
  source: StreamSource,
  response: ServerResponse,
  sessionId: string,
  options?: EventStreamOptions,
): Promise<void> {
  let frames: EventFrames | undefined;
  const onGone = (): void => frames?.close();
  response.once('close', onGone);
  // What a client that is gone makes of a write is no error of the server.
  response.on('error', onGone);
  const opened = await openFrames('sendEventStream', source, sessionId, options);
  if (typeof opened === 'number') {
    response.writeHead(opened).end();
    return;
  }
  frames = opened;
  try {
    if (response.destroyed) return;
    response.writeHead(200, EVENT_STREAM_HEADERS);
    if (response.req.method !== 'HEAD') await writeFrames(opened, response);
    response.end();
  } finally {
    opened.close();
  }
}

async function writeFrames(frames: EventFrames, response: ServerResponse): Promise<void> {
  try {
    for (let frame = await frames.next(); frame !== undefined; frame = await frames.next()) {
      if (!response.write(frame)) await drained(response);
    }
  } catch {
    // The store failed, which it reported. Cut off without an end event, the client connects again.
    response.destroy();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const onEither = (): void => {
      response.off('drain', onEither).off('close', onEither);
      resolve();
    };
    if (response.destroyed) resolve();
    else response.on('drain', onEither).on('close', onEither);
  });
}

/** The frames of a stream that is to be served, else the status that says why not. */
async function openFrames(
  owner: string,
  source: StreamSource,
  sessionId: string,
  options: EventStreamOptions = {},
): Promise<EventFrames | 204 | 503> {
  requireSessionId(owner, sessionId);
  if (typeof options !== 'object' || options === null) {
    const got = describeValue(options);
    throw new TypeError(
      `${owner}: expected an options object, got ${got}: a limit of the wait is { idleTimeoutMillis: ... }`,
    );
  }
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
      : { wait: false, ...definedOnly(readerOptions), from: { after } };
  const defaults = { ...EVENT_DEFAULTS, owner };
  const onGap = (gap: Gap): void => {
    frames.onGap(gap);
    readerOptions.onGap?.(gap);
  };
  const reader = openReader<LogEntry>(source.store, sessionId, defaults, { ...resumed, onGap }, source.refusal);
  frames.readFrom(reader);
  let status: 200 | 204 | 503 | undefined;
  try {
    status = await statusOf(source, sessionId, defaults, resumed);
    return status === 200 ? frames : status;
  } finally {
    if (status !== 200) frames.close();
  }
}

/** Looks ahead with a reader of its own, so that the one that is served does not count yet. */
async function statusOf(
  source: StreamSource,
  sessionId: string,
  defaults: ReaderDefaults,
  options: ReaderOptions,
): Promise<200 | 204 | 503> {
  const { from } = options;
  const after = options.wait === false && typeof from === 'object' ? from.after : undefined;
  const probe = openReader<LogEntry>(
    source.store,
    sessionId,
    defaults,
    {
      ...options,
      from: after === undefined ? 'now' : { after },
      until: 'caught-up',
      onGap: () => {},
      signal: undefined,
    },
    source.refusal,
  );
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
