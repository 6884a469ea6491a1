import type { IncomingMessage, ServerResponse } from 'node:http';

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
import { parseEventStream, requireOptionsObject } from './event-stream.ts';
import type { EventStreamCall, EventStreamOptions, StreamSource } from './event-stream.ts';
import { SessionEvents } from './session-events.ts';
import type { EventStreamStatus } from './session-events.ts';

/** Options for sending a session as server-sent events in a `Response`. */
export interface EventStreamResponseOptions<R = IncomingMessage> extends EventStreamOptions<R> {
  /**
   * The response of `node:http` or `node:http2` that the framework writes to: `c.env.outgoing` in Hono, `reply.raw` in
   * Fastify. With it, the reader is freed when the client goes, even if the framework does not learn of that, and no
   * reader is opened while the response is queued behind others of its connection. Without it, only the `signal` and
   * the body's `cancel` free the reader.
   */
  readonly response?: NodeResponse | undefined;
}

const nodeResponse = lazily(() => objectWith<NodeResponse>('a response of node:http or node:http2', 'on', 'writeHead'));
const sendSchema = lazily(() => z.object({ response: nodeResponse() }));
const responseSchema = lazily(() => z.object({ response: nodeResponse().optional() }));

const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  // `no-transform`: a compressing proxy or middleware would hold events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/**
 * Returns a web `Response` that sends a session as server-sent events.
 *
 * The status is 204, which ends an `EventSource`, if `lastEventId` is given and nothing can follow it. The body ends
 * with an event only if nothing more comes for this client; if no reader is available, it is a single `retry` field.
 * The reader counts from the call until the body is over: read to its end, cancelled, or ended by the `signal` or by
 * the client of the `response`. A body that is not pulled within two seconds only keeps its position, and counts again
 * from its first pull.
 *
 * @throws TypeError for a wrong session id or option.
 */
export async function toEventStreamResponse<R>(
  source: StreamSource,
  sessionId: string,
  options: EventStreamResponseOptions<R> = {},
): Promise<Response> {
  const owner = 'toEventStreamResponse';
  requireOptionsObject(owner, options);
  const { response, ...streamOptions } = options;
  parseOptions(owner, responseSchema, { response });
  const call = parseEventStream(owner, sessionId, streamOptions, response?.req);
  const { signal } = call.options;
  const make = async (): Promise<Response> => {
    const events = await admitted(source, call);
    if (events === undefined) return new Response(null, { status: 403 });
    if (response !== undefined) {
      closeWithClient(response, events);
      // The client may have left while `authorize` ran.
      if (isClientGone(response)) events.close();
    }
    const status = await events.open();
    if (status !== 200) return new Response(null, { status, headers: headersOf(status, call) });
    return new Response(eventBody(events, { signal, response }), { headers: EVENT_STREAM_HEADERS });
  };
  const made = await (response === undefined ? make() : whileThere(response, signal, make));
  // `undefined`: the client is gone, so no response can reach it.
  return made ?? new Response(null, { headers: EVENT_STREAM_HEADERS });
}

/**
 * Sends the same events over `node:http` and `node:http2`, with backpressure: a client that does not read costs only
 * its socket's buffer, and one that is gone frees its reader at once, however it went. Resolves when the stream is
 * over, for any reason.
 *
 * A response that is queued behind others of its connection opens no reader before its turn. Headers that were set on
 * the response are kept. A request body that the application has not begun to read is discarded. A connection that
 * pipelines more behind the stream than Node buffers is cut off, because Node does not see the end of a connection that
 * it does not read.
 *
 * @throws TypeError for a wrong response, session id or option, and if the headers were already sent; then the response
 * is cut off, because its client would take the events for a part of what was begun.
 */
export async function sendEventStream<R>(
  source: StreamSource,
  response: NodeResponse,
  sessionId: string,
  options: EventStreamOptions<R> = {},
): Promise<void> {
  requireOptionsObject('sendEventStream', options);
  parseOptions('sendEventStream', sendSchema, { response });
  const call = parseEventStream('sendEventStream', sessionId, options, response.req);
  refuseBegun(response);
  // Not awaited here, so that this function's arguments are not kept as long as the stream.
  return sendCall(source, response, call);
}

async function sendCall(source: StreamSource, response: NodeResponse, call: EventStreamCall): Promise<void> {
  let events: SessionEvents | undefined;
  // Writing to a client that is gone fails, which is not an error of the server.
  response.on('error', () => events?.close());
  await whileThere(response, call.options.signal, async () => {
    events = await admitted(source, call);
    if (isClientGone(response)) return events?.close();
    if (events === undefined) {
      refuseBegun(response);
      return void response.writeHead(403).end();
    }
    closeWithClient(response, events);
    try {
      await respond(response, events, call);
    } finally {
      events.close();
    }
  });
}

async function respond(response: NodeResponse, events: SessionEvents, call: EventStreamCall): Promise<void> {
  const status = await events.open();
  if (isClientGone(response)) return;
  refuseBegun(response);
  response.writeHead(status, headersOf(status, call));
  if (status === 200 && !isHead(response)) await writeEvents(response, events, call.options.signal);
  if (!isClientGone(response)) response.end();
}

/** Opens the events for a request; `undefined` if it may not read them. */
async function admitted(source: StreamSource, call: EventStreamCall): Promise<SessionEvents | undefined> {
  const admission = await call.gate.admit(call.sessionId, source.shares);
  if (admission === undefined) return undefined;
  const { logType = call.options.logType } = admission;
  return new SessionEvents(source, { ...call, options: { ...call.options, logType } }, admission.share);
}

function headersOf(status: EventStreamStatus, { retryMillis }: EventStreamCall): Record<string, string> {
  if (status === 429) return { 'retry-after': `${Math.ceil(retryMillis / 1000)}` };
  return status === 200 ? EVENT_STREAM_HEADERS : {};
}

async function writeEvents(
  response: NodeResponse,
  events: SessionEvents,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let bytes = await events.next(); bytes !== undefined; bytes = await events.next()) {
    // Some adapters for serverless platforms return nothing, and have no `drain`.
    const hasRoom = (response as ServerResponse).write(bytes) as boolean | undefined;
    if (hasRoom === false) await drained(response, signal);
  }
}

/** A time-out of the application may also send the headers while the call waits for its turn or for the store. */
function refuseBegun(response: NodeResponse): void {
  if (!response.headersSent || isClientGone(response)) return;
  response.destroy();
  throw new TypeError('sendEventStream: expected a response whose headers were not sent; the response was cut off');
}

/**
 * Does the work when it is the response's turn, and resolves to its result, or to `undefined` as soon as the client is
 * gone.
 */
async function whileThere<T>(
  response: NodeResponse,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (isClientGone(response)) return undefined;
  discardBody(response);
  const gone = new Promise<undefined>((resolve) => {
    watchClient(response, () => {
      dropStream(response);
      resolve(undefined);
    });
  });
  const done = turnOf(response, signal).then(() => {
    if (!isClientGone(response)) cutWhenUnread(response);
    return isClientGone(response) ? undefined : work();
  });
  return Promise.race([gone, done]);
}

function closeWithClient(response: NodeResponse, events: SessionEvents): void {
  watchClient(response, () => events.close());
}
