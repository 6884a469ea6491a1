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

/** Options of a handler of requests for event streams. */
export interface EventStreamHandlerOptions<R = IncomingMessage> extends Omit<
  EventStreamOptions<R>,
  'request' | 'lastEventId'
> {
  /**
   * Returns the id of the session that a request asks for, for example from its URL. Requests without a valid id are
   * refused.
   */
  readonly sessionId: (request: R) => string | undefined | Promise<string | undefined>;
  /** Decides who may read; `() => true` admits everybody. */
  readonly authorize: Authorize<R>;
  /**
   * Returns the last id that the client has, for a request without `Last-Event-ID`: a new `EventSource` sends no such
   * header, so the page has to put the id into the URL. If it fails, or does not return a string, that is reported and
   * the stream begins as without an id.
   *
   * @default none
   */
  readonly lastEventId?: ((request: R) => string | null | undefined) | undefined;
  /** Lets pages of other origins read. @default none */
  readonly cors?: CorsOptions | undefined;
}

/** The part of Fastify's reply that a handler needs. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse;
  hijack(): unknown;
}

/** Answers requests for event streams. Never rejects. */
export interface EventStreamHandler<R = IncomingMessage> {
  /** For `node:http`, `node:http2` and Express, `(request, response)`, and for Fastify, `(request, reply)`. */
  (request: R, response: NodeResponse | FastifyReplyLike, ...more: readonly unknown[]): Promise<void>;
  /**
   * For frameworks that use the web's `Request` and `Response`. On Node, also give the `response` that the framework
   * writes to.
   */
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

/** @throws TypeError for a wrong option, at once rather than at the first request. */
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

/** The responses of a handler. */
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
      throw new TypeError(`${owner}: remove the option \`request\`: the handler gets the request when it is called`);
    const { sessionId, lastEventId, cors: _, ...streamOptions } = options;
    this.#sourceNow = sourceNow;
    this.#find = sessionId;
    this.#findLastId = lastEventId;
    this.#cors = cors;
    this.#streamOptions = streamOptions;
    // Throws now what every request would fail with.
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
      reporter.limited('sessionId', '`sessionId` threw; the request is refused', error);
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
      throw new TypeError(`expected \`lastEventId\` to return a string, null or undefined, got ${describeValue(id)}`);
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

/** Adds to a `Vary` that the application has set, because `Vary` is a list. */
function addHeader(response: NodeResponse, name: string, value: string): void {
  const before = name === 'vary' ? response.getHeader(name) : undefined;
  response.setHeader(name, before === undefined ? value : `${String(before)}, ${value}`);
}
