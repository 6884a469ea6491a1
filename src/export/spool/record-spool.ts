import type { SegmentQueue } from './segment-queue.ts';
import type { Segment } from './segment.ts';

/** Holds the records of this process until they are delivered, on disk or in memory. */
export interface RecordSpool {
  /** Its name in reports: "records wait in ...". */
  readonly place: string;
  readonly own: SegmentQueue;
  /** Records of dead processes; a spool in memory has none. */
  readonly adopted: SegmentQueue | undefined;
  /** The number of the next record. */
  readonly nextOrdinal: number;

  /**
   * Appends a frame to the own queue and returns its segment, or `undefined` if the frame is lost, which is counted.
   * Synchronous; never throws. The caller may overwrite the frame afterwards.
   */
  append(frame: Buffer, count: number): Segment | undefined;
  /** Stores attributes of a resource that were not known when its records were written. */
  appendResource(blob: Buffer): void;
  /** Makes later frames go into another segment than the existing ones. */
  sealWritten(): void;
  /** Frees the last own segment if everything is settled. */
  closeIdle(): void;
}
