/** A segment that holds this much gets no other frame. */
export const MAX_SEGMENT_BYTES: number = 8 * 1024 * 1024;

/** How far a segment is settled: everything before `offset`, and the first `skip` records of the frame that begins there. */
export interface SegmentPosition {
  readonly offset: number;
  readonly skip: number;
  /** Number of the next record, from which missing records are counted. */
  readonly ordinal: number;
}

/** A sequence of frames in the order of writing: a file, or memory while the disk cannot be written. */
export interface Segment {
  /** Unique across processes and restarts. Names sort by owner, then by age. */
  readonly name: string;
  /** The directory of its file; `undefined` for a segment in memory. */
  readonly directory: string | undefined;
  /** Number of its first record among all records of its owner. */
  readonly firstOrdinal: number;
  /** Number of the record after its last one. */
  readonly nextOrdinal: number;
  readonly bytes: number;
  /** When its first frame was written, milliseconds since the epoch. */
  readonly oldestMillis: number;
  /** When its last frame was written. */
  readonly newestMillis: number;
  /** Nothing more is appended. */
  readonly isSealed: boolean;
  /** Number of its records, without those known to be damaged. */
  readonly records: number;
  /** How many of them are acknowledged, rejected or lost. */
  settled: number;
  /** Up to where it is settled. */
  position: SegmentPosition;
  /** Exports under way with records of this segment; it must not be dropped meanwhile. */
  inFlight: number;
  /** The segment was dropped or is finished: its file is gone. */
  isRemoved: boolean;

  /** Appends whole frames. On failure throws the error of the file system, and nothing is appended. */
  append(frame: Buffer, count: number, nowMillis: number): void;
  /** Reads bytes from an offset, fewer than asked for at the end. Resolves to their number. */
  read(into: Buffer, offset: number, length: number): Promise<number>;
  /**
   * Notes that `count` more records, up to the position, are settled. Best effort: without the note they are sent again
   * after a restart.
   */
  acknowledge(position: SegmentPosition, count: number): void;
  seal(): void;
  /** Resolves when everything appended before the call is on the disk. */
  sync(): Promise<void>;
  syncNow(): void;
  /** Closes its files; the segment stays. */
  close(): void;
  /** Deletes the segment. Never throws. */
  remove(): void;
}
