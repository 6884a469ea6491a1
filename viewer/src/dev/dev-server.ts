import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import { SessionModel } from '../model/session-model.ts';
import type { ModelOptions } from '../model/session-model.ts';
import { AllowedOrigins, preflightAnswer, readableBy } from '../receive/allowed-origins.ts';
import { OtlpReceiver } from '../receive/receiver.ts';
import { Guard } from '../serve/guard.ts';
import type { StaticPage } from '../serve/static-page.ts';
import { ViewerApi } from '../serve/viewer-api.ts';
import { DirectorySource } from '../sources/directory.ts';
import { isLoopbackHost, withoutBrackets } from '../web/addresses.ts';
import { checkedTraceLink } from '../web/trace-link.ts';
import { textAnswer } from '../web/exchange.ts';
import type { Answer, Asked } from '../web/exchange.ts';
import { answerNode } from '../web/node-exchange.ts';

export interface DevServerOptions extends ModelOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** An IPv6 address may have brackets, as in a URL. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** A secret of at least 16 characters that every client must send. Required for a host beyond loopback. */
  readonly token?: string | undefined;
  /** Origins of browser applications. They may send logs, and nothing else. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Directories and files to show. */
  readonly paths?: readonly string[] | undefined;
  readonly page?: StaticPage | undefined;
  /** The address of a trace, with `{traceId}` in it. */
  readonly traceLink?: string | undefined;
}

const LOOPBACK = '127.0.0.1';
const MIN_TOKEN = 16;

/**
 * The viewer by itself: page, receiver and directories behind one port.
 *
 * @throws RangeError for a host beyond loopback without a token, or a token that is too short; TypeError for any other wrong
 * option; Error for a path that does not exist.
 */
export class DevServer {
  readonly model: SessionModel;
  readonly #api: ViewerApi;
  readonly #guard: Guard;
  readonly #origins: AllowedOrigins;
  readonly #page: StaticPage | undefined;
  readonly #server: Server;
  readonly #host: string;
  #port: number;
  readonly #token: string | undefined;
  readonly #directories: readonly DirectorySource[];
  #receiver: OtlpReceiver | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: DevServerOptions) {
    const { host = LOOPBACK, token, port } = options;
    checkReach(host, token);
    this.#host = withoutBrackets(host);
    this.#port = port;
    this.#token = token;
    this.model = new SessionModel(options);
    this.#directories = (options.paths ?? []).map((path) => new DirectorySource(this.model, path));
    this.#api = new ViewerApi(this.model, checkedTraceLink(options.traceLink, 'traceLink'));
    this.#guard = new Guard({ hosts: [host], token });
    this.#origins = new AllowedOrigins(options.allowedOrigins ?? []);
    this.#page = options.page;
    this.#server = createServer((request, response) => {
      void answerNode((asked) => this.handle(asked), request, response);
    });
    // How long a client may take to send a request. A page's stream lasts as long as it likes.
    this.#server.requestTimeout = 60_000;
  }

  /** Listens, and begins to read the directories. Rejects with the system's error if it cannot listen. */
  async start(): Promise<void> {
    this.#server.listen(this.#port, this.#host);
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#receiver = new OtlpReceiver(this.model, this.endpoint);
    for (const directory of this.#directories) void directory.start();
  }

  /** Base URL of the receiver, without the token. */
  get endpoint(): string {
    const host = this.#host === '0.0.0.0' || this.#host === '::' ? LOOPBACK : this.#host;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.#port}`;
  }

  /** The address of the page, with the token if there is one. */
  get pageUrl(): string {
    return `${this.endpoint}/${this.#token === undefined ? '' : `?token=${encodeURIComponent(this.#token)}`}`;
  }

  /** Answers a request, whichever server received it. */
  async handle(asked: Asked): Promise<Answer> {
    const origin = this.#origins.of(asked);
    if (origin === undefined) return this.#answer(asked, false);
    if (asked.method === 'OPTIONS') return preflightAnswer(asked, origin);
    return readableBy(await this.#answer(asked, true), origin);
  }

  async #answer(asked: Asked, isOriginAllowed: boolean): Promise<Answer> {
    return (
      this.#guard.refusal(asked, isOriginAllowed) ??
      (await this.#receiver?.handle(asked)) ??
      (await this.#api.handle(asked)) ??
      this.#page?.handle(asked) ??
      textAnswer(404, 'not found')
    );
  }

  /** Ends everything. Every call returns the same promise. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#api.close();
    await Promise.all(this.#directories.map((directory) => directory.close()));
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function checkReach(host: string, token: string | undefined): void {
  // Node would listen on all addresses.
  if (host === '') throw new TypeError('expected `host` to be a name or an address, got ""');
  if (token !== undefined && !/^[\u0021-\u007e]*$/.test(token)) {
    throw new TypeError('expected `token` to have visible ASCII characters only: exporters send it in a header');
  }
  if (token !== undefined && token.length < MIN_TOKEN) {
    throw new RangeError(`expected \`token\` to have at least ${MIN_TOKEN} characters, got ${token.length}`);
  }
  if (token === undefined && !isLoopbackHost(host)) {
    throw new RangeError(
      `expected a \`token\` for the host ${JSON.stringify(host)}: beyond 127.0.0.1, others could read all sessions`,
    );
  }
}
