import type { IncomingMessage } from 'node:http';

import * as z from 'zod';

import { isSessionId } from '../entry/session-id.ts';
import { functionOption, lazily, parseOptions } from '../support/options.ts';
import { reporterFor } from '../support/reporter.ts';
import type { NodeResponse } from './client.ts';
import { corsHeaders, corsSchema, preflightHeaders } from './cors.ts';
import type { CorsOptions } from './cors.ts';
import { sendEventStream, toEventStreamResponse } from './event-stream-response.ts';
import { parseEventStream, requireOptionsObject } from './event-stream.ts';
import type { EventStreamOptions, StreamSource } from './event-stream.ts';
import type { Authorize } from './gate.ts';
import { headerOf } from './request-header.ts';

/** How a handler answers the requests for event streams. */
export interface EventStreamHandlerOptions<R = IncomingMessage> extends Omit<
  EventStreamOptions<R>,
  'request' | 'lastEventId'
> {
  /** The session that a request asks for, from its URL perhaps. What is no session id is refused. */
  readonly sessionId: (request: R) => string | undefined | Promise<string | undefined>;
  /** Who may read: `() => true` for everybody. */
  readonly authorize: Authorize<R>;
  /** For pages of other origins. @default none */
  readonly cors?: CorsOptions | undefined;
}

/** What of Fastify's reply a handler needs. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse;
  hijack(): unknown;
}

/** Answers requests for event streams. Never rejects. */
export interface EventStreamHandler<R = IncomingMessage> {
  /** For `node:http`, `node:http2` and Express, `(request, response)`, and for Fastify, `(request, reply)`. */
  (request: R, response: NodeResponse | FastifyReplyLike, ...more: readonly unknown[]): Promise<void>;
  /** For frameworks of the web's `Request` and `Response`. On Node give the `response` that the framework writes to as well. */
  (request: R & Request, options?: { readonly response?: NodeResponse | undefined }): Promise<Response>;
}

const handlerSchema = lazily(() =>
  z.object({
    sessionId: functionOption<(request: unknown) => unknown>(),
    authorize: functionOption<Authorize<unknown>>(),
    cors: corsSchema().optional(),
  }),
);

const reporter = reporterFor('event-stream');

/** @throws TypeError for a wrong option, at once and not with the first request. */
export function eventStreamHandler<R>(
  sourceNow: () => StreamSource,
  options: EventStreamHandlerOptions<R>,
): EventStreamHandler<R> {
  const owner = 'eventStreamHandler';
  requireOptionsObject(owner, options);
  const { sessionId: find, cors: _, ...streamOptions } = options;
  const { cors } = parseOptions(owner, handlerSchema, options);
  const ofRequests = ['request', 'lastEventId'].find((name) => name in options);
  if (ofRequests !== undefined)
    throw new TypeError(`${owner}: \`${ofRequests}\` is no option: it is taken from each request`);
  // What every request would be refused for is wrong now.
  parseEventStream(owner, 'checked', { ...streamOptions, request: {} as R });

  async function sessionOf(request: R): Promise<string | undefined> {
    try {
      const id: unknown = await find(request);
      return isSessionId(id) ? id : undefined;
    } catch (error) {
      reporter.limited('sessionId', '`sessionId` failed; the request is refused', error);
      return undefined;
    }
  }

  const optionsFor = (request: R): EventStreamOptions<R> => {
    return { ...streamOptions, request, lastEventId: headerOf(request, 'last-event-id') };
  };
  const headersFor = (request: R): Record<string, string> => {
    if (cors === undefined) return {};
    const origin = headerOf(request, 'origin');
    if (!isPreflight(request)) return corsHeaders(cors, origin);
    return preflightHeaders(cors, origin, headerOf(request, 'access-control-request-headers'));
  };

  async function answer(request: R, response: NodeResponse): Promise<void> {
    try {
      for (const [name, value] of Object.entries(headersFor(request))) addHeader(response, name, value);
      if (cors !== undefined && isPreflight(request)) return void response.writeHead(204).end();
      const id = await sessionOf(request);
      if (id === undefined) return void response.writeHead(403).end();
      await sendEventStream(sourceNow(), response, id, optionsFor(request));
    } catch (error) {
      reporter.limited('handler', 'a request for an event stream could not be answered', error);
    }
  }

  async function respond(request: R & Request, response: NodeResponse | undefined): Promise<Response> {
    const headers = headersFor(request);
    if (cors !== undefined && isPreflight(request)) return new Response(null, { status: 204, headers });
    const id = await sessionOf(request);
    if (id === undefined) return new Response(null, { status: 403, headers });
    const { signal: own } = streamOptions;
    const signal = own === undefined ? request.signal : AbortSignal.any([own, request.signal]);
    const made = await toEventStreamResponse(sourceNow(), id, { ...optionsFor(request), signal, response });
    for (const [name, value] of Object.entries(headers)) made.headers.append(name, value);
    return made;
  }

  return ((request: R, second?: NodeResponse | FastifyReplyLike | { readonly response?: NodeResponse }) => {
    if (second !== undefined && 'hijack' in second) {
      second.hijack();
      return answer(request, second.raw);
    }
    if (second !== undefined && 'writeHead' in second) return answer(request, second);
    return respond(request as R & Request, second?.response);
  }) as EventStreamHandler<R>;
}

function isPreflight(request: unknown): boolean {
  const { method } = request as { readonly method?: unknown };
  return method === 'OPTIONS' && headerOf(request, 'access-control-request-method') !== undefined;
}

/** Keeps what the application has set: `Vary` is a list. */
function addHeader(response: NodeResponse, name: string, value: string): void {
  const before = name === 'vary' ? response.getHeader(name) : undefined;
  response.setHeader(name, before === undefined ? value : `${String(before)}, ${value}`);
}
