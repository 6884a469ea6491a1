import { HEADER_BYTES, frameLength, nextMagic, readFrame } from './codec/frame.ts';
import { MAX_FRAME_RECORDS, MIN_RECORD_BYTES } from './codec/frame-format.ts';
import type { Frame } from './codec/frame.ts';
import { writtenMillisOf } from './codec/frame-decoder.ts';
import { isKnownPayload } from './known-format.ts';
import type { Segment } from './segment.ts';

/** Size of a read: few large reads, because the way through the thread pool takes longer than copying. */
const CHUNK_BYTES = 1024 * 1024;

/** A frame with its offset in the segment. Its payload is valid until the next `fill`. */
export interface PlacedFrame extends Frame {
  readonly offset: number;
  readonly endOffset: number;
  /** Number of damaged records missing before it. */
  readonly lost: number;
}

/** Reads the frames of a segment in order. Skips damaged bytes up to the next frame with a valid checksum. */
export class SegmentReader {
  readonly segment: Segment;
  /** The memory that each `fill` reads into. */
  #memory: Buffer = Buffer.alloc(0);
  /** The bytes that the last `fill` read. */
  #buffer: Buffer = this.#memory;
  /** Offset of the buffer's first byte in the segment. */
  #bufferStart = 0;
  /** Offset of the next frame in the segment. */
  #at: number;
  /** Offset after the last undamaged frame. */
  #undamagedEnd: number;
  #expected: number;
  readonly #firstAt: number;
  readonly #settledInFirst: number;
  /** Estimated number of records in the damaged bytes since the last frame. */
  #damagedRecords = 0;

  constructor(segment: Segment) {
    this.segment = segment;
    this.#at = segment.position.offset;
    this.#undamagedEnd = this.#at;
    // The first records of the frame there may be settled: if it is damaged, those are not lost.
    this.#expected = segment.position.ordinal;
    this.#settledInFirst = segment.position.skip;
    this.#firstAt = segment.position.offset;
  }

  /** The number of the next record. */
  get nextOrdinal(): number {
    return this.#expected;
  }

