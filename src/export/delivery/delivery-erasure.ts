import { sessionOf } from '../spool/erase-frames.ts';
import type { ErasedCounts, RecordMatcher } from '../spool/erase-frames.ts';
import type { SpoolBatch } from '../spool/spool-batch.ts';

/** What an erasure removed from a delivery, by session. */
export interface DeliveryErasure {
  readonly records: ErasedCounts;
  /** Those of them that were sent but not answered. */
  readonly unanswered: ErasedCounts;
}

/** Counts the matching records that were sent in these batches but not answered: the collector may have them. */
export function unansweredIn(batches: readonly SpoolBatch[], matcher: RecordMatcher): ErasedCounts {
  const counts: ErasedCounts = new Map();
  for (const batch of batches) {
    for (const index of batch.unanswered()) {
      const record = batch.records[index];
      const sessionId = record && sessionOf(record, batch.sessions[index]);
      if (sessionId === undefined || !matcher.isErased(sessionId, -Infinity)) continue;
      counts.set(sessionId, (counts.get(sessionId) ?? 0) + 1);
    }
  }
  return counts;
}

export function addCounts(a: ErasedCounts, b: ErasedCounts): ErasedCounts {
  const sum: ErasedCounts = new Map(a);
  for (const [sessionId, count] of b) sum.set(sessionId, (sum.get(sessionId) ?? 0) + count);
  return sum;
}
