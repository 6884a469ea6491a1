/**
 * What the session processor tells the processors after it about the record under way, so that a durable processor can
 * say later up to which entry a session was delivered.
 *
 * The SDK calls all processors synchronously within one `emit()`, so one shared place is enough and costs a few field
 * writes. It is kept under `Symbol.for`, so that several copies of this package in one tree agree.
 */
export interface Emission {
  /** The record under way; anything else means that the rest of this object is not about it. */
  record: object | undefined;
  /** The session it was routed to. */
  sessionId: string;
  /** The id of its entry: a function, since it is made only when somebody asks. `undefined` ids come from remote stores. */
  entryId: () => string | undefined;
  /** Who routed it; a durable processor makes itself known here. */
  source: DeliverySource | undefined;
}

/** Where a durable processor makes itself known, for `flushSession`. */
export interface DeliverySource {
  attachDelivery(delivery: SessionDelivery): void;
}

/** Answers whether a session has reached the collector. */
export interface SessionDelivery {
  flushSession(sessionId: string, options?: { readonly timeoutMillis?: number }): Promise<DeliveryReport>;
}

/** How far a session's entries came, of those logged before the call. */
export interface DeliveryReport {
  /** The id of the last entry that the collector acknowledged; `undefined` when none was, or with a remote store. */
  readonly deliveredId: string | undefined;
  /** Entries not yet acknowledged. */
  readonly pending: number;
  /** Entries that the collector refused for good. */
  readonly rejected: number;
  /** Entries that a bound of the spool dropped. */
  readonly dropped: number;
}

const KEY = Symbol.for('otel-session-logs.emission.v1');
const holder = globalThis as { [KEY]?: Emission };

/** The one emission of this process; see {@link Emission}. */
export const emission: Emission = (holder[KEY] ??= {
  record: undefined,
  sessionId: '',
  entryId: () => undefined,
  source: undefined,
});
