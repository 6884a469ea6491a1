/** A segment of this size gets no further frame. */
export const MAX_SEGMENT_BYTES: number = 8 * 1024 * 1024;

/**
 * How far a segment is settled: everything before `offset`, plus the first `skip` records of the frame that begins
 * there.
 */
export interface SegmentPosition {
  readonly offset: number;
  readonly skip: number;
  /** Ordinal of the next record, from which missing records are counted. */
  readonly ordinal: number;
}

/** The frames of a segment without erased and settled records. */
export interface RewrittenFrames {
  readonly bytes: Buffer;
  /** Number of remaining records. */
  readonly records: number;
  /** Ordinals of the first record and of the one after the last. */
  readonly ordinal: number;
  readonly nextOrdinal: number;
}

/** A sequence of frames in the order of writing: a file, or memory if the disk cannot be written to. */
export abstract class Segment {
  /** Unique across processes and restarts. Names sort by owner, then by age. */
  abstract readonly name: string;
  /** The directory of its file; `undefined` for a segment in memory. */
  abstract readonly directory: string | undefined;
  /** Ordinal of its first record among all records of its owner. */
  readonly firstOrdinal: number;
  /** Ordinal of the record after its last one. */
  nextOrdinal: number;
  bytes = 0;
  /** When its first frame was written, in milliseconds since the epoch. */
  oldestMillis: number;
  /** When its last frame was written. */
  newestMillis: number;
  /** Whether nothing more is appended. */
  isSealed = false;
  /** Whether all of it was read for sending. */
  isRead = false;
  /** Number of its records, without known damaged ones. */
  records = 0;
  /** How many of them are acknowledged, rejected or lost. */
  settled = 0;
  /** Up to where it is settled. */
  position: SegmentPosition;
  /** Number of running exports with records of this segment, which must not be dropped meanwhile. */
  inFlight = 0;
  /** Whether the segment was dropped or finished, so that its file is gone. */
  isRemoved = false;

  constructor(firstOrdinal: number, nowMillis: number) {
    this.firstOrdinal = firstOrdinal;
    this.nextOrdinal = firstOrdinal;
    this.oldestMillis = nowMillis;
    this.newestMillis = nowMillis;
    this.position = { offset: 0, skip: 0, ordinal: firstOrdinal };
  }

  /** Appends whole frames. On failure it throws the error of the file system and appends nothing. */
  append(frame: Buffer, count: number, nowMillis: number): void {
    this.write(frame);
    if (this.bytes === 0) this.oldestMillis = nowMillis;
    this.newestMillis = nowMillis;
    this.bytes += frame.length;
    this.records += count;
    this.nextOrdinal += count;
  }

  /** Appends a frame, which the caller overwrites afterwards. */
  protected abstract write(frame: Buffer): void;

  /** Reads bytes from an offset and resolves to their number; at the end there are fewer than asked for. */
  abstract read(into: Buffer, offset: number, length: number): Promise<number>;

  /**
   * Notes that `count` more records, up to the position, are settled. Best effort: without the note they are sent again
   * after a restart.
   */
  acknowledge(position: SegmentPosition, count: number): void {
    this.position = position;
    this.settled += count;
  }

  seal(): void {
    this.isSealed = true;
  }

  /** Returns all its bytes. @throws the error of the file system. */
  abstract readAll(): Buffer;

  /**
   * Replaces its frames by others, none of which is settled. Nothing may be appended any more, and nobody may be
   * reading it.
   *
   * @throws the error of the file system; then the segment is unchanged.
   */
  rewrite({ bytes, records, ordinal, nextOrdinal }: RewrittenFrames): void {
    this.replaceBytes(bytes);
    this.bytes = bytes.length;
    this.records = records;
    this.settled = 0;
    this.nextOrdinal = nextOrdinal;
    this.position = { offset: 0, skip: 0, ordinal };
    this.isRead = false;
  }

  protected abstract replaceBytes(bytes: Buffer): void;

  /** Resolves when everything appended before the call is on the disk. */
  abstract sync(): Promise<void>;
  abstract syncNow(): void;
  /** Closes its files; the segment stays. */
  abstract close(): void;
  /** Deletes the segment. Never throws. */
  abstract remove(): void;
}
