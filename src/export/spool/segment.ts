/** A segment that holds this much gets no other frame. */
export const MAX_SEGMENT_BYTES: number = 8 * 1024 * 1024;

/** How far a segment is settled: everything before `offset`, and the first `skip` records of the frame that begins there. */
export interface SegmentPosition {
  readonly offset: number;
  readonly skip: number;
  /** Number of the next record, from which missing records are counted. */
  readonly ordinal: number;
}

/** The frames of a segment without what was to be erased, and without what was settled. */
export interface RewrittenFrames {
  readonly bytes: Buffer;
  /** Records that are left. */
  readonly records: number;
  /** Number of the first record, and of the one after the last. */
  readonly ordinal: number;
  readonly nextOrdinal: number;
}

/** A sequence of frames in the order of writing: a file, or memory where the disk cannot be written. */
export abstract class Segment {
  /** Unique across processes and restarts. Names sort by owner, then by age. */
  abstract readonly name: string;
  /** The directory of its file; `undefined` for a segment in memory. */
  abstract readonly directory: string | undefined;
  /** Number of its first record among all records of its owner. */
  readonly firstOrdinal: number;
  /** Number of the record after its last one. */
  nextOrdinal: number;
  bytes = 0;
  /** When its first frame was written, milliseconds since the epoch. */
  oldestMillis: number;
  /** When its last frame was written. */
  newestMillis: number;
  /** Nothing more is appended. */
  isSealed = false;
  /** All of it was read, to be sent. */
  isRead = false;
  /** Number of its records, without those known to be damaged. */
  records = 0;
  /** How many of them are acknowledged, rejected or lost. */
  settled = 0;
  /** Up to where it is settled. */
  position: SegmentPosition;
  /** Exports under way with records of this segment; it must not be dropped meanwhile. */
  inFlight = 0;
  /** The segment was dropped or is finished: its file is gone. */
  isRemoved = false;

  constructor(firstOrdinal: number, nowMillis: number) {
    this.firstOrdinal = firstOrdinal;
    this.nextOrdinal = firstOrdinal;
    this.oldestMillis = nowMillis;
    this.newestMillis = nowMillis;
    this.position = { offset: 0, skip: 0, ordinal: firstOrdinal };
  }

  /** Appends whole frames. On failure throws the error of the file system, and nothing is appended. */
  append(frame: Buffer, count: number, nowMillis: number): void {
    this.write(frame);
    if (this.bytes === 0) this.oldestMillis = nowMillis;
    this.newestMillis = nowMillis;
    this.bytes += frame.length;
    this.records += count;
    this.nextOrdinal += count;
  }

  /** Writes behind what is there. The caller overwrites the frame afterwards. */
  protected abstract write(frame: Buffer): void;

  /** Reads bytes from an offset, fewer than asked for at the end. Resolves to their number. */
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

  /** All its bytes. @throws the error of the file system. */
  abstract readAll(): Buffer;

  /**
   * Puts frames in the place of its own, none of which is settled. Nothing is appended to it any more, and nobody reads it.
   *
   * @throws the error of the file system; then it is as it was.
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
