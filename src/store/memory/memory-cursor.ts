import { isChat } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { ownText } from '../../support/own-text.ts';
import type { SessionCursor, Step, Waiter } from '../session-store.ts';
import type { AnswerSpan } from './answer-spans.ts';
import { NO_PLACE } from './entry-chunk.ts';
import type { Entry } from './entry-chunk.ts';
import type { EntryLog } from './entry-log.ts';
import type { CursorStart, MemorySession, Position } from './memory-session.ts';
import type { WaitList, WaitNode } from './wait-list.ts';

/** The parts of a store that a cursor needs. */
export interface MemoryCursorHost {
  readonly isClosed: boolean;
  readonly log: EntryLog<MemorySession>;
  find(sessionId: string): MemorySession | undefined;
  /** The list of cursors that wait for a session to begin. */
  waitListOf(sessionId: string): WaitList;
  /** Call it when a cursor leaves: forgets its list if that is empty. */
  stoppedWaiting(sessionId: string): void;
  /** Returns `true`, or which limit of readers is reached. */
  admitReader(sessionId: string, isForClient: boolean): true | string;
  dismissReader(sessionId: string): void;
  /** Adds a reader to the session, which protects it from eviction. */
  shield(session: MemorySession): void;
  unshield(session: MemorySession): void;
}

/** Why a cursor ends, for good or at its next step, other than by the log itself. */
type Notice = 'none' | 'end' | 'deleted';

/**
 * A cursor over a session in memory. It is its own position, unless it claims: then it shares the session's position
 * with other claiming cursors.
 */
export class MemoryCursor implements SessionCursor, Entry, Position, WaitNode {
  // The entry that it stands on.
  message = '';
  timestamp = 0;
  detail: EntryDetail | undefined = undefined;

  missed = 0;

  // Position
  next = 0;
  place: number = NO_PLACE;

  // WaitNode
  waiter: Waiter | undefined = undefined;
  list: WaitList | undefined = undefined;
  previous: WaitNode | undefined = undefined;
  following: WaitNode | undefined = undefined;

  readonly #host: MemoryCursorHost;
  readonly sessionId: string;
  readonly #isClaiming: boolean;
  readonly #movesUnread: boolean;
  #session: MemorySession | undefined;
  #passedEnd = -1;
  #skipped: AnswerSpan | undefined = undefined;
  /** A bounded cursor stops before this position; `undefined` if it is not bounded. */
  #stopBefore: number | undefined = undefined;
  #notice: Notice = 'none';
  #isCounted = false;
  #standsOn = -1;
  #lastDelivered = -1;
  #lastId: string | undefined = undefined;

  constructor(
    host: MemoryCursorHost,
    sessionId: string,
    session: MemorySession | undefined,
    start: CursorStart | undefined,
    mode: { readonly isBounded: boolean; readonly movesUnread: boolean; readonly isClaiming: boolean },
  ) {
    this.#host = host;
    this.sessionId = session?.id ?? ownText(sessionId);
    this.#isClaiming = mode.isClaiming;
    this.#movesUnread = mode.movesUnread;
    this.#session = session;
    if (mode.isBounded) this.#stopBefore = session?.next ?? 0;
    if (start !== undefined) {
      this.next = start.next;
      this.#passedEnd = start.passedEnd;
      this.#skipped = start.skipped;
      this.missed = start.missed;
    }
  }

  get id(): string {
    return this.#session === undefined ? '' : this.#session.idAt(this.#standsOn);
  }

