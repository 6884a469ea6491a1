import type { IncomingMessage, ServerResponse } from 'node:http';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { SessionModel } from './model/session-model.ts';
import { Guard } from './serve/guard.ts';
import { StaticPage } from './serve/static-page.ts';
import { ViewerApi } from './serve/viewer-api.ts';
import { ApplicationSource } from './sources/application.ts';
import type { ViewedSessions } from './sources/viewed-sessions.ts';
import { hostNameOf, isLoopbackHost, relativeTo, searchOf } from './web/addresses.ts';
import { textAnswer } from './web/exchange.ts';
import type { Answer, Asked } from './web/exchange.ts';
import { answerWeb } from './web/fetch-exchange.ts';
import { answerNode } from './web/node-exchange.ts';
import { checkedTraceLink } from './web/trace-link.ts';

/** Options of {@link sessionViewer}. */
export interface SessionViewerOptions<R = IncomingMessage | Request> {
  /**
   * Decides who may see the viewer, and with it all sessions. Called for each request that does not come from another site. Only
   * `true`, or a promise of it, lets a request in; after anything else, an error or a rejection it gets 403.
   *
   * @default lets in requests from this machine to a loopback name (`localhost`, `127.0.0.1`, `[::1]`) that no proxy passed on. A
   * web `Request` does not tell where it comes from, so none is let in
   */
  readonly authorize?: ((request: R) => boolean | Promise<boolean>) | undefined;
  /**
   * The path at which the handler is mounted, such as `'/sessions'`, if the framework leaves it in the URL. Express removes it.
   *
   * @default '' the root
   */
  readonly path?: string | undefined;
  /**
   * How many entries the viewer holds, in addition to the store of `sessions`. When there are more, it drops the sessions that were
   * active longest ago.
   *
   * @default 100,000
   */
  readonly maxEntries?: number | undefined;
  /**
   * The http or https address of a trace, with `{traceId}` in it, such as `'http://localhost:16686/trace/{traceId}'`. Trace ids
   * on the page become links to it.
   *
   * @default trace ids are text
   */
  readonly traceLink?: string | undefined;
}

/** A request of Express, which removes the path of a mounted handler from `url`. */
interface MountedRequest extends IncomingMessage {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
}

/** The handler that answers requests for the viewer. */
export interface SessionViewer {
  /** Answers a request of `node:http` or Express. A request outside of `path` goes to `next`, or gets 404 if there is none. */
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void;
  /** Answers a web `Request`. One outside of `path` gets 404. Never rejects. */
  (request: Request): Promise<Response>;
  /** Ends the streams of open pages and stops reading the sessions. Later requests get 503. */
  close(): void;
}

const MAX_ENTRIES = 100_000;
const PAGE = fileURLToPath(new URL('page/', import.meta.url));

/**
 * Makes a handler for a page that shows the sessions of this process, for staging and support.
 *
 * The handler begins to read at the first request that it lets in: what the store holds then, and what comes later. With a store
 * that hosts share, it shows the sessions that this process knows of, and says so. When a session has been quiet for 3 seconds, the
 * handler flushes it, to learn what the collector has of it.
 *
 * @example
 * ```ts
 * app.use('/sessions', sessionViewer(sessions, { authorize: (request: express.Request) => isSupport(request.user) }));
 * ```
 * @throws TypeError if `sessions` is no `SessionLogs`, or for a wrong option; RangeError for a wrong `maxEntries`.
 */
export function sessionViewer<R = IncomingMessage | Request>(
  sessions: ViewedSessions,
  options: SessionViewerOptions<R> = {},
): SessionViewer {
  if (typeof (sessions as Partial<ViewedSessions> | undefined)?.followAll !== 'function') {
    throw new TypeError(
      `sessionViewer: expected \`sessions\` to be a SessionLogs, got ${Object.prototype.toString.call(sessions)}: await startSessionLogs()`,
    );
  }
  const viewer = new ApplicationViewer(sessions, checked(options));
  const handler = (
    request: IncomingMessage | Request,
    response?: ServerResponse,
    next?: (error?: unknown) => void,
  ): Promise<Response> | void =>
    // Next.js, Deno and others give something else as a second argument.
    isWeb(request) ? viewer.answerWeb(request) : viewer.answerNode(request, response as ServerResponse, next);
  return Object.assign(handler as SessionViewer, { close: () => viewer.close() });
}

/** `instanceof` would not know a `Request` of another realm, or of a polyfill. */
function isWeb(request: IncomingMessage | Request): request is Request {
  return typeof (request.headers as Partial<Headers>).get === 'function';
}

interface CheckedOptions {
  readonly authorize: ((request: never) => unknown) | undefined;
  readonly path: string;
  readonly maxEntries: number;
  readonly traceLink: string | undefined;
}

