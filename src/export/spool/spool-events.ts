import type { LossReason } from '../../support/loss-counters.ts';
import type { Segment } from './segment.ts';
import type { Settlement, SpoolBatch } from './spool-batch.ts';

/** Events of a spool. `isOwn`: the records are of this process. */
export interface SpoolEvents {
  /** They will never be sent. */
  lost(reason: LossReason, count: number, isOwn: boolean): void;
  settled(batch: SpoolBatch, from: number, to: number, settlement: Settlement, isOwn: boolean): void;
  /** A file took the place of a segment in memory. */
  moved(from: Segment, to: Segment): void;
  /** A segment became smaller by so many bytes, since records were erased. */
  shrunk?(bytes: number): void;
  /** A segment left its queue, and its file is gone. */
  removed(segment: Segment): void;
}
