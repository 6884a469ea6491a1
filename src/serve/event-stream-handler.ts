import type { IncomingMessage } from 'node:http';

import * as z from 'zod';

import { isSessionId } from '../entry/session-id.ts';
import { describeValue } from '../support/errors.ts';
import { functionOption, lazily, parseOptions } from '../support/options.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
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
  /**
   * The last id that a client has, of a request without `Last-Event-ID`: a new `EventSource` sends none, so its page puts the
   * id into the URL. When it fails, or gives what is no text, that is reported and the stream begins as without an id.
   *
   * @default none
   */
  readonly lastEventId?: ((request: R) => string | null | undefined) | undefined;
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
    lastEventId: functionOption<(request: unknown) => unknown>().optional(),
    cors: corsSchema().optional(),
  }),
);

const reporter = reporterFor('event-stream');

/** @throws TypeError for a wrong option, at once and not with the first request. */
export function eventStreamHandler<R>(
  sourceNow: () => StreamSource,
  options: EventStreamHandlerOptions<R>,
): EventStreamHandler<R> {
  const answers = new Answers(sourceNow, options);
  return ((request: R, second?: NodeResponse | FastifyReplyLike | { readonly response?: NodeResponse } | null) => {
    if (typeof second === 'object' && second !== null && 'hijack' in second) {
      second.hijack();
      return answers.send(request, second.raw);
    }
    if (typeof second === 'object' && second !== null && 'writeHead' in second) return answers.send(request, second);
    return answers.respond(request as R & Request, second?.response);
  }) as EventStreamHandler<R>;
}

/** What a handler answers. */
class Answers<R> {
  readonly #sourceNow: () => StreamSource;
  readonly #find: EventStreamHandlerOptions<R>['sessionId'];
  readonly #findLastId: EventStreamHandlerOptions<R>['lastEventId'];
  readonly #cors: CorsOptions | undefined;
  readonly #streamOptions: EventStreamOptions<R>;

  constructor(sourceNow: () => StreamSource, options: EventStreamHandlerOptions<R>) {
    const owner = 'eventStreamHandler';
    requireOptionsObject(owner, options);
    const { cors } = parseOptions(owner, handlerSchema, options);
    if ('request' in options)
      throw new TypeError(`${owner}: \`request\` is no option: it is what the handler is called with`);
    const { sessionId, lastEventId, cors: _, ...streamOptions } = options;
    this.#sourceNow = sourceNow;
    this.#find = sessionId;
    this.#findLastId = lastEventId;
    this.#cors = cors;
    this.#streamOptions = streamOptions;
    // What every request would be refused for is wrong now.
    parseEventStream(owner, 'checked', { ...streamOptions, request: {} as R });
  }

  async send(request: R, response: NodeResponse): Promise<void> {
    try {
      for (const [name, value] of Object.entries(this.#headersFor(request))) addHeader(response, name, value);
      if (this.#isAskedBeforehand(request)) return void response.writeHead(204).end();
      const id = await this.#sessionOf(request);
      if (id === undefined) return void response.writeHead(403).end();
      await sendEventStream(this.#sourceNow(), response, id, this.#optionsFor(request));
    } catch (error) {
      reporter.limited('handler', 'a request for an event stream could not be answered', error);
    }
  }

  async respond(request: R & Request, response: NodeResponse | undefined): Promise<Response> {
    const headers = this.#headersFor(request);
    if (this.#isAskedBeforehand(request)) return new Response(null, { status: 204, headers });
    const id = await this.#sessionOf(request);
    if (id === undefined) return new Response(null, { status: 403, headers });
    const { signal: own } = this.#streamOptions;
    const signal = own === undefined ? request.signal : AbortSignal.any([own, request.signal]);
    const options = { ...this.#optionsFor(request), signal, response };
    const made = await toEventStreamResponse(this.#sourceNow(), id, options);
    for (const [name, value] of Object.entries(headers)) made.headers.append(name, value);
    return made;
  }

  async #sessionOf(request: R): Promise<string | undefined> {
    try {
      const id: unknown = await this.#find(request);
      return isSessionId(id) ? id : undefined;
    } catch (error) {
      reporter.limited('sessionId', '`sessionId` failed; the request is refused', error);
      return undefined;
    }
  }

  #optionsFor(request: R): EventStreamOptions<R> {
    return { ...this.#streamOptions, request, lastEventId: this.#lastIdOf(request) };
  }

  #lastIdOf(request: R): string | undefined {
    const header = headerOf(request, 'last-event-id');
    if (this.#findLastId === undefined || (header !== undefined && header !== '')) return header;
    try {
      const id: unknown = this.#findLastId(request);
      if (typeof id === 'string') return id;
      if (id === undefined || id === null) return undefined;
      catchRejection(id, () => {});
      throw new TypeError(`expected \`lastEventId\` to give a string, null or undefined, got ${describeValue(id)}`);
    } catch (error) {
      reporter.limited('lastEventId', '`lastEventId` failed; the stream begins as without an id', error);
      return undefined;
    }
  }

  #isAskedBeforehand(request: R): boolean {
    return this.#cors !== undefined && isPreflight(request);
  }

  #headersFor(request: R): Record<string, string> {
    if (this.#cors === undefined) return {};
    const origin = headerOf(request, 'origin');
    if (!isPreflight(request)) return corsHeaders(this.#cors, origin);
    return preflightHeaders(this.#cors, origin, headerOf(request, 'access-control-request-headers'));
  }
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
