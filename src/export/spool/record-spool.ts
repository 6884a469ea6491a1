import type { SegmentQueue } from './segment-queue.ts';
import type { Segment } from './segment.ts';

/** Where the records of this process wait until they are delivered: on disk, or in memory. */
export interface RecordSpool {
  /** For reports: records wait in ... */
  readonly place: string;
  readonly own: SegmentQueue;
  /** Records of dead processes, which a spool in memory does not have. */
  readonly adopted: SegmentQueue | undefined;
  /** The number of the next record. */
  readonly nextOrdinal: number;

  /**
   * Writes a frame at the end of the own queue and returns its segment, or `undefined` when the frame is lost, which is
   * counted. Synchronous; never throws. The caller may overwrite the frame afterwards.
   */
  append(frame: Buffer, count: number): Segment | undefined;
  /** Keeps the attributes of a resource that were not known when its records were written. */
  appendResource(blob: Buffer): void;
  /** What is appended later goes to another segment than what is there now. */
  sealWritten(): void;
  /** When everything is settled, lets go of the last own segment. */
  closeIdle(): void;
}
