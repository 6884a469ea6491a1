import { afterEntry, startBy } from '../../entry/answer-state.ts';
import type { OpenAnswer } from '../../entry/answer-state.ts';
import { isChat } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { idPart, idParts } from '../entry-id.ts';
import type { OpenOptions } from '../session-store.ts';
import { AnswerSpans } from './answer-spans.ts';
import type { AnswerSpan } from './answer-spans.ts';
import type { Evictable } from './eviction.ts';
import { NO_PLACE } from './entry-chunk.ts';
import type { EntryLog, LogOwner } from './entry-log.ts';
import { entryBytes } from './kept-entry.ts';
import { WaitList } from './wait-list.ts';

/** A reader's position in a session's log. */
export interface Position {
  /** The position of the next entry to read. */
  next: number;
  /** The place of the entry before it, from which the next one is found; `NO_PLACE` if unknown. */
  place: number;
}

/** Every 128th entry is marked, so that at most this many links are followed to find one. */
const MARK_SHIFT = 7;
const MARK_MASK = (1 << MARK_SHIFT) - 1;

/** Where a cursor starts. */
export interface CursorStart {
  readonly next: number;
  /** The cursor has passed end marks up to this position. */
  readonly passedEnd: number;
  /** `-1` if an unknown number of entries after the requested position are gone. */
  readonly missed: number;
  /** A finished answer whose rest is left out. */
  readonly skipped: AnswerSpan | undefined;
}

/**
 * One session's log in memory: the chain of its entries in the log over all sessions, its end marks and its answers.
 *
 * An entry's position counts from the session's first entry, whatever was dropped since. Positions never repeat.
 *
 * It is the list of cursors that wait on it, rather than having one: one object less means one cache miss less.
 */
export class MemorySession extends WaitList implements Evictable, LogOwner {
  // First what an append touches, because its cost depends on the memory that it touches.
  readonly #log: EntryLog<MemorySession>;
  /** Positions of the next entry and of the oldest entry held. */
  next = 0;
  first = 0;
  #tail = NO_PLACE;
  bytes = 0;
  lastUsed = 0;
  lastUsedMillis = 0;
  openAnswer: OpenAnswer = 0;
  /**
   * The latest of `#ends`, `-1` for none; kept here because every append needs it, and the list is a cache line away.
   */
  #endedAt = -1;
  /** Positions before which a life ended. Of those before the oldest entry held, only the latest is kept. */
  #ends: number[] | undefined = undefined;
  #head = NO_PLACE;
  /** Places of the held entries at positions 128, 256, ..., and how many such entries before them are gone. */
  #marks: number[] | undefined = undefined;
  #marksGone = 0;
  readonly id: string;
  /** Its number among the sessions of the log. */
  readonly #number: number;
  /** The beginning of its entries' ids, unique among all sessions ever, so that no id opens another session. */
  readonly #idHead: string;
  rankedAt = 0;
  rankedMillis = 0;
  heapIndex = 0;
  order: object | undefined = undefined;
  /** `held`, or what happened to the session. */
  fate: 'held' | 'evicted' | 'deleted' = 'held';
  readers = 0;
  /** Position of the furthest entry that an unread reader got, `-1` for none, and its stream id. */
  unread = -1;
  unreadStreamId: string | undefined = undefined;
  /** The shared position of claiming cursors. */
  work: Position | undefined = undefined;
  /** Whether an unread or a claiming reader has learned that the session ended before it had an entry. */
  isEmptyEndRead = false;
  isEmptyEndClaimed = false;
  #answers: AnswerSpans | undefined = undefined;

  constructor(log: EntryLog<MemorySession>, id: string, idHead: string) {
    super();
    this.#log = log;
    this.id = id;
    this.#number = log.join(this);
    this.#idHead = idHead;
  }

  /** Number of entries held. */
  get length(): number {
    return this.next - this.first;
  }

