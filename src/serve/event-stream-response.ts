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

/** How a session goes out as server-sent events in a `Response`. */
export interface EventStreamResponseOptions<R = IncomingMessage> extends EventStreamOptions<R> {
  /**
   * The response of `node:http` or `node:http2` that the framework writes to: `c.env.outgoing` in Hono, `reply.raw` in
   * Fastify. The end of its client frees the reader, also where the framework is not told of it, and while it is queued
   * behind others of its connection nothing is opened. Without it only the `signal` and the body's `cancel` free the reader.
   */
  readonly response?: NodeResponse | undefined;
}

const nodeResponse = lazily(() => objectWith<NodeResponse>('a response of node:http or node:http2', 'on', 'writeHead'));
const sendSchema = lazily(() => z.object({ response: nodeResponse() }));
const responseSchema = lazily(() => z.object({ response: nodeResponse().optional() }));

const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  // `no-transform`: a proxy or middleware that compresses would hold events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/**
 * A session as server-sent events in a web `Response`.
 *
 * Answers 204, which ends an `EventSource`, when `lastEventId` is given and nothing comes after it any more. The body ends
 * with an event only when nothing more comes for this client; when no reader can be had it is one `retry` field. The reader
 * counts from the call until the body is over: read to its end, cancelled, ended by the `signal`, or by the client of the
 * `response`. A body that is not pulled within two seconds has a position only and counts again from its first pull.
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
      // It may have left while `authorize` was asked.
      if (isClientGone(response)) events.close();
    }
    const status = await events.open();
    if (status !== 200) return new Response(null, { status, headers: headersOf(status, call) });
    return new Response(eventBody(events, { signal, response }), { headers: EVENT_STREAM_HEADERS });
  };
  const made = await (response === undefined ? make() : whileThere(response, signal, make));
  // `undefined`: the client is gone, and no response reaches it.
  return made ?? new Response(null, { headers: EVENT_STREAM_HEADERS });
}

/**
 * The same over `node:http` and `node:http2`, with backpressure: a client that does not read costs what its socket
 * buffers, and one that is gone frees its reader at once, whichever way it went. Resolves when the stream is over, for
 * any reason.
 *
 * A response that is queued behind others of its connection opens nothing before its turn. Headers set on the response
 * before are kept. A body of the request that the application has not begun to read is discarded. A connection that pipelines
 * more behind the stream than Node holds is cut off, since Node does not see the end of a connection that it does not read.
 *
 * @throws TypeError for a wrong response, session id or option; and for a response whose headers are sent, which is cut off:
 * its client would take the events for a part of whatever was begun.
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
  // Not awaited here: this function would keep the texts that it was called with as long as the stream.
  return sendCall(source, response, call);
}

async function sendCall(source: StreamSource, response: NodeResponse, call: EventStreamCall): Promise<void> {
  let events: SessionEvents | undefined;
  // A write to a client that is gone fails, which is no error of the server.
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

/** The events of a request that may read them, from now on; `undefined`: it may not. */
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
    // Some adapters of serverless platforms return nothing, and have no `drain`.
    const hasRoom = (response as ServerResponse).write(bytes) as boolean | undefined;
    if (hasRoom === false) await drained(response, signal);
  }
}

/** The headers may also be sent while the call waits for its turn or for the store, by a time-out of the application. */
function refuseBegun(response: NodeResponse): void {
  if (!response.headersSent || isClientGone(response)) return;
  response.destroy();
  throw new TypeError('sendEventStream: expected a response whose headers are not sent yet; it is cut off');
}

/** Does the work when it is the response's turn, and gives its result; `undefined` as soon as the client is gone. */
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
