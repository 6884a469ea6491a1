// oxlint-disable max-lines -- the bounds act on one set of sessions, and each append passes all of them.
import { randomBytes } from 'node:crypto';

import { startBy } from '../../entry/answer-state.ts';
import { ABANDONED_END } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { makeEntry } from '../../entry/entry.ts';
import type { LogEntry } from '../../entry/entry.ts';
import { STREAM_END_TOKEN } from '../../entry/tokens.ts';
import { addUp, LossCounters } from '../../support/loss-counters.ts';
import { ownText, SharedTexts } from '../../support/own-text.ts';
import { startInterval, startTimer } from '../../support/timers.ts';
import { idPart } from '../entry-id.ts';
import { ReaderBounds } from '../reader-bounds.ts';
import type {
  ErasedEntries,
  OpenAllOptions,
  OpenOptions,
  SessionCursor,
  SessionStore,
  StoreStats,
  StreamState,
} from '../session-store.ts';
import { AllSessionsCursor } from './all-sessions-cursor.ts';
import type { AllSessionsHost } from './all-sessions-cursor.ts';
import { NO_PLACE } from './entry-chunk.ts';
import type { Entry } from './entry-chunk.ts';
import { EntryLog } from './entry-log.ts';
import { EvictionOrder } from './eviction.ts';
import { entryBytes, keptDetail, sessionBytes } from './kept-entry.ts';
import { MemoryCursor } from './memory-cursor.ts';
import type { MemoryCursorHost } from './memory-cursor.ts';
import { parseMemoryOptions } from './memory-options.ts';
import type { MemoryOptions, MemorySessionStoreOptions } from './memory-options.ts';
import { MemorySession } from './memory-session.ts';
import { WaitList } from './wait-list.ts';

/**
 * Appends between two looks at the clock: last use is needed only to the second, and a look costs as much as an append.
 */
const APPENDS_PER_CLOCK = 128;

/** Appends between two reclaims of the log's memory, and the rows that each reclaims. */
const APPENDS_PER_WORK = 64;
const ROWS_PER_WORK = 1_024;
/** The latest time at which texts are copied, and those of deleted sessions erased. */
const UPKEEP_MILLIS = 20;
/** The upkeep in one turn of the event loop: under half a millisecond, or under two while text has to be erased. */
const ROWS_PER_TURN = 4_096;
const ROWS_PER_ERASING_TURN = 16_384;
/** Sessions that are placed anew in the eviction order in that turn, ahead of the next search for a victim. */
const RANKED_PER_TURN = 256;

/** The place of an entry, and its order among those of all sessions. */
interface FoundEntry {
  readonly session: MemorySession;
  readonly position: number;
  readonly place: number;
  readonly order: number;
}

/** Milliseconds in base 36, of nine characters until the year 5188. */
const TIME_CHARS = 9;
/** Forty random bits in base 36. */
const RANDOM_CHARS = 8;
let lastBegan = 0;

/** A name that is unique among all stores ever, and sorts after those of earlier ones. */
function nextIncarnation(): string {
  lastBegan = Math.max(Date.now(), lastBegan + 1);
  const random = BigInt(`0x${randomBytes(5).toString('hex')}`).toString(36);
  return lastBegan.toString(36).padStart(TIME_CHARS, '0') + random.padStart(RANDOM_CHARS, '0');
}

/**
 * Holds session logs in the memory of this process, within limits in every direction.
 *
 * An entry is readable before `append` returns, which also resolves waiting readers. If more than 16 wait on one
 * session, they are resolved in the next turns of the event loop, at most once per 0.08 ms for each of them: 1,000
 * readers get the first entry after a pause at once, and then everything of 80 ms together. An id consists of the
 * store's incarnation, the session's number and the entry's position: `missed` is exact, and no id opens another
 * session or another process. Ids of a session sort as text in the order logged, across restarts too, as long as the
 * clock is not set back.
 */
