import type { EntryDetail } from './entry-detail.ts';
import type { SessionEraser } from './erasure.ts';

/**
 * What the session processor found out about a record, for the processors after it: the SDK's limits may have removed
 * the session id, the stream id or the log type from the record's attributes.
 *
 * It is a property of the record, under a symbol. Remembering "the last record" would not do, because a processor may
 * log while it handles a record.
 */
export interface RoutedRecord {
  /** The session id, uncut. */
  readonly sessionId: string;
  /** What the record's entry has besides text and time; `undefined` for a plain chunk. */
  readonly detail: EntryDetail | undefined;
  /**
   * Id of its entry; `undefined` if there is no durable processor, the store refused the entry, or the store assigns
   * ids later.
   */
  readonly entryId: string | undefined;
  /**
   * Grows from entry to entry, because ids cannot be compared and records may arrive in another order than their
   * entries.
   */
  readonly order: number;
  /** The session processor that routed it; durable processors attach themselves to it. */
  readonly source: DeliverySource | undefined;
}

/** Processors behind attach themselves to this, for `flushSession` and `eraseSession`. */
export interface DeliverySource {
  attachDelivery(delivery: SessionDelivery): void;
  /** Attaches a processor that can erase what it got of a session. Missing in copies of older versions. */
  attachEraser?(eraser: SessionEraser): void;
}

/** Answers whether a session has reached the collector. */
export interface SessionDelivery {
  flushSession(sessionId: string, options?: { readonly timeoutMillis?: number }): Promise<DeliveryReport>;
}

/** How far a session's entries have come, of those logged before the call. */
export interface DeliveryReport {
  /** Id of the last entry that the collector acknowledged; `undefined` if there is none, or with a remote store. */
  readonly deliveredId: string | undefined;
  /** Number of entries not yet acknowledged. */
  readonly pending: number;
  /** Number of entries that the collector rejected for good. */
  readonly rejected: number;
  /** Number of entries dropped because the spool was full. */
  readonly dropped: number;
}

// Both under `Symbol.for`, so that several copies of this package in one tree agree.
const ROUTED = Symbol.for('otel-session-logs.routed-record.v1');
const READERS = Symbol.for('otel-session-logs.entry-id-readers.v1');

const holder = globalThis as { [READERS]?: { count: number; lastOrder: number } };
const readers = (holder[READERS] ??= { count: 0, lastOrder: 0 });

/** Returns what is known of the record; `undefined` if no session processor has routed it to a session. */
export function routedRecordOf(record: object): RoutedRecord | undefined {
  return (record as { [ROUTED]?: RoutedRecord })[ROUTED];
}

/** Notes what is known of the record. A property costs nothing measurable, a `WeakMap` 600 ns per record. */
export function noteRoutedRecord(record: object, routed: RoutedRecord): void {
  try {
    (record as { [ROUTED]?: RoutedRecord })[ROUTED] = routed;
  } catch {
    // A processor passed on a frozen copy: the processors after this one have the attributes only.
  }
}

/** Whether any processor wants to know entry ids: making one costs more than routing a record. */
export function areEntryIdsRead(): boolean {
  return readers.count > 0;
}

/** The next place in the order of all entries of this process. */
export function nextEntryOrder(): number {
  return (readers.lastOrder += 1);
}

/** Makes routed records carry their entry ids, until the returned function is called. */
export function readEntryIds(): () => void {
  readers.count += 1;
  let isReading = true;
  return () => {
    if (isReading) readers.count -= 1;
    isReading = false;
  };
}
