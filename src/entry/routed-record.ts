import type { EntryDetail } from './entry-detail.ts';
import type { SessionEraser } from './erasure.ts';

/**
 * What the session processor found out about one record, for the processors after it: the SDK's limits may have taken
 * the session id, the stream id or the log type from the record's attributes.
 *
 * It stands on the record itself, under a symbol, for as long as the record lives. A processor may log while it handles
 * a record, so "the last record that came by" would not do.
 */
export interface RoutedRecord {
  /** The session, in full. */
  readonly sessionId: string;
  /** What the record's entry has beside text and time; `undefined` for a plain chunk. */
  readonly detail: EntryDetail | undefined;
  /** Id of its entry; `undefined` when no durable processor lives, the store refused the entry, or its ids come later. */
  readonly entryId: string | undefined;
  /** Grows from entry to entry: ids cannot be compared, and records may come in another order than their entries. */
  readonly order: number;
  /** The session processor that routed it; a durable processor makes itself known here. */
  readonly source: DeliverySource | undefined;
}

/** Where processors behind make themselves known, for `flushSession` and `eraseSession`. */
export interface DeliverySource {
  attachDelivery(delivery: SessionDelivery): void;
  /** A processor that can erase what it got of a session makes itself known. Copies of older versions do not know of it. */
  attachEraser?(eraser: SessionEraser): void;
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

// Both under `Symbol.for`, so that several copies of this package in one tree agree.
const ROUTED = Symbol.for('otel-session-logs.routed-record.v1');
const READERS = Symbol.for('otel-session-logs.entry-id-readers.v1');

const holder = globalThis as { [READERS]?: { count: number; lastOrder: number } };
const readers = (holder[READERS] ??= { count: 0, lastOrder: 0 });

/** What is known of the record; `undefined` when no session processor has routed it to a session. */
export function routedRecordOf(record: object): RoutedRecord | undefined {
  return (record as { [ROUTED]?: RoutedRecord })[ROUTED];
}

/** Notes what is known of the record. A property costs nothing measurable here, a `WeakMap` 600 ns a record. */
export function noteRoutedRecord(record: object, routed: RoutedRecord): void {
  try {
    (record as { [ROUTED]?: RoutedRecord })[ROUTED] = routed;
  } catch {
    // A processor handed on a frozen copy: those after us have the attributes only.
  }
}

/** Whether any processor wants to know entry ids: making one costs more than routing a record. */
export function areEntryIdsRead(): boolean {
  return readers.count > 0;
}

/** The place of an entry among all of this process. */
export function nextEntryOrder(): number {
  return (readers.lastOrder += 1);
}

/** From here on routed records tell their entry ids, until the function that this returns is called. */
export function readEntryIds(): () => void {
  readers.count += 1;
  let isReading = true;
  return () => {
    if (isReading) readers.count -= 1;
    isReading = false;
  };
}