export class MemorySessionStore implements SessionStore, MemoryCursorHost, AllSessionsHost {
  readonly #options: MemoryOptions;
  // The limits that each append checks.
  readonly #maxEntriesPerSession: number;
  readonly #maxBytesPerSession: number;
  readonly #maxBytes: number;
  readonly #now: () => number;
  readonly #startMillis: number;
  readonly #incarnation: string;
  /** The entries of all sessions. */
  readonly log: EntryLog<MemorySession> = new EntryLog<MemorySession>();
  readonly #sessions = new Map<string, MemorySession>();
  /** Cursors that wait for a session to begin. */
  readonly #awaited = new Map<string, WaitList>();
  /** Waiting cursors over all sessions. */
  readonly followers: WaitList = new WaitList();
  /** Sessions without a reader; those with one are in neither order. */
  readonly #idle = new EvictionOrder<MemorySession>();
  readonly #ended = new EvictionOrder<MemorySession>();
  readonly #readers: ReaderBounds;
  /** Names of answers, spans and events, for all sessions. */
  readonly #names = new SharedTexts();
  readonly #lost = new LossCounters();
  readonly #appendsPerClock: number;
  #bytes = 0;
  /** Number of entries that full sessions dropped; counted here, because a full session drops one with each append. */
  #dropped = 0;
  #sequence = 0;
  #serial = 0;
  /** Milliseconds since the store was made, as of the last look: small enough not to be a heap object. */
  #clock = 0;
  #appendsToClock = 0;
  #appendsToWork = APPENDS_PER_WORK;
  #isClosed = false;
  #sweeper: NodeJS.Timeout | undefined;
  #upkeep: NodeJS.Timeout | undefined;

  constructor(options: MemorySessionStoreOptions = {}) {
    this.#options = parseMemoryOptions(options);
    this.#readers = new ReaderBounds(this.#options);
    this.#maxEntriesPerSession = this.#options.maxEntriesPerSession;
    this.#maxBytesPerSession = this.#options.maxBytesPerSession;
    this.#maxBytes = this.#options.maxBytes;
    // Not the time of day, because a step of that must not expire anything.
    this.#now = this.#options.now ?? (() => performance.now());
    // A custom clock is read at each append: a caller that sets the time expects it to count at once.
    this.#appendsPerClock = this.#options.now === undefined ? APPENDS_PER_CLOCK : 1;
    this.#startMillis = this.#now();
    this.#incarnation = nextIncarnation();
  }

