import type { ServerResponse } from 'node:http';

import * as z from 'zod';

import { lazily, objectWith, parseOptions } from '../support/options.ts';
import {
  cutWhenUnread,
  discardBody,
  drained,
  dropStream,
  isClientGone,
  isHead,
  turnOf,
  watchClient,
} from './client.ts';
import type { NodeResponse } from './client.ts';
import { eventBody } from './event-body.ts';
import type { EventFrames } from './event-frames.ts';
import { openEventStream, parseEventStream, requireOptionsObject } from './event-stream.ts';
import type { EventStreamCall, EventStreamOptions, StreamSource } from './event-stream.ts';

/** How a session goes out as server-sent events in a `Response`. */
export interface EventStreamResponseOptions extends EventStreamOptions {
  /**
   * The response of `node:http` or `node:http2` that the framework writes to: `c.env.outgoing` in Hono, `reply.raw` in
   * Fastify. Its client's end frees the reader, also where the framework is not told of it, and while it is queued behind
   * others of its connection nothing is opened. Without it the `signal` and the body's `cancel` are all there is to tell.
   */
  readonly response?: NodeResponse | undefined;
}

const nodeResponse = lazily(() => objectWith<NodeResponse>('a response of node:http or node:http2', 'on', 'writeHead'));
const sendSchema = lazily(() => z.object({ response: nodeResponse() }));
const responseSchema = lazily(() => z.object({ response: nodeResponse().optional() }));

const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  // `no-transform`: a proxy or middleware that compresses would hold frames back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/**
 * A session as server-sent events in a web `Response`.
 *
 * Answers 204, which ends an `EventSource`, when `lastEventId` is given and nothing comes after it any more; 503 when
 * no reader can be had. The reader is made at the call and counts from the first pull until the body is over: read to
 * its end, cancelled, ended by the `signal`, or by the client of the `response`.
 *
 * @throws TypeError for a wrong session id or option.
 */
export async function toEventStreamResponse(
  source: StreamSource,
  sessionId: string,
  options: EventStreamResponseOptions = {},
): Promise<Response> {
  const owner = 'toEventStreamResponse';
  requireOptionsObject(owner, options);
  const { response, ...streamOptions } = options;
  parseOptions(owner, responseSchema, { response });
  const call = parseEventStream(owner, sessionId, streamOptions);
  const open = (): Promise<200 | 204 | 503> => openEventStream(source, call);
  const status = await (response === undefined ? open() : whileThere(response, call, open));
  if (status === 204 || status === 503) return new Response(null, { status });
  // The client is gone where there is no status: nobody gets what is answered.
  const body = status === 200 ? eventBody(call.frames, { signal: call.options.signal, response }) : null;
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

/**
 * The same over `node:http` and `node:http2`, with backpressure: a client that does not read costs what its socket
 * buffers, and one that is gone, however it went, frees its reader at once. Resolves when the stream is over, for
 * whatever reason.
 *
 * A response that is queued behind others of its connection opens nothing before its turn. Headers set on the response
 * before are kept. A body of the request that nobody has begun to read is let go of, and a connection that pipelines more
 * behind the stream than Node holds is cut off, since the end of one that is not read is not seen.
 *
 * @throws TypeError for a wrong response, session id or option.
 */
export async function sendEventStream(
  source: StreamSource,
  response: NodeResponse,
  sessionId: string,
  options: EventStreamOptions = {},
): Promise<void> {
  requireOptionsObject('sendEventStream', options);
  const call = parseEventStream('sendEventStream', sessionId, options);
  parseOptions('sendEventStream', sendSchema, { response });
  // Not awaited here, where the texts that the call was made with would be kept for as long.
  return sendCall(source, response, call);
}

async function sendCall(source: StreamSource, response: NodeResponse, call: EventStreamCall): Promise<void> {
  // What a client that is gone makes of a write is no error of the server.
  response.on('error', () => call.frames.close());
  try {
    await whileThere(response, call, () => serve(source, response, call));
  } finally {
    call.frames.close();
  }
}

/**
 * Does the work when it is the response's turn, and gives what it comes to; or `undefined` as soon as the client is gone,
 * which closes the frames.
 */
async function whileThere<T>(
  response: NodeResponse,
  { frames, options }: EventStreamCall,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (isClientGone(response)) {
    frames.close();
    return undefined;
  }
  discardBody(response);
  const gone = new Promise<undefined>((resolve) => {
    watchClient(response, () => {
      frames.close();
      dropStream(response);
      resolve(undefined);
    });
  });
  const done = turnOf(response, options.signal).then(() => {
    if (!isClientGone(response)) cutWhenUnread(response);
    return isClientGone(response) ? undefined : work();
  });
  return Promise.race([gone, done]);
}

async function serve(source: StreamSource, response: NodeResponse, call: EventStreamCall): Promise<void> {
  const { frames, options } = call;
  const status = await openEventStream(source, call);
  if (isClientGone(response)) return;
  response.writeHead(status, status === 200 ? EVENT_STREAM_HEADERS : undefined);
  if (status === 200 && !isHead(response)) await writeFrames(frames, response, options.signal);
  if (!isClientGone(response)) response.end();
}

async function writeFrames(
  frames: EventFrames,
  response: NodeResponse,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for (let frame = await frames.next(); frame !== undefined; frame = await frames.next()) {
      // Some adapters of serverless platforms return nothing, and have no `drain`.
      const hasRoom = (response as ServerResponse).write(frame) as boolean | undefined;
      if (hasRoom === false) await drained(response, signal);
    }
  } catch {
    // The store failed, which it reported. Cut off without an end event, the client connects again.
    response.destroy();
  }
}
