import type { LossReason } from '../../support/loss-counters.ts';
import { nextTurn } from '../../support/timers.ts';
import type { OriginDecoder } from './codec/origin-codec.ts';
import { decodeFrame } from './codec/frame-decoder.ts';
import type { DecodedFrame } from './codec/frame-decoder.ts';
import type { SpoolEvents } from './spool-events.ts';
import { eraseFrames } from './erase-frames.ts';
import type { ErasedCounts, RecordMatcher } from './erase-frames.ts';
import { SegmentReader } from './segment-reader.ts';
import type { PlacedFrame } from './segment-reader.ts';
import type { Segment } from './segment.ts';
import { SpoolBatch } from './spool-batch.ts';
import type { Settlement } from './spool-batch.ts';

export interface SegmentQueueOptions {
  readonly origins: OriginDecoder;
  readonly events: SpoolEvents;
  /** Whether the records belong to this process. */
  readonly isOwn: boolean;
  /** Frames from before this time are dropped. */
  readonly expiredBefore: () => number;
  /** Called when a file to be read is missing. */
  readonly onMissing?: () => void;
}

/** A frame whose first records only were taken by a batch. */
interface Rest {
  readonly segment: Segment;
  readonly frame: PlacedFrame;
  readonly decoded: DecodedFrame;
  readonly from: number;
}

/** Segments in the order of sending: first in, first out. */
export class SegmentQueue {
  readonly segments: Segment[] = [];
  readonly #options: SegmentQueueOptions;
  /** The reader of the first segment that is not read to its end. */
  #reader: SegmentReader | undefined;
  #rest: Rest | undefined;
  readonly #unsettled = new Set<SpoolBatch>();
  /** During an erasure, the segments to look at. */
  #erasing: Set<Segment> | undefined;
  #bytes = 0;

  constructor(options: SegmentQueueOptions) {
    this.#options = options;
  }

  /** Number of unsettled records. */
  get pending(): number {
    let pending = 0;
    for (const segment of this.segments) pending += segment.records - segment.settled;
    return pending;
  }

  /** Bytes of its segments on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The ordinal of the oldest unsettled record; `undefined` if all are settled. */
  get oldestUnsettled(): number | undefined {
    return this.segments.find(({ records, settled }) => settled < records)?.position.ordinal;
  }

  add(segment: Segment): void {
    this.segments.push(segment);
    this.#bytes += bytesOnDisk(segment);
  }

  /** Counts bytes that were appended to the file of the last segment. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Whether the segment has not been read at all. */
  isUnread(segment: Segment): boolean {
    return !segment.isRead && this.#reader?.segment !== segment;
  }

