import { FRAME_BYTES, framedLength, nextMagic, readFrame } from './codec/frame.ts';
import type { FramedEntry } from './codec/frame.ts';
import { writtenMillisOf } from './codec/record-decoder.ts';
import { isKnownPayload } from './known-format.ts';
import type { Segment } from './segment.ts';

/** A read goes through the thread pool, which takes longer than the copying: few and large. */
const CHUNK_BYTES = 1024 * 1024;

/** An entry, with its place in the segment. Its payload is valid until the next `fill`. */
export interface FoundEntry extends FramedEntry {
  readonly offset: number;
  readonly endOffset: number;
  /** Records missing in front of it: damaged ones. */
  readonly lost: number;
}

/** Walks over the entries of a segment. Damaged bytes are passed over: the next entry with a valid checksum follows. */
export class SegmentReader {
  readonly #segment: Segment;
  /** Each `fill` reads into it anew. */
  #memory: Buffer = Buffer.alloc(0);
  /** What the last `fill` read. */
  #buffer: Buffer = this.#memory;
  /** Offset in the segment of the buffer's first byte. */
  #bufferStart = 0;
  /** Offset in the segment of what comes next. */
  #at: number;
  #expected: number;
  readonly #firstAt: number;
  readonly #settledInFirst: number;
  /** The damaged place looked at last seems to begin an entry of so many records. */
  #claimed = 0;

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#at = segment.position.offset;
    // Of the entry there the first records may be settled: they are no loss when it is damaged.
    this.#expected = segment.position.ordinal;
    this.#settledInFirst = segment.position.skip;
    this.#firstAt = segment.position.offset;
  }

  /** Number of the record that comes next. */
  get nextOrdinal(): number {
    return this.#expected;
  }

  /** Records that the bytes behind the last entry seem to have been; 0 when there are none. */
  get damagedAtEnd(): number {
    return this.#claimed;
  }

  /** What is missing in front of this record is known and counted. */
  passOver(nextOrdinal: number): void {
    this.#expected = nextOrdinal;
    this.#claimed = 0;
  }

  /** The next entry; `'read'`: call `fill` first; `'end'`: there is no more, for now when the segment is not sealed. */
  next(): FoundEntry | 'read' | 'end' {
    for (;;) {
      if (this.#at >= this.#segment.bytes) return 'end';
      const at = this.#at - this.#bufferStart;
      const frame = at < this.#buffer.length ? readFrame(this.#buffer, at) : 'more';
      if (typeof frame === 'object') return this.#found(frame);
      if (frame === 'more' && this.#canHoldEntry()) return 'read';
      this.#skipDamage();
    }
  }

  /** Reads what `next` asked for. Rejects with what the file system says. */
  async fill(): Promise<void> {
    const start = this.#at;
    const needed = Math.min(Math.max(CHUNK_BYTES, this.#neededBytes()), this.#segment.bytes - start);
    if (this.#memory.length < needed) this.#memory = Buffer.allocUnsafeSlow(needed);
    // Should the read fail half-way, nothing of it may be taken for what was there before.
    this.#buffer = this.#memory.subarray(0, 0);
    this.#bufferStart = start;
    const length = await this.#segment.read(this.#memory, start, needed);
    if (length === 0) throw new Error(`the segment ${this.#segment.name} is shorter than it was`);
    this.#buffer = this.#memory.subarray(0, length);
  }

  #neededBytes(): number {
    const at = this.#at - this.#bufferStart;
    return at < this.#buffer.length ? framedLength(this.#buffer, at) : FRAME_BYTES;
  }

  /** Whether an entry of the length claimed fits into what is left of the segment, beyond the buffer. */
  #canHoldEntry(): boolean {
    const bufferEnd = this.#bufferStart + this.#buffer.length;
    return bufferEnd < this.#segment.bytes && this.#at + this.#neededBytes() <= this.#segment.bytes;
  }

  #found(frame: FramedEntry): FoundEntry {
    const offset = this.#at;
    const endOffset = this.#bufferStart + frame.end;
    // An older number than expected is a claim only damage could make; it is no loss.
    const lost = Math.max(0, frame.ordinal - this.#expected);
    this.#at = endOffset;
    this.#expected = frame.ordinal + frame.count;
    this.#claimed = 0;
    return { ...frame, offset, endOffset, lost };
  }

  #skipDamage(): void {
    const at = this.#at - this.#bufferStart;
    if (this.#buffer.length - at >= FRAME_BYTES && nextMagic(this.#buffer, at) === at) {
      const settled = this.#at === this.#firstAt ? this.#settledInFirst : 0;
      this.#claimed += Math.max(0, Math.min(this.#buffer.readUInt32LE(at + 12), 100_000) - settled);
    } else if (this.#claimed === 0) this.#claimed = 1;
    const next = nextMagic(this.#buffer, at + 1);
    // The buffer's last bytes may be the first ones of a magic.
    const end = Math.max(at + 1, this.#buffer.length - 3);
    this.#at = this.#bufferStart + (next === -1 ? end : next);
  }
}

/** What a scan of a segment found that another process wrote. */
export interface SegmentScan {
  /** Records from its position on, damaged ones included. */
  readonly records: number;
  readonly nextOrdinal: number;
  /** When its first entry was written, where that can be read. */
  readonly oldestMillis: number | undefined;
  readonly entries: number;
  /** Records of them that are damaged. */
  readonly damaged: number;
  readonly hasDamagedEnd: boolean;
  /** There are entries among them, whole ones, of a format that this version does not know. */
  readonly hasNewer: boolean;
}

/**
 * Reads a segment from its position to its end, and shows every entry whose format is known. Rejects with what the file
 * system says.
 */
export async function scanSegment(segment: Segment, visit: (entry: FoundEntry) => void): Promise<SegmentScan> {
  const reader = new SegmentReader(segment);
  let entries = 0;
  let damaged = 0;
  let oldestMillis: number | undefined;
  let hasNewer = false;
  for (;;) {
    const entry = reader.next();
    if (entry === 'end') break;
    if (entry === 'read') {
      await reader.fill();
      continue;
    }
    entries += 1;
    damaged += entry.lost;
    if (!isKnownPayload(entry)) {
      hasNewer = true;
      continue;
    }
    if (entry.count > 0) oldestMillis ??= writtenMillisOf(entry.payload);
    visit(entry);
  }
  const nextOrdinal = reader.nextOrdinal + reader.damagedAtEnd;
  return {
    records: Math.max(0, nextOrdinal - segment.position.ordinal),
    nextOrdinal,
    oldestMillis,
    entries,
    damaged: damaged + reader.damagedAtEnd,
    hasDamagedEnd: reader.damagedAtEnd > 0,
    hasNewer,
  };
}