function checked<R>(options: SessionViewerOptions<R>): CheckedOptions {
  const { authorize, path = '', maxEntries = MAX_ENTRIES } = options;
  const traceLink = checkedTraceLink(options.traceLink, 'traceLink', 'sessionViewer');
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new TypeError(`sessionViewer: expected \`authorize\` to be a function, got ${typeof authorize}`);
  }
  if (typeof path !== 'string' || (path !== '' && !/^(?:\/[\w.~-]+)+$/.test(path))) {
    throw new TypeError(
      `sessionViewer: expected \`path\` to be a path such as "/sessions", got ${JSON.stringify(path)}`,
    );
  }
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw new RangeError(`sessionViewer: expected \`maxEntries\` to be a positive integer, got ${String(maxEntries)}`);
  }
  return { authorize, path, maxEntries, traceLink };
}

/** The URL of a request, split where the viewer is mounted. */
interface Mounted {
  readonly base: string;
  readonly url: string;
  /** It is the viewer's own address without the slash at its end. */
  readonly isBare: boolean;
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

class ApplicationViewer {
  readonly #sessions: ViewedSessions;
  readonly #options: CheckedOptions;
  readonly #model: SessionModel;
  readonly #api: ViewerApi;
  readonly #guard: Guard;
  #page: StaticPage | undefined;
  #source: ApplicationSource | undefined;
  #isClosed = false;

  constructor(sessions: ViewedSessions, options: CheckedOptions) {
    this.#sessions = sessions;
    this.#options = options;
    this.#model = new SessionModel({ maxEntries: options.maxEntries });
    this.#api = new ViewerApi(this.#model, options.traceLink);
    this.#guard = new Guard({ anyHost: options.authorize !== undefined });
  }

  answerNode(request: MountedRequest, response: ServerResponse, next: ((error?: unknown) => void) | undefined): void {
    const { url = '/', baseUrl = '', originalUrl } = request;
    // For an address that ends where the viewer is mounted, Express sets `url` to `/`.
    const isBare = originalUrl !== undefined && pathOf(originalUrl) === baseUrl && baseUrl !== '';
    const mounted = this.#mounted(isBare ? url.slice(1) : url, baseUrl);
    if (mounted === undefined) {
      if (next !== undefined) return next();
      if (!response.headersSent) response.writeHead(404).end();
      return;
    }
    void answerNode(
      (asked) => this.#handle(asked, request, mounted.isBare),
      request,
      response,
      mounted.base,
      mounted.url,
    );
  }

  answerWeb(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const mounted = this.#mounted(pathname + search, '');
    if (mounted === undefined) return Promise.resolve(new Response(null, { status: 404 }));
    return answerWeb((asked) => this.#handle(asked, request, mounted.isBare), request, mounted.base, mounted.url);
  }

  /** `undefined`: the URL is not below the viewer's path. */
  #mounted(url: string, framework: string): Mounted | undefined {
    const { path } = this.#options;
    if (!url.startsWith(path) || (path !== '' && !['/', '?', undefined].includes(url[path.length]))) return undefined;
    const rest = url.slice(path.length);
    return { base: framework + path, url: rest, isBare: pathOf(rest) === '' };
  }

  async #handle(asked: Asked, request: unknown, isBare: boolean): Promise<Answer> {
    const refusal = this.#guard.refusal(asked) ?? ((await this.#isAllowed(asked, request)) ? undefined : this.#refused);
    if (refusal !== undefined) return refusal;
    if (this.#isClosed) return textAnswer(503, 'the viewer is closed');
    // The page's own links are relative, so its address must end with a slash.
    if (isBare) {
      const location = `${relativeTo(asked.base)}/${searchOf(asked.query)}`;
      return textAnswer(308, 'the address of the page ends with a slash', { location });
    }
    this.#begin();
    return (await this.#api.handle(asked)) ?? this.#page?.handle(asked) ?? textAnswer(404, 'not found');
  }

  get #refused(): Answer {
    return this.#options.authorize === undefined ? NOT_LOCAL : REFUSED;
  }

  async #isAllowed(asked: Asked, request: unknown): Promise<boolean> {
    const { authorize } = this.#options;
    if (authorize === undefined) return asked.isLocal && isLoopbackHost(hostNameOf(asked.header('host') ?? '') ?? '');
    try {
      return (await authorize(request as never)) === true;
    } catch {
      // A check that fails lets nobody in. The application reports its own errors.
      return false;
    }
  }

  #begin(): void {
    if (this.#source !== undefined) return;
    this.#page = existsSync(`${PAGE}index.html`) ? new StaticPage(PAGE) : undefined;
    this.#source = new ApplicationSource(this.#model, this.#sessions);
    this.#source.start();
  }

  close(): void {
    this.#isClosed = true;
    this.#source?.close();
    this.#api.close();
  }
}

const REFUSED: Answer = textAnswer(403, 'you may not see this viewer');
const NOT_LOCAL: Answer = textAnswer(403, 'without the option `authorize`, the viewer answers only this machine');