  append(sessionId: string, message: string, timestamp: number, given: EntryDetail | undefined): boolean {
    if (this.#isClosed) return this.#refuse('after_shutdown');
    if (--this.#appendsToClock <= 0) this.#lookAtClock();
    const detail = given === undefined ? undefined : keptDetail(given, this.#names);
    const bytes = entryBytes(message.length, detail);
    if (bytes > this.#maxBytesPerSession) return this.#refuse('session_full');
    const session = this.#sessions.get(sessionId) ?? this.#begin(sessionId);
    if (session === undefined) return this.#refuse('store_full');
    if (this.#isFull(session, bytes) && !this.#makeRoom(session, bytes)) return this.#refuse('session_full');
    const beginsNextLife = session.isEnded;
    if (detail !== undefined) {
      if (startBy(session.openAnswer, detail) === 'takes-place') {
        this.#abandon(session, timestamp);
        // That used the room made above.
        if (this.#isFull(session, bytes) && !this.#makeRoom(session, bytes)) return this.#refuse('session_full');
      }
      session.noteDetail(detail);
    } else if (session.openAnswer === 2) {
      session.openAnswer = 1;
    }
    this.#push(session, message, timestamp, detail, bytes);
    if (beginsNextLife) this.#place(session);
    if (this.#bytes > this.#maxBytes) this.#shrink(session);
    session.wakeAll();
    this.followers.wakeAll();
    return true;
  }

  #push(
    session: MemorySession,
    message: string,
    timestamp: number,
    detail: EntryDetail | undefined,
    bytes: number,
  ): void {
    const sequence = ++this.#sequence;
    session.push(message, detail, timestamp);
    session.bytes += bytes;
    session.lastUsed = sequence;
    session.lastUsedMillis = this.#clock;
    this.#bytes += bytes;
    if (--this.#appendsToWork === 0) this.#workMeanwhile();
    if (this.#upkeep === undefined) this.#startUpkeep(UPKEEP_MILLIS);
  }

  /** Reclaims memory even if the event loop gets no turn. */
  #workMeanwhile(): void {
    this.#appendsToWork = APPENDS_PER_WORK;
    if (this.log.isBehind) this.log.work(ROWS_PER_WORK);
  }

  #startUpkeep(millis: number): void {
    this.#upkeep = startTimer(() => this.#keepUp(), millis).unref();
  }

  /** Does, in short turns, the upkeep that appends have left. */
  #keepUp(): void {
    this.#upkeep = undefined;
    this.log.seal();
    this.log.work(this.log.hasToErase ? ROWS_PER_ERASING_TURN : ROWS_PER_TURN);
    this.#idle.rank(RANKED_PER_TURN);
    if (this.log.isBehind) this.#startUpkeep(1);
  }

  #refuse(reason: 'after_shutdown' | 'store_full' | 'session_full'): false {
    this.#lost.add(reason);
    return false;
  }

  #abandon(session: MemorySession, timestamp: number): void {
    const detail = keptDetail(ABANDONED_END, this.#names);
    session.noteDetail(detail);
    this.#push(session, STREAM_END_TOKEN, timestamp, detail, entryBytes(STREAM_END_TOKEN.length, detail));
  }

  #isFull(session: MemorySession, bytes: number): boolean {
    return session.length >= this.#maxEntriesPerSession || session.bytes + bytes > this.#maxBytesPerSession;
  }

  /** Makes room for one more entry in a full session; `false` if that is not possible. */
  #makeRoom(session: MemorySession, bytes: number): boolean {
    if (this.#options.overflow === 'drop-newest') return false;
    while (session.length > 0 && this.#isFull(session, bytes)) {
      this.#bytes -= session.drop();
      this.#dropped += 1;
    }
    return true;
  }

  #begin(sessionId: string): MemorySession | undefined {
    this.#sweep();
    if (this.#sessions.size >= this.#options.maxSessions) {
      const victim = this.#ended.leastUsed() ?? this.#idle.leastUsed();
      if (victim === undefined) return undefined;
      this.#evict(victim, 'store_full');
    }
    const idHead = this.#incarnation + idPart(`${++this.#serial}`);
    const session = new MemorySession(this.log, ownText(sessionId), idHead);
    session.lastUsed = ++this.#sequence;
    session.lastUsedMillis = this.#clock;
    const awaiting = this.#awaited.get(sessionId);
    if (awaiting !== undefined) {
      session.adopt(awaiting);
      this.#awaited.delete(sessionId);
    }
    this.#sessions.set(session.id, session);
    this.#bytes += sessionBytes(session.id);
    this.#idle.add(session);
    this.#sweeper ??= this.#startSweeper();
    return session;
  }

  /** Puts the session into the right eviction order; one with readers is in none. */
  #place(session: MemorySession): void {
    this.#idle.remove(session);
    this.#ended.remove(session);
    if (session.readers === 0 && session.fate === 'held') (session.isEnded ? this.#ended : this.#idle).add(session);
  }

  end(sessionId: string): void {
    const session = this.#sessions.get(sessionId) ?? this.#beginEmpty(sessionId);
    if (session === undefined || session.isEnded) {
      (session ?? this.#awaited.get(sessionId))?.notifyAll('end');
      return;
    }
    session.end();
    this.#touch(session);
    this.#place(session);
    session.wakeAll();
  }

  /**
   * Begins a session that ends before it has an entry. If there is no room, only another such session is evicted for
   * it.
   */
  #beginEmpty(sessionId: string): MemorySession | undefined {
    this.#sweep();
    if (this.#isClosed) return undefined;
    while (!this.#hasRoomFor(sessionId)) {
      const victim = this.#ended.leastUsed();
      if (victim === undefined || victim.length > 0) return undefined;
      this.#evict(victim, 'store_full');
    }
    return this.#begin(sessionId);
  }

  #hasRoomFor(sessionId: string): boolean {
    const { maxSessions, maxBytes } = this.#options;
    return this.#sessions.size < maxSessions && this.#bytes + sessionBytes(sessionId) <= maxBytes;
  }

  delete(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) {
      this.#awaited.get(sessionId)?.notifyAll('deleted');
      return;
    }
    this.#forget(session, 'deleted');
    this.#names.clear();
    session.notifyAll('deleted');
  }

  /** Like `delete`; the texts leave the memory within milliseconds. */
  erase(sessionId: string): Promise<ErasedEntries> {
    const entries = this.#sessions.get(sessionId)?.length ?? 0;
    this.delete(sessionId);
    return Promise.resolve({ entries });
  }

  open(sessionId: string, options: OpenOptions): SessionCursor {
    this.#sweep();
    const session = this.#sessions.get(sessionId);
    const { from, isBounded = false } = options;
    const start =
      session?.startOf(options) ??
      // The session is gone, or belongs to another process: an unknown number of entries after that id is missed.
      (typeof from === 'object' && 'after' in from
        ? { next: 0, passedEnd: -1, missed: -1, skipped: undefined }
        : undefined);
    if (session !== undefined) this.#touch(session);
    return new MemoryCursor(this, sessionId, session, start, {
      isBounded,
      movesUnread: from === 'unread',
      isClaiming: false,
    });
  }

  claim(sessionId: string): SessionCursor {
    this.#sweep();
    const session = this.#sessions.get(sessionId);
    if (session !== undefined) {
      session.work ??= { next: 0, place: NO_PLACE };
      this.#touch(session);
    }
    const start = session && { next: 0, passedEnd: session.passedByWork(), missed: 0, skipped: undefined };
    return new MemoryCursor(this, sessionId, session, start, {
      isBounded: false,
      movesUnread: false,
      isClaiming: true,
    });
  }

  openAll({ from, isBounded = false }: OpenAllOptions): SessionCursor {
    this.#sweep();
    if (typeof from === 'string') {
      return new AllSessionsCursor(this, from === 'now' ? 'newest' : 'oldest', { isBounded, missed: 0 });
    }
    const behind = this.#placeOf(from.after);
    // The place of a removed entry is unknown, and so is whether it was in this store at all.
    if (behind === undefined) return new AllSessionsCursor(this, 'oldest', { isBounded, missed: -1 });
    return new AllSessionsCursor(this, { behind }, { isBounded, missed: 0 });
  }

  /** The place of the entry with the id, of any session; `undefined` if it is not held. */
  #placeOf(id: string): number | undefined {
    for (const session of this.#sessions.values()) {
      const position = session.positionOf(id);
      if (position !== undefined) return position < session.first ? undefined : session.placeOf(position);
    }
    return undefined;
  }

