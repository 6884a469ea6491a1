import type { LossReason } from '../../support/loss-counters.ts';
import type { OriginDecoder } from './codec/origin-codec.ts';
import { decodeEntry } from './codec/record-decoder.ts';
import type { DecodedEntry } from './codec/record-decoder.ts';
import { SegmentReader } from './segment-reader.ts';
import type { FoundEntry } from './segment-reader.ts';
import type { Segment } from './segment.ts';
import { SpoolBatch } from './spool-batch.ts';
import type { OnSettled, Outcome } from './spool-batch.ts';

/** What a queue tells its spool. */
export interface SegmentQueueEvents {
  /** Records will never be sent. */
  lost(reason: LossReason, count: number): void;
  readonly settled: OnSettled;
  /** A file took the place of what waited in memory. */
  moved(from: Segment, to: Segment): void;
  /** A segment left the queue, and its file is gone. */
  removed(segment: Segment): void;
}

export interface SegmentQueueOptions {
  readonly origins: OriginDecoder;
  readonly events: SegmentQueueEvents;
  /** Entries older than this are dropped; `undefined`: none are. */
  readonly maxAgeMillis: number | undefined;
  readonly now: () => number;
}

/** An entry of which a batch took only the first records. */
interface Rest {
  readonly entry: FoundEntry;
  readonly decoded: DecodedEntry;
  readonly from: number;
}

/** Segments in the order in which they are sent: first in, first out. */
export class SegmentQueue {
  readonly segments: Segment[] = [];
  readonly #options: SegmentQueueOptions;
  #reader: { readonly segment: Segment; readonly reader: SegmentReader } | undefined;
  #rest: Rest | undefined;
  /** Segments that are read to their end; those in front of it in the array. */
  #readSegments = 0;
  readonly #unsettled = new Set<SpoolBatch>();
  #bytes = 0;

  constructor(options: SegmentQueueOptions) {
    this.#options = options;
  }

  /** Records not yet settled. */
  get pending(): number {
    let pending = 0;
    for (const segment of this.segments) pending += segment.records - segment.settled;
    return pending;
  }

  /** Bytes of its files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the oldest record that is not settled; `undefined` when all are. */
  get oldestUnsettled(): number | undefined {
    return this.segments.find(({ records, settled }) => settled < records)?.position.ordinal;
  }

  add(segment: Segment): void {
    this.segments.push(segment);
    this.#bytes += fileBytes(segment);
  }

  /** So much was appended to the file of its last segment. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Nobody has begun to read the segment. */
  isUnread(segment: Segment): boolean {
    return this.segments.indexOf(segment) >= this.#readSegments && this.#reader?.segment !== segment;
  }

  /** Puts a file in the place of what waited in memory, unread. */
  replace(old: Segment, replacement: Segment): void {
    this.segments[this.segments.indexOf(old)] = replacement;
    this.#bytes += fileBytes(replacement);
    this.#options.events.moved(old, replacement);
  }