  get lastId(): string | undefined {
    if (this.#lastDelivered === -1 || this.#session === undefined) return this.#lastId;
    return this.#session.idAt(this.#lastDelivered);
  }

  step(): Step {
    const session = this.#bound();
    if (session === undefined) return this.#stepWithoutSession();
    const at = this.#isClaiming ? (session.work as Position) : this;
    for (;;) {
      if (at.next < session.first) this.#skipEvicted(session, at);
      const position = at.next;
      const end = session.endBetween(this.#passedEnd, position);
      if (end !== -1) {
        this.#passedEnd = end;
        return end === 0 ? this.#passEmptyEnd(session) : 'end';
      }
      if (this.#stopBefore !== undefined && position >= this.#stopBefore) return 'caught-up';
      if (position === session.next) return this.#stepAtHead(session);
      const place = session.placeAfter(at);
      at.next = position + 1;
      at.place = place;
      const { log } = this.#host;
      if (this.#skipped !== undefined && this.#leavesOut(position, log.detail(place))) continue;
      log.read(place, this);
      this.#standsOn = position;
      return 'entry';
    }
  }

  delivered(): void {
    const position = this.#standsOn;
    this.#lastDelivered = position;
    if (this.#movesUnread && this.#session !== undefined && position > this.#session.unread) {
      this.#session.unread = position;
      this.#session.unreadStreamId = this.detail?.streamId;
    }
    // The message may be a slice of its page's text, which a waiting reader must not keep alive.
    this.message = '';
  }

  wait(waiter: Waiter): void {
    this.waiter = waiter;
    if (this.list !== undefined) return;
    const session = this.#session;
    if (session === undefined) this.#host.waitListOf(this.sessionId).add(this);
    else session.add(this);
  }

  stopWaiting(): void {
    this.waiter = undefined;
    this.list?.remove(this);
    // Even if a wake-up has already removed it from the list, because that may have left the list empty.
    if (this.#session === undefined) this.#host.stoppedWaiting(this.sessionId);
  }

  enter(isForClient = false): true | string {
    if (this.#isCounted) return true;
    const admitted = this.#host.admitReader(this.sessionId, isForClient);
    if (admitted !== true) return admitted;
    this.#isCounted = true;
    const session = this.#heldSession();
    if (session !== undefined) this.#host.shield(session);
    return true;
  }

  leave(): void {
    this.stopWaiting();
    if (this.#isCounted) {
      this.#isCounted = false;
      this.#host.dismissReader(this.sessionId);
      const session = this.#heldSession();
      if (session !== undefined) this.#host.unshield(session);
    }
    this.place = NO_PLACE;
  }

  notify(notice: 'end' | 'deleted'): void {
    this.#notice = notice;
  }

  #heldSession(): MemorySession | undefined {
    return this.#session?.fate === 'held' ? this.#session : undefined;
  }

  #bound(): MemorySession | undefined {
    const session = this.#session;
    if (session !== undefined && session.fate === 'held') return session;
    if (this.#notice === 'deleted' || session?.fate === 'deleted') return undefined;
    if (session !== undefined) {
      // The session was evicted: what the cursor had not read is missed, and the id may begin again.
      this.#lastId = this.lastId;
      this.#lastDelivered = -1;
      const end = Math.min(session.next, this.#stopBefore ?? Infinity);
      if (this.missed !== -1) this.missed += Math.max(0, end - this.#positionIn(session));
      this.#session = undefined;
      if (this.#stopBefore !== undefined) this.#stopBefore = 0;
    }
    const found = this.#host.find(this.sessionId);
    if (found !== undefined) this.#bind(found);
    return found;
  }

  #positionIn(session: MemorySession): number {
    return this.#isClaiming ? (session.work as Position).next : this.next;
  }

  #bind(session: MemorySession): void {
    this.#session = session;
    this.next = 0;
    this.place = NO_PLACE;
    this.#passedEnd = -1;
    this.#skipped = undefined;
    if (this.#isClaiming) session.work ??= { next: 0, place: NO_PLACE };
    if (this.#isCounted) this.#host.shield(session);
  }

  #stepWithoutSession(): Step {
    if (this.#notice === 'deleted' || this.#session?.fate === 'deleted') return 'deleted';
    if (this.#takesEndNotice()) return 'end';
    return this.#host.isClosed ? 'closed' : 'unknown';
  }

  /** Passes a mark before the first position, set when there was no entry yet. */
  #passEmptyEnd(session: MemorySession): Step {
    if (this.#movesUnread) session.isEmptyEndRead = true;
    if (this.#isClaiming) session.isEmptyEndClaimed = true;
    return 'empty-end';
  }

  #stepAtHead(session: MemorySession): Step {
    if (this.#takesEndNotice()) return 'end';
    if (this.#host.isClosed) return 'closed';
    return session.isEnded ? 'unknown' : 'none';
  }

  #takesEndNotice(): boolean {
    if (this.#notice !== 'end') return false;
    this.#notice = 'none';
    return true;
  }

  /** Skips what was evicted, but not beyond the cursor's end: it does not miss what comes after that. */
  #skipEvicted(session: MemorySession, at: Position): void {
    const end = session.endBetween(this.#passedEnd, session.first);
    const target = Math.max(at.next, Math.min(end === -1 ? session.first : end, this.#stopBefore ?? Infinity));
    if (this.missed !== -1) this.missed += target - at.next;
    at.next = target;
    at.place = NO_PLACE;
  }

  #leavesOut(position: number, detail: EntryDetail | undefined): boolean {
    const span = this.#skipped as AnswerSpan;
    if (position > span.end) {
      this.#skipped = undefined;
      return false;
    }
    return isChat(detail) && detail?.streamId === span.streamId;
  }
}
