import * as z from 'zod';

import type { LogType } from '../entry/entry-detail.ts';
import { describeValue } from '../support/errors.ts';
import { functionOption, lazily, parseOptions, positiveInteger } from '../support/options.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import type { ClientShare, ClientShares } from './client-share.ts';
import { headerOf } from './request-header.ts';

/**
 * What a request may read of a session. `true`: what the options of the stream say. `{ logType }`: entries of that
 * type, whatever the options say. Anything else: nothing.
 */
export type Authorization = boolean | { readonly logType: LogType | 'all' } | null | undefined;

/** Decides what a request may read. May return a promise; an error or rejection is reported and refuses the request. */
export type Authorize<R> = (request: R, sessionId: string) => Authorization | Promise<Authorization>;

/** A limit for each client. */
export interface ReadersPerClient<R> {
  /** The most streams of one client at a time, over all sessions of this instance. */
  readonly max: number;
  /**
   * Returns the client that a request belongs to, such as its user. There is no default, because the address of a
   * request is often that of a proxy. `undefined`: no limit. A result that is not a string refuses the request, as
   * `authorize` does.
   */
  readonly key: (request: R) => string | undefined;
}

/** Options for who may read over HTTP, and how much. */
export interface GateOptions<R> {
  /** The request that `authorize` and `maxReadersPerClient` get. @default the request of `response`, if there is one */
  readonly request?: R | undefined;
  /**
   * Called before anything is looked up. A refused request gets 403, which does not tell whether the session exists.
   *
   * @default everybody may read: check it before the call
   */
  readonly authorize?: Authorize<R> | undefined;
  /**
   * Limits the streams of each client. An event-stream client beyond its limit gets a stream that ends at once, so that
   * it tries again later, because 429 is final for an `EventSource`; any other client gets 429 with `Retry-After`.
   *
   * @default none
   */
  readonly maxReadersPerClient?: ReadersPerClient<R> | undefined;
}

/** What an admitted request may do. */
export interface Admission {
  /** Replaces the `logType` of the stream's options. */
  readonly logType: LogType | 'all' | undefined;
  readonly share: ClientShare | undefined;
}

const gateSchema = lazily(() =>
  z.strictObject({
    authorize: functionOption<Authorize<unknown>>().optional(),
    maxReadersPerClient: z
      .strictObject({ max: positiveInteger(), key: functionOption<ReadersPerClient<unknown>['key']>() })
      .optional(),
  }),
);

const LOG_TYPES: ReadonlySet<unknown> = new Set(['chat', 'log', 'all']);

const reporter = reporterFor('event-stream');

/** The one place that decides, for one request, who may read and how much. */
export class Gate {
  readonly #request: unknown;
  readonly #authorize: Authorize<unknown> | undefined;
  readonly #perClient: ReadersPerClient<unknown> | undefined;

  /** @throws TypeError for a wrong option, or if there is no request to decide about. */
  constructor(owner: string, options: Partial<Record<keyof GateOptions<unknown>, unknown>>) {
    const { request, ...given } = options;
    const { authorize, maxReadersPerClient } = parseOptions(owner, gateSchema, given);
    this.#request = request;
    this.#authorize = authorize;
    this.#perClient = maxReadersPerClient;
    if (this.#request !== undefined || (authorize ?? maxReadersPerClient) === undefined) return;
    const asking = authorize === undefined ? 'maxReadersPerClient' : 'authorize';
    throw new TypeError(`${owner}: \`${asking}\` needs the option \`request\`, the request that the client made`);
  }

  /** Resolves to `undefined` if the request may not read the session. Never rejects. */
  async admit(sessionId: string, shares: ClientShares): Promise<Admission | undefined> {
    try {
      const answer = this.#authorize === undefined ? true : await this.#authorize(this.#request, sessionId);
      const logType = typeof answer === 'object' ? answer?.logType : undefined;
      if (answer !== true && !LOG_TYPES.has(logType)) return undefined;
      return { logType, share: this.#shareIn(shares) };
    } catch (error) {
      reporter.limited('authorize', '`authorize` or `maxReadersPerClient.key` threw; the request is refused', error);
      return undefined;
    }
  }

  #shareIn(shares: ClientShares): ClientShare | undefined {
    if (this.#perClient === undefined) return undefined;
    const key: unknown = this.#perClient.key(this.#request);
    if (key === undefined) return undefined;
    if (typeof key !== 'string') {
      catchRejection(key, () => {});
      // All clients whose key is not a string would share one place.
      throw new TypeError(
        `expected \`maxReadersPerClient.key\` to return a string or undefined, got ${describeValue(key)}`,
      );
    }
    const accepted = headerOf(this.#request, 'accept');
    const isEventStream = accepted === undefined || accepted === '' || accepted.includes('text/event-stream');
    return shares.of(key, this.#perClient.max, isEventStream);
  }
}
