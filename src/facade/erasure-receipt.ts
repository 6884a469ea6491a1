import type { ErasedPart, ExportedRecords } from '../entry/erasure.ts';
import { addParts } from '../entry/erasure.ts';

/**
 * What was removed of a session, and where; and what cannot be removed from here. It counts what this call removed: what an
 * earlier one had removed before it was broken off is not in it.
 */
export interface ErasureReceipt {
  readonly sessionId: string;
  /** Entries in the store, of all lives, those that waited for a remote one included. */
  readonly store: { readonly entries: number };
  /** Lines of daily files, and the files that they were in. */
  readonly file: { readonly lines: number; readonly files: number };
  /** Records in the spool, or the queue in memory: of this process, of dead ones, and of living ones that have answered. */
  readonly spool: { readonly records: number };
  /** Records that the collector had rejected. */
  readonly dead: { readonly records: number };
  /** What the collector has acknowledged, as far as the processes that were asked know: to be erased there. */
  readonly exported: ExportedRecords;
  /** Records that were sent and got no answer: the collector may have them. */
  readonly unanswered: number;
  /** Living processes on the same spool that were asked and have not answered in time. They do it when they can. */
  readonly otherProcesses: number;
  /** What cannot be erased from here, in words. */
  readonly remains: readonly string[];
}

/** The receipt of all parts. */
export function receiptOf(sessionId: string, entries: number, parts: readonly ErasedPart[]): ErasureReceipt {
  return Object.freeze({ sessionId, store: { entries }, ...addParts(parts) });
}