  /** Replaces an unread segment in memory by a file. */
  replace(old: Segment, replacement: Segment): void {
    this.segments[this.segments.indexOf(old)] = replacement;
    if (this.#erasing?.has(old) === true) this.#erasing.add(replacement);
    this.#bytes += bytesOnDisk(replacement);
    this.#options.events.moved(old, replacement);
  }

  /**
   * Reads the next records, up to `maxRecords` and about `maxBytes`; resolves to `undefined` if there are none now.
   *
   * Allows one call at a time. Rejects with the error of the file system.
   */
  async read(maxRecords: number, maxBytes: number): Promise<SpoolBatch | undefined> {
    // All records of a batch may have been dropped.
    for (const each of this.#unsettled) if (each.isSettled) this.#unsettled.delete(each);
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
    const reader = this.#reader;
    try {
      await reader?.fill();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#options.onMissing?.();
      // A segment that was meanwhile dropped, or left to another process, need not be read.
      if (reader === this.#reader) throw error;
    }
  }

  /** Gives up the unreadable rest of the current segment, which then counts as damaged. */
  giveUpReading(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    reader.segment.seal();
    this.#atEnd(reader);
  }

  /** Deletes a segment; its unsettled records are lost. */
  drop(segment: Segment, reason: LossReason): void {
    const lost = segment.records - segment.settled;
    this.leave(segment);
    if (lost > 0) this.#options.events.lost(reason, lost, this.#options.isOwn);
  }

  /** Removes a segment whose file another process has and will send. */
  leave(segment: Segment): void {
    segment.settled = segment.records;
    this.#remove(segment);
    for (const batch of this.#unsettled) batch.discard(segment);
  }

  /**
   * Erases records in the segments that exist at the call, one after the other; what is appended meanwhile stays.
   * Nothing may be read or sent meanwhile, and batches that were read before become invalid.
   *
   * @param counts Gets the number of erased records.
   * @throws The error of a segment that could not be written, after all others are done.
   */
  async erase(matcher: RecordMatcher, counts: ErasedCounts): Promise<void> {
    const settled = this.#rewind();
    const failures: unknown[] = [];
    this.#erasing = new Set(this.segments);
    for (const segment of this.#erasing) {
      if (segment.isRemoved || !this.segments.includes(segment)) continue;
      try {
        this.#eraseIn(segment, matcher, settled.get(segment) ?? new Map<number, Set<number>>(), counts);
      } catch (error) {
        failures.push(error);
      }
      await new Promise<void>((resolve) => void nextTurn(resolve));
    }
    this.#erasing = undefined;
    this.sweep();
    if (failures.length > 0) throw failures[0];
  }

  #eraseIn(
    segment: Segment,
    matcher: RecordMatcher,
    settled: ReadonlyMap<number, ReadonlySet<number>>,
    total: ErasedCounts,
  ): void {
    const counts: ErasedCounts = new Map();
    const before = segment.bytes;
    const frames = eraseFrames(segment.readAll(), segment, matcher, settled, counts);
    if (frames === undefined) return;
    segment.rewrite(frames);
    if (segment.directory !== undefined) this.#bytes -= before - segment.bytes;
    this.#options.events.shrunk?.(before - segment.bytes);
    for (const [sessionId, count] of counts) total.set(sessionId, (total.get(sessionId) ?? 0) + count);
    if (segment.records === 0) this.#remove(segment);
  }

  /**
   * Restarts reading with what is not settled. Returns records that are settled although earlier ones are not, by
   * segment and offset of the frame.
   */
  #rewind(): Map<Segment, Map<number, Set<number>>> {
    const settled = new Map<Segment, Map<number, Set<number>>>();
    for (const batch of this.#unsettled) batch.noteSettledIn(settled);
    this.#unsettled.clear();
    this.#reader = undefined;
    this.#rest = undefined;
    for (const segment of this.segments) segment.isRead = false;
    return settled;
  }

  #step(batch: SpoolBatch, maxRecords: number): 'taken' | 'read' | 'end' {
    if (this.#rest !== undefined) {
      this.#take(batch, this.#rest, maxRecords);
      return 'taken';
    }
    const segment = this.segments.find(({ isRead }) => !isRead);
    if (segment === undefined) return 'end';
    if (this.#reader?.segment !== segment) this.#reader = new SegmentReader(segment);
    const frame = this.#reader.next();
    if (frame === 'read') return 'read';
    if (frame === 'end') return this.#atEnd(this.#reader) ? 'taken' : 'end';
    if (frame.lost > 0) this.#countLost(segment, 'damaged', frame.lost);
    if (frame.count > 0) this.#takeFrame(batch, segment, frame, maxRecords);
    return 'taken';
  }

  #takeFrame(batch: SpoolBatch, segment: Segment, frame: PlacedFrame, maxRecords: number): void {
    const { position } = segment;
    const from = frame.offset === position.offset ? position.skip : 0;
    try {
      const decoded = decodeFrame(frame.payload, frame.count, this.#options.origins);
      if (decoded.writtenMillis < this.#options.expiredBefore()) {
        this.#countLost(segment, 'expired', frame.count - from);
        return;
      }
      this.#take(batch, { segment, frame, decoded, from }, maxRecords);
    } catch {
      // The checksum missed this damage. It is not of another version, because such directories are not adopted.
      this.#countLost(segment, 'damaged', frame.count - from);
    }
  }

  #take(batch: SpoolBatch, rest: Rest, maxRecords: number): void {
    const { segment, frame, decoded, from } = rest;
    const count = Math.min(frame.count - from, maxRecords - batch.length);
    const isFrameEnd = from + count === frame.count;
    const { offset, endOffset } = frame;
    batch.add(
      {
        segment,
        offset,
        endOffset,
        skip: from,
        count,
        ordinal: frame.ordinal + from,
        isFrameEnd,
        writtenMillis: decoded.writtenMillis,
      },
      decoded.records,
      decoded.sessions,
    );
    this.#rest = isFrameEnd ? undefined : { ...rest, from: from + count };
  }

  /** Ends reading a segment; returns whether the next segment may be read. */
  #atEnd(reader: SegmentReader): boolean {
    const { segment } = reader;
    const lost = segment.nextOrdinal - reader.nextOrdinal;
    if (lost > 0) {
      reader.passOver(segment.nextOrdinal);
      this.#countLost(segment, 'damaged', lost);
    }
    if (!segment.isSealed) return false;
    segment.isRead = true;
    this.#reader = undefined;
    this.sweep();
    return true;
  }

  #countLost(segment: Segment, reason: LossReason, count: number): void {
    segment.settled += count;
    this.#options.events.lost(reason, count, this.#options.isOwn);
  }

  #settled(batch: SpoolBatch, from: number, to: number, settlement: Settlement): void {
    this.#options.events.settled(batch, from, to, settlement, this.#options.isOwn);
    if (batch.isSettled) this.#unsettled.delete(batch);
    this.sweep();
  }

  /** Removes sealed and settled segments at the front. */
  sweep(): void {
    for (;;) {
      const segment = this.segments[0];
      if (segment === undefined || !segment.isSealed || segment.settled < segment.records) return;
      this.#remove(segment);
    }
  }

  #remove(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index === -1) return;
    this.segments.splice(index, 1);
    if (this.#reader?.segment === segment) this.#reader = undefined;
    if (this.#rest?.segment === segment) this.#rest = undefined;
    this.#bytes -= bytesOnDisk(segment);
    segment.remove();
    this.#options.events.removed(segment);
  }
}

function bytesOnDisk(segment: Segment): number {
  return segment.directory === undefined ? 0 : segment.bytes;
}
