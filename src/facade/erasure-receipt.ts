import type { ErasedPart, ExportedRecords } from '../entry/erasure.ts';
import { addParts } from '../entry/erasure.ts';

/**
 * What was removed of a session and where, and what cannot be removed from here. It counts only what this call removed,
 * not what an earlier call removed before it was interrupted.
 */
export interface ErasureReceipt {
  readonly sessionId: string;
  /** Entries in the store, of all lives of the session, including those that waited to be sent to a remote store. */
  readonly store: { readonly entries: number };
  /** Lines of daily files, and the number of files that held them. */
  readonly file: { readonly lines: number; readonly files: number };
  /** Records in the spool or the queue in memory: of this process, of dead ones, and of living ones that answered. */
  readonly spool: { readonly records: number };
  /** Stored records that the collector had rejected. */
  readonly dead: { readonly records: number };
  /** Records that the collector acknowledged, as far as the asked processes know. Erase them there. */
  readonly exported: ExportedRecords;
  /** Records that were sent but not answered: the collector may have them. */
  readonly unanswered: number;
  /** Living processes on the same spool that were asked but did not answer in time. They erase when they can. */
  readonly otherProcesses: number;
  /** What cannot be erased from here, in words. */
  readonly remains: readonly string[];
}

/** Adds the parts up to one receipt. */
export function receiptOf(sessionId: string, entries: number, parts: readonly ErasedPart[]): ErasureReceipt {
  return Object.freeze({ sessionId, store: { entries }, ...addParts(parts) });
}
