import type { ReadableLogRecord } from '../../otel/log-record.ts';
import type { SessionMark } from './codec/record-format.ts';
import type { Segment, SegmentPosition } from './segment.ts';

/** What became of records that left the spool. */
export type Outcome = 'delivered' | 'rejected' | 'expired';

/** Told when records of a batch are done with. */
export type OnSettled = (batch: SpoolBatch, from: number, to: number, outcome: Outcome) => void;

/** Records of a batch that come from one entry. */
export interface Piece {
  readonly segment: Segment;
  /** Where the entry begins and ends. */
  readonly offset: number;
  readonly endOffset: number;
  /** Records of the entry in front of the piece. */
  readonly skip: number;
  readonly count: number;
  /** Number of the piece's first record. */
  readonly ordinal: number;
  /** The piece ends with its entry. */
  readonly isEntryEnd: boolean;
  /** When its entry was written. */
  readonly writtenMillis: number;
}

/** Records read from the spool, on their way to the exporter. They are settled in order, whole or in part. */
export class SpoolBatch {
  records: ReadableLogRecord[] = [];
  sessions: (SessionMark | undefined)[] = [];
  /** Bytes in the spool. */
  bytes = 0;
  readonly #onSettled: OnSettled;
  #pieces: Piece[] = [];
  /** Of the records behind the noted ones, by place: settled already. */
  #isSettled: boolean[] = [];
  /** Records at the front that are noted in their segments. */
  #noted = 0;
  #noteAt = 0;
  #notedInPiece = 0;

  constructor(onSettled: OnSettled) {
    this.#onSettled = onSettled;
  }

  get length(): number {
    return this.records.length;
  }

  get isSettled(): boolean {
    return this.#noted === this.records.length;
  }

  add(piece: Piece, records: ReadableLogRecord[], sessions: (SessionMark | undefined)[]): void {
    this.#pieces.push(piece);
    const end = piece.skip + piece.count;
    if (this.length === 0 && piece.count === records.length) {
      // Nearly always an entry is a batch: its arrays are taken as they are.
      this.records = records;
      this.sessions = sessions;
    } else {
      this.records = this.records.concat(records.slice(piece.skip, end));
      this.sessions = this.sessions.concat(sessions.slice(piece.skip, end));
    }
    this.bytes += Math.ceil(((piece.endOffset - piece.offset) * piece.count) / records.length);
  }

  /** While an export with its records is under way, no bound may drop their segments. */
  hold(): void {
    for (const { segment } of this.#pieces) segment.inFlight += 1;
  }

  release(): void {
    for (const { segment } of this.#pieces) segment.inFlight -= 1;
  }

  /** Calls back with each segment and the records of it in the range, in order. */
  eachSegment(from: number, to: number, visit: (segment: Segment, from: number, to: number) => void): void {
    let start = 0;
    for (const { segment, count } of this.#pieces) {
      const end = start + count;
      if (end > from && start < to) visit(segment, Math.max(start, from), Math.min(end, to));
      start = end;
    }
  }

  has(segment: Segment): boolean {
    return this.#pieces.some((piece) => piece.segment === segment);
  }

  /** Runs of records that are not settled, in order. */
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

  /** How many of the first records were written before a time. */
  olderThan(millis: number): number {
    let count = 0;
    for (const piece of this.#pieces) {
      if (piece.writtenMillis >= millis) break;
      count += piece.count;
    }
    return count;
  }

  /** A bound dropped the segment: its records leave the batch, those behind them move up. Not while it is held. */
  discard(segment: Segment): void {
    if (!this.has(segment)) return;
    const { records, sessions } = this;
    const pieces = this.#pieces;
    const isSettled = this.#isSettled;
    const noted = this.#noted;
    [this.records, this.sessions, this.#pieces, this.#isSettled] = [[], [], [], []];
    let at = 0;
    for (const piece of pieces) {
      const end = at + piece.count;
      if (piece.segment !== segment) {
        this.#pieces.push(piece);
        this.records.push(...records.slice(at, end));
        this.sessions.push(...sessions.slice(at, end));
        for (let i = at; i < end; i += 1) this.#isSettled.push(i < noted || isSettled[i] === true);
      }
      at = end;
    }
    this.#recount();
  }

  /** Notes nothing again: what was noted before is found by its flags. */
  #recount(): void {
    this.#noted = 0;
    this.#noteAt = 0;
    this.#notedInPiece = 0;
    for (const piece of this.#pieces) {
      while (this.#notedInPiece < piece.count && this.#isSettled[this.#noted] === true) {
        this.#noted += 1;
        this.#notedInPiece += 1;
      }
      if (this.#notedInPiece < piece.count) return;
      this.#noteAt += 1;
      this.#notedInPiece = 0;
    }
  }

  /** The records at `from` up to `to` are done with. Noted in the segments as far as everything before them is. */
  settle(from: number, to: number, outcome: Outcome): void {
    if (from === this.#noted) this.#note(to - from);
    else for (let i = from; i < to; i += 1) this.#isSettled[i] = true;
    while (this.#isSettled[this.#noted] === true) this.#note(1);
    this.#onSettled(this, from, to, outcome);
  }

  /** So many more records at the front are settled. */
  #note(count: number): void {
    let left = count;
    while (left > 0) {
      const piece = this.#pieces[this.#noteAt] as Piece;
      const step = Math.min(left, piece.count - this.#notedInPiece);
      left -= step;
      this.#noted += step;
      this.#notedInPiece += step;
      piece.segment.acknowledge(this.#positionIn(piece), step);
      if (this.#notedInPiece < piece.count) return;
      this.#noteAt += 1;
      this.#notedInPiece = 0;
    }
  }

  #positionIn(piece: Piece): SegmentPosition {
    const ordinal = piece.ordinal + this.#notedInPiece;
    if (piece.isEntryEnd && this.#notedInPiece === piece.count) return { offset: piece.endOffset, skip: 0, ordinal };
    return { offset: piece.offset, skip: piece.skip + this.#notedInPiece, ordinal };
  }
}