  answerState(sessionId: string): StreamState {
    return this.#sessions.get(sessionId)?.answerState ?? 'none';
  }

  streamState(sessionId: string, id: string): StreamState {
    const session = this.#sessions.get(sessionId);
    const position = session?.positionOf(id);
    return session === undefined || position === undefined ? 'none' : session.streamState(position);
  }

  sessionIds(): string[] {
    this.#sweep();
    const ids: string[] = [];
    for (const session of this.#sessions.values()) if (session.length > 0) ids.push(session.id);
    return ids.sort();
  }

  activeSessionIds(): string[] {
    this.#sweep();
    const ids = new Set(this.#awaited.keys());
    for (const session of this.#sessions.values()) {
      if (!session.isEnded || !session.isEmpty) ids.add(session.id);
    }
    return [...ids].sort();
  }

  newestId(sessionId: string): string | undefined {
    const session = this.#sessions.get(sessionId);
    return session === undefined || session.length === 0 ? undefined : session.idAt(session.next - 1);
  }

  entries(options: { readonly sessionId?: string; readonly limit?: number } = {}): LogEntry[] {
    this.#sweep();
    const { sessionId, limit = Infinity } = options;
    const one = sessionId === undefined ? undefined : this.#sessions.get(sessionId);
    const sessions = sessionId === undefined ? this.#sessions.values() : one === undefined ? [] : [one];
    const found: FoundEntry[] = [];
    for (const session of sessions) {
      const from = Math.max(session.first, session.next - limit);
      let place = from < session.next ? session.placeOf(from) : NO_PLACE;
      for (let position = from; position < session.next; position += 1) {
        found.push({ session, position, place, order: this.log.order(place) });
        place = this.log.next(place);
      }
    }
    found.sort((a, b) => a.order - b.order);
    return (limit < found.length ? found.slice(found.length - limit) : found).map((each) => this.#entryOf(each));
  }

  #entryOf({ session, position, place }: FoundEntry): LogEntry {
    const entry: Entry = { message: '', timestamp: 0, detail: undefined };
    this.log.read(place, entry);
    return makeEntry(session.idAt(position), session.id, entry.message, entry.timestamp, entry.detail);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      clearInterval(this.#sweeper);
      for (const list of this.#awaited.values()) list.wakeAll();
      for (const session of this.#sessions.values()) session.wakeAll();
      this.followers.wakeAll();
    }
    return Promise.resolve();
  }

  stats(): StoreStats {
    this.#sweep();
    let entries = 0;
    for (const session of this.#sessions.values()) entries += session.length;
    const sessions = this.#sessions.size;
    const lost = addUp(this.#lost.toJSON(), { session_full: this.#dropped });
    return { sessions, readers: this.#readers.count, entries, bytes: this.#bytes, lost };
  }

  // For cursors.

  get isClosed(): boolean {
    return this.#isClosed;
  }

  find(sessionId: string): MemorySession | undefined {
    return this.#sessions.get(sessionId);
  }

  waitListOf(sessionId: string): WaitList {
    let list = this.#awaited.get(sessionId);
    if (list === undefined) {
      list = new WaitList();
      this.#awaited.set(sessionId, list);
    }
    return list;
  }

  stoppedWaiting(sessionId: string): void {
    if (this.#awaited.get(sessionId)?.isEmpty === true) this.#awaited.delete(sessionId);
  }

  admitReader(sessionId: string | undefined, isForClient: boolean): true | string {
    return this.#readers.admit(sessionId, isForClient);
  }

  dismissReader(sessionId: string | undefined): void {
    this.#readers.dismiss(sessionId);
  }

  shield(session: MemorySession): void {
    session.readers += 1;
    this.#place(session);
  }

  unshield(session: MemorySession): void {
    session.readers -= 1;
    this.#touch(session);
    this.#place(session);
  }

  // Keeping the limits.

  #touch(session: MemorySession): void {
    this.#lookAtClock();
    session.lastUsed = ++this.#sequence;
    session.lastUsedMillis = this.#clock;
  }

  #lookAtClock(): void {
    this.#appendsToClock = this.#appendsPerClock;
    this.#clock = Math.trunc(this.#now() - this.#startMillis);
  }

  #startSweeper(): NodeJS.Timeout {
    const interval = Math.min(this.#options.idleTtlMillis, this.#options.endedTtlMillis) / 4;
    return startInterval(() => this.#sweep(), Math.min(Math.max(interval, 1000), 60_000)).unref();
  }

  /** Forgets expired sessions. */
  #sweep(): void {
    this.#lookAtClock();
    this.#expire(this.#ended, this.#options.endedTtlMillis);
    this.#expire(this.#idle, this.#options.idleTtlMillis);
    if (this.#sessions.size === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }

  #expire(order: EvictionOrder<MemorySession>, ttlMillis: number): void {
    for (;;) {
      const oldest = order.usedBy(this.#clock - ttlMillis);
      if (oldest === undefined) return;
      this.#evict(oldest, 'expired');
    }
  }

  #evict(session: MemorySession, reason: 'store_full' | 'expired'): void {
    this.#lost.add(reason, session.length);
    this.#forget(session, 'evicted');
  }

  #forget(session: MemorySession, fate: 'evicted' | 'deleted'): void {
    session.forget(fate);
    this.#sessions.delete(session.id);
    this.#idle.remove(session);
    this.#ended.remove(session);
    this.#bytes -= session.bytes + sessionBytes(session.id);
    if (this.#upkeep === undefined) this.#startUpkeep(UPKEEP_MILLIS);
  }

  /** Frees memory down to `maxBytes` after an entry of `newest` was stored. */
  #shrink(newest: MemorySession): void {
    while (this.#bytes > this.#maxBytes) {
      const victim = this.#ended.leastUsed() ?? this.#idle.leastUsed();
      if (victim !== undefined && victim !== newest) this.#evict(victim, 'store_full');
      else if (!this.#thinLargest()) return;
    }
  }

  /** Drops the older half of the largest session. A half, so that the search for it is shared by many appends. */
  #thinLargest(): boolean {
    let largest: MemorySession | undefined;
    for (const session of this.#sessions.values()) {
      if (session.length > 1 && session.bytes > (largest?.bytes ?? 0)) largest = session;
    }
    if (largest === undefined) return false;
    const target = largest.bytes / 2;
    let dropped = 0;
    while (largest.length > 1 && largest.bytes > target) {
      this.#bytes -= largest.drop();
      dropped += 1;
    }
    this.#lost.add('store_full', dropped);
    return true;
  }
}
