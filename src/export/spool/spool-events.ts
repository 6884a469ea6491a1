import type { LossReason } from '../../support/loss-counters.ts';
import type { Segment } from './segment.ts';
import type { Settlement, SpoolBatch } from './spool-batch.ts';

/** Events of a spool. `isOwn`: whether the records belong to this process. */
export interface SpoolEvents {
  /** Records are lost and will never be sent. */
  lost(reason: LossReason, count: number, isOwn: boolean): void;
  settled(batch: SpoolBatch, from: number, to: number, settlement: Settlement, isOwn: boolean): void;
  /** A file replaced a segment in memory. */
  moved(from: Segment, to: Segment): void;
  /** A segment shrank by this many bytes, because records were erased. */
  shrunk?(bytes: number): void;
  /** A segment left its queue, and its file is gone. */
  removed(segment: Segment): void;
}
