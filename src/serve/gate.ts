import * as z from 'zod';

import type { LogType } from '../entry/entry-detail.ts';
import { describeValue } from '../support/errors.ts';
import { functionOption, lazily, parseOptions, positiveInteger } from '../support/options.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import type { ClientShare, ClientShares } from './client-share.ts';
import { headerOf } from './request-header.ts';

/**
 * What a request may read of a session: `true`, what the options of the stream say; `{ logType }`, entries of that type, whatever
 * the options say. Anything else: nothing.
 */
export type Authorization = boolean | { readonly logType: LogType | 'all' } | null | undefined;

/** Decides what a request may read. A promise is waited for; what it throws or rejects with is a no, and reported. */
export type Authorize<R> = (request: R, sessionId: string) => Authorization | Promise<Authorization>;

/** How much one client may hold. */
export interface ReadersPerClient<R> {
  /** Streams at a time, over all sessions of this instance. */
  readonly max: number;
  /**
   * Which client a request is of: its user, say. There is no default, since the address that a request comes from is often
   * that of a proxy. `undefined`: no bound. What is no text is refused, as what `authorize` refuses.
   */
  readonly key: (request: R) => string | undefined;
}

/** Who may read over HTTP, and how much. */
export interface GateOptions<R> {
  /** What `authorize` and `maxReadersPerClient` look at. @default the request of `response`, where there is one */
  readonly request?: R | undefined;
  /**
   * Asked before anything is looked up. Whoever it refuses gets 403, which says nothing about whether the session exists.
   *
   * @default everybody may read: check it before the call
   */
  readonly authorize?: Authorize<R> | undefined;
  /**
   * An event-stream client over its share gets a stream that ends at once, so that it tries again later, since 429 is final for an
   * `EventSource`; any other client gets 429 with `Retry-After`.
   *
   * @default none
   */
  readonly maxReadersPerClient?: ReadersPerClient<R> | undefined;
}

/** What a request that was let in may do. */
export interface Admission {
  /** In place of the option of the stream. */
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

/** Decides for one request who may read, and how much: the one place where that is decided. */
export class Gate {
  readonly #request: unknown;
  readonly #authorize: Authorize<unknown> | undefined;
  readonly #perClient: ReadersPerClient<unknown> | undefined;

  /** @throws TypeError for a wrong option, or when there is no request to look at. */
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

  /** `undefined`: the request may not read the session. Never rejects. */
  async admit(sessionId: string, shares: ClientShares): Promise<Admission | undefined> {
    try {
      const answer = this.#authorize === undefined ? true : await this.#authorize(this.#request, sessionId);
      const logType = typeof answer === 'object' ? answer?.logType : undefined;
      if (answer !== true && !LOG_TYPES.has(logType)) return undefined;
      return { logType, share: this.#shareIn(shares) };
    } catch (error) {
      reporter.limited('authorize', '`authorize` or `maxReadersPerClient.key` failed; the request is refused', error);
      return undefined;
    }
  }

  #shareIn(shares: ClientShares): ClientShare | undefined {
    if (this.#perClient === undefined) return undefined;
    const key: unknown = this.#perClient.key(this.#request);
    if (key === undefined) return undefined;
    if (typeof key !== 'string') {
      catchRejection(key, () => {});
      // All clients whose key is no text would share one place.
      throw new TypeError(
        `expected \`maxReadersPerClient.key\` to give a string or undefined, got ${describeValue(key)}`,
      );
    }
    const accepted = headerOf(this.#request, 'accept');
    const isEventStream = accepted === undefined || accepted === '' || accepted.includes('text/event-stream');
    return shares.of(key, this.#perClient.max, isEventStream);
  }
}