  push(message: string, detail: EntryDetail | undefined, timestamp: number): void {
    const position = this.next;
    const place = this.#log.push(message, timestamp, detail, this.#number, position);
    if (position === this.first) this.#head = place;
    else this.#log.link(this.#tail, place);
    this.#tail = place;
    if ((position & MARK_MASK) === 0 && position > 0) (this.#marks ??= []).push(place);
    this.next = position + 1;
  }

  /** The place of the held entry at the position. */
  placeOf(position: number): number {
    if (position === this.next - 1) return this.#tail;
    let at = position & ~MARK_MASK;
    let place = this.#marks?.[(at >> MARK_SHIFT) - 1 - this.#marksGone];
    if (place === undefined) {
      at = this.first;
      place = this.#head;
    }
    for (; at < position; at += 1) place = this.#log.next(place);
    return place;
  }

  /** The place of the held entry that is read next. */
  placeAfter(at: Position): number {
    if (at.next === this.first) return this.#head;
    if (at.place === NO_PLACE || at.next === this.next - 1) return this.placeOf(at.next);
    return this.#log.next(at.place);
  }

  /** The id of the entry at the position. */
  idAt(position: number): string {
    return this.#idHead + idPart(`${position}`);
  }

  /** The position of an entry in the log, from its low 32 bits. */
  positionBy(bits: number): number {
    return this.next - ((this.next - bits) >>> 0);
  }

  /** The position for the id; `undefined` if it is of another session, or of none. */
  positionOf(id: string): number | undefined {
    const parts = id.startsWith(this.#idHead) ? idParts(id.slice(this.#idHead.length)) : undefined;
    const position = parts?.length === 1 ? Number(parts[0]) : Infinity;
    return position < this.next ? position : undefined;
  }

  /** Notes what the entry that will be pushed at `next` means for the session's answers. */
  noteDetail(detail: EntryDetail): void {
    if (!isChat(detail)) return;
    const { kind } = detail;
    // Decided here, once: later questions are answered from the spans.
    if (kind === 'stream-end' || (kind === 'stream-start' && startBy(this.openAnswer, detail) !== 'goes-on')) {
      this.#answers ??= new AnswerSpans();
      this.#answers.note(this.next, detail);
    }
    this.openAnswer = afterEntry(this.openAnswer, detail);
  }

  /** Drops the oldest entry and returns its bytes. */
  drop(): number {
    const log = this.#log;
    const place = this.#head;
    const freed = entryBytes(log.textLength(place), log.detail(place));
    this.#head = log.next(place);
    log.free(place);
    this.bytes -= freed;
    if ((this.first & MARK_MASK) === 0 && this.first > 0) {
      this.#marks?.shift();
      this.#marksGone += 1;
    }
    this.first += 1;
    this.#answers?.trim(this.first, this.length);
    const ends = this.#ends;
    if (ends !== undefined && ends.length > 1 && (ends[1] as number) <= this.first) {
      ends.splice(
        0,
        ends.findLastIndex((end) => end <= this.first),
      );
    }
    return freed;
  }

  /** Drops its content, because unused cursors may refer to it for long. */
  forget(fate: 'evicted' | 'deleted'): void {
    this.fate = fate;
    this.#log.freeChain(this.#number, this.#head, this.length, fate === 'deleted');
    this.#marks = undefined;
    this.#ends = undefined;
    this.#answers = undefined;
  }

  /** Whether nothing was logged since the last end mark. */
  get isEnded(): boolean {
    return this.#endedAt === this.next;
  }

  /** Sets the end mark of the current life. */
  end(): void {
    this.#endedAt = this.next;
    (this.#ends ??= []).push(this.next);
    this.#answers?.closeAll(this.next - 1);
    this.openAnswer = 0;
  }

  /** The earliest end mark after `passed` and at or before `position`, else `-1`. */
  endBetween(passed: number, position: number): number {
    const ends = this.#ends;
    if (ends === undefined) return -1;
    // Binary search: a session may have had thousands of short lives.
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] as number) > passed) high = middle;
      else low = middle + 1;
    }
    const end = ends[low];
    return end !== undefined && end <= position ? end : -1;
  }

  /** Position of the current life's first entry, held or not. */
  #lifeStart(): number {
    return this.#ends?.findLast((end) => end < this.next) ?? 0;
  }

  /** The state of the answer that the entry at the position belongs to. */
  streamState(position: number): 'running' | 'finished' | 'none' {
    if (this.#answers === undefined) return 'none';
    return this.#answers.stateAt(position, this.#detailOf(position)?.streamId);
  }

  /** The state of the latest answer of the current life. */
  get answerState(): 'running' | 'finished' | 'none' {
    const latest = this.#answers?.latestSince(this.#lifeStart());
    if (latest === undefined) return 'none';
    return latest.end === Infinity ? 'running' : 'finished';
  }

  #detailOf(position: number): EntryDetail | undefined {
    if (position < this.first || position >= this.next) return undefined;
    return this.#log.detail(this.placeOf(position));
  }

  /** Where a cursor starts, even if that is evicted: its first step counts what is gone from there on. */
  startOf({ from, counts }: OpenOptions): CursorStart {
    if (typeof from === 'object' && 'after' in from) {
      const position = this.positionOf(from.after);
      if (position !== undefined) return { next: position + 1, passedEnd: position, missed: 0, skipped: undefined };
      return { next: this.first, passedEnd: this.#passedBefore(this.first), missed: -1, skipped: undefined };
    }
    const last = typeof from === 'object' ? from.last : undefined;
    if (from === 'now' || last === 0) {
      // A cursor for new entries has already passed the end of a session that never had an entry.
      const passedEnd = this.next === 0 ? 0 : this.next - 1;
      return { next: this.next, passedEnd, missed: 0, skipped: undefined };
    }
    if (from === 'unread' && this.unread !== -1) return this.#afterUnread();
    const lifeStart = this.#lifeStart();
    let next: number | undefined;
    if (from === 'stream') next = this.#answers?.latestSince(lifeStart)?.start;
    else if (last !== undefined) next = this.#startOfLast(last, Math.max(lifeStart, this.first), counts);
    next ??= lifeStart;
    const isRead = from === 'unread' && this.isEmptyEndRead;
    return { next, passedEnd: isRead ? next : this.#passedBefore(next), missed: 0, skipped: undefined };
  }

  /** Position of the oldest of the `last` newest entries that count; `undefined` if fewer do from `oldest` on. */
  #startOfLast(last: number, oldest: number, counts: OpenOptions['counts']): number | undefined {
    let wanted = last;
    // Goes backwards from mark to mark, because the chain leads only forwards, and looks at no more than needed.
    for (let end = this.next; end > oldest;) {
      const start = Math.max(oldest, (end - 1) & ~MARK_MASK);
      const counted: number[] = [];
      let place = this.placeOf(start);
      for (let position = start; position < end; position += 1) {
        if (counts === undefined || counts(this.#log.detail(place))) counted.push(position);
        place = this.#log.next(place);
      }
      if (counted.length >= wanted) return counted[counted.length - wanted];
      wanted -= counted.length;
      end = start;
    }
    return undefined;
  }

  /**
   * The end marks that a cursor starting here has passed. The only one of a session without entries comes before it.
   */
  #passedBefore(start: number): number {
    return this.next === 0 ? -1 : start;
  }

  /** The end marks that a new claim has passed: those before the shared position and before the oldest entry. */
  passedByWork(): number {
    return Math.max((this.work?.next ?? 0) - 1, this.first - 1, this.isEmptyEndClaimed ? 0 : -1);
  }

  #afterUnread(): CursorStart {
    const span = this.#answers?.at(this.unread, this.unreadStreamId);
    const skipped = span !== undefined && span.end !== Infinity ? span : undefined;
    return { next: this.unread + 1, passedEnd: this.unread, missed: 0, skipped };
  }
}
