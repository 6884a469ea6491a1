import type { LossReason } from '../../support/loss-counters.ts';
import { OriginDecoder } from './codec/origin-codec.ts';
import { MemorySegment } from './memory-segment.ts';
import type { RecordSpool } from './record-spool.ts';
import type { SpoolEvents } from './spool-events.ts';
import { SegmentQueue } from './segment-queue.ts';
import type { Segment } from './segment.ts';

/**
 * A segment of this size gets no further frame: a frame of many records has a segment of its own, which is freed when
 * they are delivered.
 */
const SEGMENT_BYTES = 64 * 1024;

/** A spool in memory, for use without a disk: it is lost with the process. */
export class MemorySpool implements RecordSpool {
  readonly place = 'memory';
  readonly own: SegmentQueue;
  readonly adopted: undefined;
  readonly #maxBytes: number;
  readonly #events: SpoolEvents;
  #active: MemorySegment | undefined;
  #nextOrdinal = 1;
  #bytes = 0;

  /** @param maxBytes A larger frame is lost. The caller limits how many frames wait. */
  constructor(maxBytes: number, events: SpoolEvents) {
    this.#maxBytes = maxBytes;
    this.#events = events;
    const removed = (segment: Segment): void => {
      this.#bytes -= segment.bytes;
      events.removed(segment);
    };
    this.own = new SegmentQueue({
      origins: new OriginDecoder(),
      expiredBefore: () => -Infinity,
      isOwn: true,
      events: { ...events, removed, shrunk: (bytes) => (this.#bytes -= bytes) },
    });
  }

  get nextOrdinal(): number {
    return this.#nextOrdinal;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(frame: Buffer, count: number): Segment | undefined {
    const firstOrdinal = this.#nextOrdinal;
    this.#nextOrdinal += count;
    if (frame.length > this.#maxBytes) {
      this.#events.lost('too_large', count, true);
      return undefined;
    }
    const segment = this.#segmentFor(frame.length, firstOrdinal);
    segment.append(frame, count, 0);
    this.#bytes += frame.length;
    return segment;
  }

  sealWritten(): void {
    if (this.own.pending > 0) this.#seal();
  }

  /** Does nothing, because no other process needs them. */
  appendResource(): void {}

  closeIdle(): void {
    if (this.#active === undefined || this.#active.settled < this.#active.records) return;
    this.#seal();
    this.own.sweep();
  }

  /** Drops everything that waits, which is then lost. Returns the number of records. */
  dropAll(reason: LossReason): number {
    const { pending } = this.own;
    this.#active = undefined;
    for (const segment of this.own.segments.slice()) this.own.drop(segment, reason);
    return pending;
  }

  #segmentFor(length: number, firstOrdinal: number): MemorySegment {
    if (this.#active !== undefined && this.#active.bytes + length <= SEGMENT_BYTES) return this.#active;
    this.#seal();
    this.#active = new MemorySegment(firstOrdinal, 0);
    this.own.add(this.#active);
    return this.#active;
  }

  #seal(): void {
    this.#active?.seal();
    this.#active = undefined;
  }
}
