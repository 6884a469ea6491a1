/** Settled so far of a segment: everything before `offset`, and `skip` records of the entry that begins there. */
export interface SegmentPosition {
  readonly offset: number;
  readonly skip: number;
  /** Number of the record that comes next, to tell what a damage took. */
  readonly ordinal: number;
}

/** A run of entries in the order of writing; a file, or memory while the disk takes nothing. */
export interface Segment {
  /** Unique over processes and restarts; names sort by owner, then by age. */
  readonly name: string;
  /** Where its file is; `undefined` for one in memory. */
  readonly directory: string | undefined;
  /** Number of its first record among all of its owner. */
  readonly firstOrdinal: number;
  /** Number that the record after its last one has. */
  readonly nextOrdinal: number;
  readonly bytes: number;
  /** When its first entry was written, milliseconds since the epoch. */
  readonly oldestMillis: number;
  /** When its last entry was written. */
  readonly newestMillis: number;
  /** Nothing is appended any more. */
  readonly isSealed: boolean;
  /** Records in it, without what is known to be damaged. */
  readonly records: number;
  /** Records of them that are acknowledged, rejected or lost. */
  settled: number;
  /** Up to where it is settled. */
  position: SegmentPosition;
  /** An export with records of it is under way: it must not be dropped. */
  inFlight: number;
  /** Dropped or done: its file is gone. */
  isRemoved: boolean;

  /** Whole entries at the end. Throws what the disk says, and then nothing of it is there. */
  append(entry: Buffer, count: number, nowMillis: number): void;
  /** Bytes from an offset, fewer than asked for at its end. */
  read(into: Buffer, offset: number, length: number): Promise<number>;
  /** Records up to the position are settled. Best effort: what is not noted is sent again after a restart. */
  acknowledge(position: SegmentPosition, count: number): void;
  seal(): void;
  /** What was appended before the call is on the disk when it resolves. */
  sync(): Promise<void>;
  syncNow(): void;
  /** Lets go of files; the segment stays. */
  close(): void;
  /** Deletes it. Never throws. */
  remove(): void;
}
