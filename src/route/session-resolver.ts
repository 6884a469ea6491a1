import type { AsyncLocalStorage } from 'node:async_hooks';

import { context as contextApi, propagation } from '@opentelemetry/api';

import { valueLengthLimit } from '../otel/attribute-limits.ts';
import type { Context, LogRecord } from '../otel/log-record.ts';
import { ATTRIBUTE } from '../otel/names.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import type { Reporter } from '../support/reporter.ts';
import { CONTEXT_KEY, sessionStorage } from './session-context.ts';

/** Options for finding a record's session; see {@link SessionResolver}. */
export interface SessionResolution {
  /**
   * Attributes that hold the session id; the first one that is set counts.
   *
   * @default ['session.id', 'gen_ai.conversation.id']
   */
  readonly sessionIdKeys?: readonly string[] | undefined;
  /**
   * Called last, for a record that has no session otherwise, to return its session id. If it throws, the record has
   * none.
   */
  readonly sessionId?: ((record: LogRecord, context: Context | undefined) => unknown) | undefined;
  /**
   * Reads the session id from baggage, under the attribute keys. `trust` is called for each id; only `true` accepts it.
   * Off by default, because baggage goes out with every propagated request, and an inbound header would be believed.
   */
  readonly baggage?: { readonly trust: (sessionId: string, context: Context) => boolean } | undefined;
}

/**
 * Finds the session of a record, inside the synchronous `onEmit`.
 *
 * It looks, in this order, at attributes of the record, the record's context, the session of the running code, trusted
 * baggage, and the callback. `null` and `undefined` count as not set.
 */
export class SessionResolver {
  readonly #keys: readonly string[] | undefined;
  readonly #callback: SessionResolution['sessionId'];
  readonly #trust: ((sessionId: string, context: Context) => boolean) | undefined;
  readonly #storage: AsyncLocalStorage<string> = sessionStorage();
  readonly #reporter: Reporter;
  readonly #onCut: () => void;

  /** @param onCut Called for each record whose session id the SDK may have cut. */
  constructor(
    options: SessionResolution = {},
    reporter: Reporter = reporterFor('session'),
    onCut: () => void = () => {},
  ) {
    this.#keys = options.sessionIdKeys;
    this.#callback = options.sessionId;
    this.#trust = options.baggage?.trust;
    this.#reporter = reporter;
    this.#onCut = onCut;
  }

  /** Returns the record's session id, valid or not; `undefined` if it has none. Never throws. */
  resolve(record: LogRecord, context: Context | undefined): unknown {
    const id = this.#fromAttributes(record.attributes);
    if (id === undefined) return this.#fromSurroundings(record, context);
    const isWhole = typeof id !== 'string' || id.length !== valueLengthLimit(record);
    return isWhole ? id : this.#whole(id, context);
  }

  /**
   * The session of a record that is about to be emitted, as far as a writer can tell: from its attributes, else of the
   * running code.
   */
  resolveEarly(attributes: Attributes): unknown {
    return this.#fromAttributes(attributes) ?? contextApi.active().getValue(CONTEXT_KEY) ?? this.#storage.getStore();
  }

  #fromAttributes(attributes: Attributes): unknown {
    return this.#keys === undefined ? fromDefaultKeys(attributes) : fromKeys(attributes, this.#keys);
  }

  /** An id as long as the SDK's limit may be cut; the context may know the whole one. */
  #whole(id: string, context: Context | undefined): unknown {
    const surrounding = context?.getValue(CONTEXT_KEY) ?? this.#storage.getStore();
    if (typeof surrounding === 'string' && surrounding.startsWith(id)) return surrounding;
    this.#onCut();
    return id;
  }

  #fromSurroundings(record: LogRecord, context: Context | undefined): unknown {
    const id = context?.getValue(CONTEXT_KEY) ?? this.#storage.getStore();
    if (id !== undefined) return id;
    if (this.#trust !== undefined && context !== undefined) {
      const carried = this.#fromBaggage(context, this.#trust);
      if (carried !== undefined) return carried;
    }
    return this.#callback === undefined ? undefined : this.#fromCallback(this.#callback, record, context);
  }

  #fromBaggage(context: Context, trust: (sessionId: string, context: Context) => boolean): string | undefined {
    try {
      const baggage = propagation.getBaggage(context);
      if (baggage === undefined) return undefined;
      for (const key of this.#keys ?? DEFAULT_KEYS) {
        const id = baggage.getEntry(key)?.value;
        if (id === undefined) continue;
        // An async predicate returns a promise, which is truthy but must not accept everything.
        const answer: unknown = trust(id, context);
        if (answer === true) return id;
        catchRejection(answer, this.#onTrustFailed);
      }
    } catch (error) {
      this.#onTrustFailed(error);
    }
    return undefined;
  }

  readonly #onTrustFailed = (error: unknown): void => {
    this.#reporter.limited('baggage', 'the baggage `trust` predicate threw; the record has no session', error);
  };

  readonly #onCallbackFailed = (error: unknown): void => {
    this.#reporter.limited('callback', 'the `sessionId` callback threw; the record has no session', error);
  };

  #fromCallback(
    callback: NonNullable<SessionResolution['sessionId']>,
    record: LogRecord,
    context: Context | undefined,
  ): unknown {
    try {
      const answer = callback(record, context) ?? undefined;
      catchRejection(answer, this.#onCallbackFailed);
      return answer;
    } catch (error) {
      this.#onCallbackFailed(error);
      return undefined;
    }
  }
}

/** The attributes read by default, in this order. */
const DEFAULT_KEYS: readonly string[] = Object.freeze([ATTRIBUTE.sessionId, ATTRIBUTE.conversationId]);

type Attributes = LogRecord['attributes'];

/**
 * Constant keys take one property load each. The SDK assigns attributes one by one, so an attribute named `__proto__`
 * (from parsed JSON) becomes the prototype of the others: then only own keys count. The prototype is checked after a
 * key is found: optimized code then knows it from the object's shape, without a call into the runtime.
 */
function fromDefaultKeys(attributes: Attributes): unknown {
  const id = attributes['session.id'] ?? attributes['gen_ai.conversation.id'];
  return Object.getPrototypeOf(attributes) === Object.prototype ? id : fromKeys(attributes, DEFAULT_KEYS);
}

function fromKeys(attributes: Attributes, keys: readonly string[]): unknown {
  for (const key of keys) {
    if (!Object.hasOwn(attributes, key)) continue;
    const id = attributes[key];
    if (id !== undefined && id !== null) return id;
  }
  return undefined;
}