  /** Estimated number of records in the damaged bytes after the last frame. */
  get damagedAtEnd(): number {
    // The last frame may be cut, so that it held more than what is left of it.
    return Math.min(this.#damagedRecords, MAX_FRAME_RECORDS + this.#mostInDamage());
  }

  /** The most records that the damaged bytes up to here could hold. */
  #mostInDamage(): number {
    return Math.floor((this.#at - this.#undamagedEnd) / MIN_RECORD_BYTES);
  }

  /** Skips to this record, because the caller has counted what is missing before it. */
  passOver(nextOrdinal: number): void {
    this.#expected = nextOrdinal;
    this.#damagedRecords = 0;
  }

  /**
   * Returns the next frame. `'read'`: call `fill` first. `'end'`: there is none, or none yet if the segment is not
   * sealed.
   */
  next(): PlacedFrame | 'read' | 'end' {
    for (;;) {
      if (this.#at >= this.segment.bytes) return 'end';
      const at = this.#at - this.#bufferStart;
      const frame = at < this.#buffer.length ? readFrame(this.#buffer, at) : 'more';
      if (typeof frame === 'object') return this.#found(frame);
      if (frame === 'more' && this.#canHoldFrame()) return 'read';
      this.#skipDamage();
    }
  }

  /** Reads the bytes that `next` asked for. Rejects with the error of the file system. */
  async fill(): Promise<void> {
    const start = this.#at;
    const needed = Math.min(Math.max(CHUNK_BYTES, this.#neededBytes()), this.segment.bytes - start);
    if (this.#memory.length < needed) this.#memory = Buffer.allocUnsafeSlow(needed);
    // If the read fails half-way, old bytes must not pass for new ones.
    this.#buffer = this.#memory.subarray(0, 0);
    this.#bufferStart = start;
    const length = await this.segment.read(this.#memory, start, needed);
    if (length === 0) throw new Error(`the segment ${this.segment.name} is shorter than it was`);
    this.#buffer = this.#memory.subarray(0, length);
  }

  #neededBytes(): number {
    const at = this.#at - this.#bufferStart;
    return at < this.#buffer.length ? frameLength(this.#buffer, at) : HEADER_BYTES;
  }

  /** Whether a frame of the length in its header fits into the rest of the segment beyond the buffer. */
  #canHoldFrame(): boolean {
    const bufferEnd = this.#bufferStart + this.#buffer.length;
    return bufferEnd < this.segment.bytes && this.#at + this.#neededBytes() <= this.segment.bytes;
  }

  #found(frame: Frame): PlacedFrame {
    const offset = this.#at;
    const endOffset = this.#bufferStart + frame.end;
    // Only damage can give a lower number than expected; no record is missing then. Without damaged bytes in between, the
    // missing ones were never written here, and are counted by the process that could not.
    const lost = Math.max(0, Math.min(frame.ordinal - this.#expected, this.#mostInDamage()));
    const count = isKnownPayload(frame)
      ? Math.min(frame.count, Math.floor(frame.payload.length / MIN_RECORD_BYTES))
      : frame.count;
    this.#at = endOffset;
    this.#undamagedEnd = endOffset;
    this.#expected = frame.ordinal + count;
    this.#damagedRecords = 0;
    return { ...frame, count, offset, endOffset, lost };
  }

  #skipDamage(): void {
    const at = this.#at - this.#bufferStart;
    if (this.#buffer.length - at >= HEADER_BYTES && nextMagic(this.#buffer, at) === at) {
      const settled = this.#at === this.#firstAt ? this.#settledInFirst : 0;
      this.#damagedRecords += Math.max(0, Math.min(this.#buffer.readUInt32LE(at + 12), MAX_FRAME_RECORDS) - settled);
    } else if (this.#damagedRecords === 0) this.#damagedRecords = 1;
    const next = nextMagic(this.#buffer, at + 1);
    // The last bytes of the buffer may be the first bytes of a magic.
    const end = Math.max(at + 1, this.#buffer.length - 3);
    this.#at = this.#bufferStart + (next === -1 ? end : next);
  }
}

/** The result of scanning a segment of another process. */
export interface SegmentScan {
  /** Records from the position on, including damaged ones. */
  readonly records: number;
  readonly nextOrdinal: number;
  /** When the first frame was written; `undefined` if that cannot be read. */
  readonly oldestMillis: number | undefined;
  readonly frames: number;
  /** How many of the records are damaged. */
  readonly damaged: number;
  readonly hasDamagedEnd: boolean;
  /** Whether there are undamaged frames of a format that this version does not know. */
  readonly hasNewer: boolean;
}

/**
 * Reads a segment from its position to its end and calls `visit` with each frame of a known format. Rejects with the
 * error of the file system.
 */
export async function scanSegment(segment: Segment, visit: (frame: PlacedFrame) => void): Promise<SegmentScan> {
  const reader = new SegmentReader(segment);
  let frames = 0;
  let records = 0;
  let damaged = 0;
  let oldestMillis: number | undefined;
  let hasNewer = false;
  for (;;) {
    const frame = reader.next();
    if (frame === 'end') break;
    if (frame === 'read') {
      await reader.fill();
      continue;
    }
    frames += 1;
    damaged += frame.lost;
    const { offset, skip } = segment.position;
    records += frame.lost + frame.count - (frame.offset === offset ? skip : 0);
    if (!isKnownPayload(frame)) {
      hasNewer = true;
      continue;
    }
    if (frame.count > 0) oldestMillis ??= writtenMillisOf(frame.payload);
    visit(frame);
  }
  return {
    records: Math.max(0, records + reader.damagedAtEnd),
    nextOrdinal: reader.nextOrdinal + reader.damagedAtEnd,
    oldestMillis,
    frames,
    damaged: damaged + reader.damagedAtEnd,
    hasDamagedEnd: reader.damagedAtEnd > 0,
    hasNewer,
  };
}