  /**
   * The next records, up to `maxRecords` and about `maxBytes`; `undefined` when there are none now.
   *
   * One call at a time. Rejects with what the file system says.
   */
  async read(maxRecords: number, maxBytes: number): Promise<SpoolBatch | undefined> {
    const batch = new SpoolBatch((...event) => this.#settled(...event));
    this.#unsettled.add(batch);
    while (batch.length < maxRecords && (batch.length === 0 || batch.bytes < maxBytes)) {
      const step = this.#step(batch, maxRecords);
      if (step === 'end') break;
      if (step === 'read') await this.#fill();
    }
    if (batch.length > 0) return batch;
    this.#unsettled.delete(batch);
    return undefined;
  }

  async #fill(): Promise<void> {
    const current = this.#reader;
    try {
      await current?.reader.fill();
    } catch (error) {
      // A segment that was dropped meanwhile cannot be read, and need not be.
      if (current === this.#reader) throw error;
    }
  }

  /** The file system does not give back what is left of the segment that is being read: it counts as damaged. */
  giveUpReading(): void {
    const current = this.#reader;
    if (current === undefined) return;
    current.segment.seal();
    this.#atEnd(current.segment, current.reader);
  }

  /** Deletes a segment with all its records that are not settled. */
  drop(segment: Segment, reason: LossReason): void {
    const lost = segment.records - segment.settled;
    segment.settled = segment.records;
    for (const batch of this.#unsettled) batch.discard(segment);
    const index = this.segments.indexOf(segment);
    if (index < this.#readSegments) this.#readSegments -= 1;
    else if (index === this.#readSegments) {
      this.#reader = undefined;
      this.#rest = undefined;
    }
    if (lost > 0) this.#options.events.lost(reason, lost);
    this.#remove(segment);
  }

  #step(batch: SpoolBatch, maxRecords: number): 'taken' | 'read' | 'end' {
    if (this.#rest !== undefined) {
      this.#take(batch, this.#rest, maxRecords);
      return 'taken';
    }
    const segment = this.segments[this.#readSegments];
    if (segment === undefined) return 'end';
    if (this.#reader?.segment !== segment) this.#reader = { segment, reader: new SegmentReader(segment) };
    const entry = this.#reader.reader.next();
    if (entry === 'read') return 'read';
    if (entry === 'end') return this.#atEnd(segment, this.#reader.reader) ? 'taken' : 'end';
    if (entry.lost > 0) this.#countLost(segment, 'damaged', entry.lost);
    if (entry.count > 0) this.#takeEntry(batch, segment, entry, maxRecords);
    return 'taken';
  }

  #takeEntry(batch: SpoolBatch, segment: Segment, entry: FoundEntry, maxRecords: number): void {
    const { position } = segment;
    const from = entry.offset === position.offset ? position.skip : 0;
    try {
      const decoded = decodeEntry(entry.payload, entry.count, this.#options.origins);
      const { maxAgeMillis, now } = this.#options;
      if (maxAgeMillis !== undefined && decoded.writtenMillis < now() - maxAgeMillis) {
        this.#countLost(segment, 'expired', entry.count - from);
        return;
      }
      this.#take(batch, { entry, decoded, from }, maxRecords);
    } catch {
      // Damaged in a way the checksum missed. Of another version it is not: a directory with such entries is not adopted.
      this.#countLost(segment, 'damaged', entry.count - from);
    }
  }

  #take(batch: SpoolBatch, rest: Rest, maxRecords: number): void {
    const { entry, decoded, from } = rest;
    const count = Math.min(entry.count - from, maxRecords - batch.length);
    const isEntryEnd = from + count === entry.count;
    const segment = this.segments[this.#readSegments] as Segment;
    const { offset, endOffset } = entry;
    batch.add(
      {
        segment,
        offset,
        endOffset,
        skip: from,
        count,
        ordinal: entry.ordinal + from,
        isEntryEnd,
        writtenMillis: decoded.writtenMillis,
      },
      decoded.records,
      decoded.sessions,
    );
    this.#rest = isEntryEnd ? undefined : { entry, decoded, from: from + count };
  }

  /** Whether there may be something to read behind this segment. */
  #atEnd(segment: Segment, reader: SegmentReader): boolean {
    const lost = segment.nextOrdinal - reader.nextOrdinal;
    if (lost > 0) {
      reader.passOver(segment.nextOrdinal);
      this.#countLost(segment, 'damaged', lost);
    }
    if (!segment.isSealed) return false;
    this.#reader = undefined;
    this.#readSegments += 1;
    this.sweep();
    return true;
  }

  #countLost(segment: Segment, reason: LossReason, count: number): void {
    segment.settled += count;
    this.#options.events.lost(reason, count);
  }

  #settled(batch: SpoolBatch, from: number, to: number, outcome: Outcome): void {
    this.#options.events.settled(batch, from, to, outcome);
    if (batch.isSettled) this.#unsettled.delete(batch);
    this.sweep();
  }

  /** Removes the segments in front that take no more and are settled. */
  sweep(): void {
    for (;;) {
      const segment = this.segments[0];
      if (segment === undefined || !segment.isSealed || segment.settled < segment.records) return;
      if (this.#readSegments > 0) this.#readSegments -= 1;
      else this.#reader = undefined;
      this.#remove(segment);
    }
  }

  #remove(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index === -1) return;
    this.segments.splice(index, 1);
    this.#bytes -= fileBytes(segment);
    segment.remove();
    this.#options.events.removed(segment);
  }
}

function fileBytes(segment: Segment): number {
  return segment.directory === undefined ? 0 : segment.bytes;
}
