import type { ReadableLogRecord } from '../../otel/log-record.ts';
import type { SessionEntry } from './codec/frame-format.ts';
import type { Segment, SegmentPosition } from './segment.ts';

/** How records left the spool. */
export type Settlement = 'delivered' | 'rejected' | 'expired';

/** Called when records of a batch are settled. */
export type OnSettled = (batch: SpoolBatch, from: number, to: number, settlement: Settlement) => void;

/** The records of a batch that come from one frame. */
export interface FrameSlice {
  readonly segment: Segment;
  /** Start and end of the frame in the segment. */
  readonly offset: number;
  readonly endOffset: number;
  /** Number of records of the frame before the slice. */
  readonly skip: number;
  readonly count: number;
  /** Ordinal of the slice's first record. */
  readonly ordinal: number;
  /** Whether the slice reaches the end of its frame. */
  readonly isFrameEnd: boolean;
  /** When the frame was written, in milliseconds since the epoch. */
  readonly writtenMillis: number;
}

/** Records read from the spool, on their way to the exporter. They are settled as a whole or in parts. */
export class SpoolBatch {
  records: ReadableLogRecord[] = [];
  sessions: (SessionEntry | undefined)[] = [];
  /** Bytes in the spool. */
  bytes = 0;
  readonly #onSettled: OnSettled;
  readonly #slices: FrameSlice[] = [];
  /** By index, whether a record after the noted ones is already settled. */
  readonly #isSettled: boolean[] = [];
  /** By index, whether a record was sent but not answered. */
  readonly #isUnanswered: boolean[] = [];
  /** Number of records at the front that are noted as settled in their segments. */
  #noted = 0;
  #noteAt = 0;
  #notedInSlice = 0;

  constructor(onSettled: OnSettled) {
    this.#onSettled = onSettled;
  }

  get length(): number {
    return this.records.length;
  }

  get isSettled(): boolean {
    return this.#noted === this.records.length;
  }

  add(slice: FrameSlice, records: ReadableLogRecord[], sessions: (SessionEntry | undefined)[]): void {
    this.#slices.push(slice);
    const end = slice.skip + slice.count;
    if (this.length === 0 && slice.count === records.length) {
      // A batch is nearly always one frame: use its arrays as they are.
      this.records = records;
      this.sessions = sessions;
    } else {
      this.records = this.records.concat(records.slice(slice.skip, end));
      this.sessions = this.sessions.concat(sessions.slice(slice.skip, end));
    }
    this.bytes += Math.ceil(((slice.endOffset - slice.offset) * slice.count) / records.length);
  }

  /** Keeps limits from dropping the segments of these records during an export. */
  hold(): void {
    for (const { segment } of this.#slices) segment.inFlight += 1;
  }

  release(): void {
    for (const { segment } of this.#slices) segment.inFlight -= 1;
  }

  /** Calls `visit` with each segment, and the range of its records within the given range, in order. */
  eachSegment(from: number, to: number, visit: (segment: Segment, from: number, to: number) => void): void {
    let start = 0;
    for (const { segment, count } of this.#slices) {
      const end = start + count;
      if (end > from && start < to) visit(segment, Math.max(start, from), Math.min(end, to));
      start = end;
    }
  }

  /** The ranges of unsettled records, in order. */
  unsettled(): { readonly from: number; readonly to: number }[] {
    const runs: { from: number; to: number }[] = [];
    if (this.#isSettled.length <= this.#noted && this.#noted < this.length) {
      return [{ from: this.#noted, to: this.length }];
    }
    for (let i = this.#noted; i < this.length; i += 1) {
      if (this.#isSettled[i] === true) continue;
      const last = runs.at(-1);
      if (last?.to === i) last.to = i + 1;
      else runs.push({ from: i, to: i + 1 });
    }
    return runs;
  }

  /** Notes that these records were sent but not answered, so that the collector may have them. */
  noteUnanswered(from: number, to: number): void {
    for (let i = from; i < to; i += 1) this.#isUnanswered[i] = true;
  }

  /** The unsettled records that the collector may have anyway. */
  unanswered(): number[] {
    return this.unsettled().flatMap(({ from, to }) => {
      const found: number[] = [];
      for (let i = from; i < to; i += 1) if (this.#isUnanswered[i] === true) found.push(i);
      return found;
    });
  }

  /** Adds records that are settled although earlier ones are not, by segment, offset of the frame and place in it. */
  noteSettledIn(settled: Map<Segment, Map<number, Set<number>>>): void {
    let start = 0;
    for (const { segment, offset, skip, count } of this.#slices) {
      for (let i = Math.max(start, this.#noted); i < start + count; i += 1) {
        if (this.#isSettled[i] !== true) continue;
        const frames = settled.get(segment) ?? new Map<number, Set<number>>();
        settled.set(segment, frames);
        frames.set(offset, (frames.get(offset) ?? new Set<number>()).add(skip + i - start));
      }
      start += count;
    }
  }

  /** Number of records at the front that were written before a time. */
  olderThan(millis: number): number {
    let count = 0;
    for (const slice of this.#slices) {
      if (slice.writtenMillis >= millis) break;
      count += slice.count;
    }
    return count;
  }

  /**
   * Drops the records of a segment that a limit dropped, so that they are not sent. Do not call it while the batch is
   * held.
   */
  discard(segment: Segment): void {
    this.eachSegment(0, this.length, (each, from, to) => {
      if (each === segment) this.#mark(from, to);
    });
    this.#noteFront();
  }

  /**
   * Settles the records from `from` up to, but not including, `to`. They are noted in their segments once everything
   * before them is.
   */
  settle(from: number, to: number, settlement: Settlement): void {
    if (from === this.#noted) this.#note(to - from);
    else this.#mark(from, to);
    this.#noteFront();
    this.#onSettled(this, from, to, settlement);
  }

  #mark(from: number, to: number): void {
    for (let i = from; i < to; i += 1) this.#isSettled[i] = true;
  }

  #noteFront(): void {
    let end = this.#noted;
    while (this.#isSettled[end] === true) end += 1;
    this.#note(end - this.#noted);
  }

  /** Notes `count` more records at the front as settled. */
  #note(count: number): void {
    let left = count;
    while (left > 0) {
      const slice = this.#slices[this.#noteAt] as FrameSlice;
      const step = Math.min(left, slice.count - this.#notedInSlice);
      left -= step;
      this.#noted += step;
      this.#notedInSlice += step;
      if (!slice.segment.isRemoved) slice.segment.acknowledge(this.#positionIn(slice), step);
      if (this.#notedInSlice < slice.count) return;
      this.#noteAt += 1;
      this.#notedInSlice = 0;
    }
  }

  #positionIn(slice: FrameSlice): SegmentPosition {
    const ordinal = slice.ordinal + this.#notedInSlice;
    if (slice.isFrameEnd && this.#notedInSlice === slice.count) return { offset: slice.endOffset, skip: 0, ordinal };
    return { offset: slice.offset, skip: slice.skip + this.#notedInSlice, ordinal };
  }
}
