import type { ServerResponse } from 'node:http';

import type { EventFrames } from './event-frames.ts';
import { openEventStream } from './event-stream.ts';
import type { EventStreamOptions, StreamSource } from './event-stream.ts';
import { openReader } from './reader-options.ts';
import type { ReaderDefaults, ReaderOptions } from './reader-options.ts';
import { requireSessionId } from './session.ts';

const TEXT_DEFAULTS: ReaderDefaults = {
  owner: 'toReadableStream',
  yields: 'message',
  from: 'stream',
  until: 'stream-end',
  logType: 'chat',
  tokens: false,
};

const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  // `no-transform`: a proxy or middleware that compresses would hold frames back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

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
  const opened = await openEventStream('toEventStreamResponse', source, sessionId, options);
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
  const opened = await openEventStream('sendEventStream', source, sessionId, options);
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
