import type { EntryDetail } from '../entry/entry-detail.ts';
import type { LogEntry } from '../entry/entry.ts';

/** A value at once (an embedded store) or later (a remote one). */
export type Maybe<T> = T | Promise<T>;

/**
 * Where a cursor starts. When entries from there on were evicted, it starts at the oldest that is left, and counts the others
 * as `missed`.
 *
 * - `'unread'`: after the unread mark, leaving out the rest of a finished answer in which the mark lies; without a mark like `'start'`.
 * - `'start'`: the first entry of the current life, which is the life of the newest entry.
 * - `'now'`: only what comes.
 * - `'stream'`: the start of the latest answer of the current life; as long as there is none like `'start'`.
 * - `{ after }`: strictly after that entry. A malformed or foreign id starts at the oldest entry held, with `missed` -1.
 * - `{ last }`: the oldest of the newest n entries that count, of those held of the current life, so that nothing before
 *   it is missed; when fewer count like `'start'`. 0: like `'now'`.
 */
export type StartPosition =
  | 'unread'
  | 'start'
  | 'now'
  | 'stream'
  | { readonly after: string }
  | { readonly last: number };

export interface OpenOptions {
  readonly from: StartPosition;
  /**
   * Which entries `{ last }` counts, by their detail: those that the reader delivers. The cursor meets the others all the
   * same. @default all
   */
  readonly counts?: (detail: EntryDetail | undefined) => boolean;
  /** `true`: the cursor answers `'caught-up'` after the entry that was last when it was opened. */
  readonly isBounded?: boolean;
}

/** How all sessions are read as one log. */
export interface OpenAllOptions {
  /**
   * `'now'`: only what comes. `'oldest'`: the oldest entry held. `{ after }`: strictly after that entry, of whichever session;
   * an id of no entry held starts at the oldest entry held, with `missed` -1.
   */
  readonly from: 'now' | 'oldest' | { readonly after: string };
  /** As of {@link OpenOptions}. */
  readonly isBounded?: boolean;
}

/**
 * What a step of a cursor came upon.
 *
 * - `'entry'`: the cursor stands on the next entry; its fields are readable until the next step, or until `delivered()`.
 * - `'end'`: an end mark, passed by this step. The reader decides whether it ends there.
 * - `'empty-end'`: the same, of a session that was ended before it had any entry: there is nothing else to be read of it.
 *   Cursors opened at the unread mark, and claiming ones, meet it once for all that come later.
 * - `'caught-up'`: a bounded cursor has passed the entry that was last when it was opened.
 * - `'none'`: nothing more now; the session lives.
 * - `'unknown'`: there is no such session now, or it ended and nothing is left; it may begin (again).
 * - `'deleted'`: the session was deleted. Final.
 * - `'closed'`: the store is closed and nothing held is left. Final.
 */
export type Step = 'entry' | 'end' | 'empty-end' | 'caught-up' | 'none' | 'unknown' | 'deleted' | 'closed';

/** Of the answer that an entry belongs to; `'none'` when it belongs to none or is not held. */
export type StreamState = 'running' | 'finished' | 'none';

/** What waits at a cursor. */
export interface Waiter {
  /** There may be something new: step again. May be called within the call that made it so; may be spurious, never throws. */
  wake(): void;
}

/**
 * A position in one session's log, or in that of all sessions. Cursors are independent: none can slow or starve another, or the producer.
 *
 * Only one `step()` is under way at a time; the caller sees to that.
 */
export interface SessionCursor {
  /** Moves on by one. Every entry from the start on is met once, in the order logged. */
  step(): Maybe<Step>;

  /** The session of the entry the cursor stands on. */
  readonly sessionId: string;
  /** Text of that entry. */
  readonly message: string;
  /** Time of that entry, milliseconds since the epoch. */
  readonly timestamp: number;
  /** The rest of that entry; `undefined` for a plain chunk. */
  readonly detail: EntryDetail | undefined;
  /** The id of that entry: printable ASCII, and the ids of a session sort as text in the order logged. Made when asked. */
  readonly id: string;

  /**
   * Evicted entries from this cursor's start on so far, whatever a reader filters; `-1` when that cannot be known,
   * and then for good. Grows in `step()` only, or is set when the cursor is opened.
   */
  readonly missed: number;

  /** The entry the cursor stands on was handed to the consumer: it becomes `lastId`, and moves the unread mark if the cursor was opened at it. */
  delivered(): void;
  /** The id of the entry that was handed out last: the resume position. */
  readonly lastId: string | undefined;

  /**
   * Calls `waiter.wake()` at least once when a step may find something new, the session's deletion or the store's
   * end. A wake-up may be spurious, never missed.
   *
   * After a step that answered at once it is called in the same turn; after one that answered later, in any turn: what
   * happened since that step was asked counts.
   */
  wait(waiter: Waiter): void;
  /** Takes the waiter back. The id of a session that never began leaves with its last waiter. */
  stopWaiting(): void;

  /**
   * The reader begins to count and to shield its session from eviction: `true`. Otherwise a bound of readers is reached,
   * and the text says which: it is the message of the reader's error.
   *
   * @param isForClient It serves a client over HTTP, so the store may keep room for other readers. @default false
   */
  enter(isForClient?: boolean): true | string;
  /** Frees everything the cursor holds; idempotent. */
  leave(): void;
}

/**
 * Counters of a store. `lost` is by reason, see `LossReason`. Of a remote store: what this process knows, with the entries
 * and bytes that wait to be stored.
 */
export interface StoreStats {
  readonly sessions: number;
  readonly readers: number;
  readonly entries: number;
  readonly bytes: number;
  readonly lost: Readonly<Record<string, number>>;
  /**
   * How often readers of this process left out something in a shared log that this version cannot read, by reason:
   * `newer_version` (it stays for readers of that version) and `not_an_entry`. Nothing of it is lost or missed.
   */
  readonly unreadable?: Readonly<Record<string, number>>;
}

/** What `erase` of a store has removed. */
export interface ErasedEntries {
  /** Entries of all lives. */
  readonly entries: number;
  /** What may be left of them elsewhere, in words. */
  readonly remains?: readonly string[];
}

/**
 * Where session logs live. A session is an append-only, bounded log of entries; ending it sets a mark, and what is
 * appended later is its next life in the same log.
 *
 * Every store passes the suite of `otel-session-logs/testing`.
 */
export interface SessionStore {
  /**
   * Appends an entry; synchronous, never throws, never waits. `false`: refused and counted.
   *
   * An embedded store has the entry readable before the call returns, a remote one soon after. A `stream-start`
   * without a stream id that finds such a stream open is preceded by `ABANDONED_END`, unless the last chat entry
   * without a stream id is a `tool-call-end`.
   *
   * A text, the session id and those in the detail included, may be a part of a far larger one, which lives as long as
   * the part; values of attributes may be changed by their writer afterwards. What a store keeps it copies.
   *
   * @param timestamp Milliseconds since the epoch.
   */
  append(sessionId: string, message: string, timestamp: number, detail: EntryDetail | undefined): boolean;

  /**
   * Sets an end mark. An unknown session is remembered as one that ended before it had an entry, as long as any ended one. Of
   * an ended session: nothing, but cursors that wait on it meet an `'end'`.
   */
  end(sessionId: string): void;

  /** Forgets the log at once. Its cursors step to `'deleted'`. */
  delete(sessionId: string): void;

  /**
   * As `delete`; resolves when nothing of the session is left where the store keeps it. Without it `eraseSession` calls
   * `delete` and says that it cannot tell.
   */
  erase?(sessionId: string): Promise<ErasedEntries>;

  /** A cursor over the session, which may be unknown. Its start is fixed here (a remote store: by its first answer). */
  open(sessionId: string, options: OpenOptions): SessionCursor;

  /**
   * A cursor over the session's shared work position: a step claims the entry it answers with, so each entry is met by
   * exactly one of the session's claiming cursors, in order, at most once. A cursor that leaves takes nothing with it.
   */
  claim(sessionId: string): SessionCursor;

  /** Of the stream that the entry with this id belongs to: with a stream id that one, else the stream without id that was open there. */
  streamState(sessionId: string, id: string): Maybe<StreamState>;

  /**
   * Of the latest answer of the current life, the one that `'stream'` starts at, also when its start was evicted. Of one in whose
   * place another came that counts. `'none'`: there is none, or no such session.
   */
  answerState(sessionId: string): Maybe<StreamState>;

  /** Sorted ids of the sessions that hold entries, as this process sees them. */
  sessionIds(): string[];
  /** Sorted ids of live sessions and of readers waiting now, as this process sees them. */
  activeSessionIds(): string[];

  /** Id of the session's newest entry; a store whose ids come from a server later does not have it. */
  newestId?(sessionId: string): string | undefined;
  /**
   * A cursor over the entries of all sessions, in the order logged. It shields none from eviction, does not meet their end
   * marks, and misses nothing of what was deleted. Only a store that holds its entries in this process has it.
   */
  openAll?(options: OpenAllOptions): SessionCursor;
  /** The entries held, in the order logged across sessions. Only a store that holds them in this process has it. */
  entries?(options: { readonly sessionId?: string; readonly limit?: number }): LogEntry[];

  /** Why its server cannot be reached now, for `diagnose()`; `undefined` while it can. A store in this process has no server. */
  readonly failure?: unknown;

  /** Resolves when everything appended before the call is stored; rejects with the number pending when it is not in time. */
  flush(timeoutMillis?: number): Promise<void>;
  /**
   * Takes no more entries (counted `after_shutdown`). Cursors still read what is held, then step to `'closed'`. What cannot be
   * stored in time is counted likewise, and the promise rejects with its number. Called again it does no more than shorten
   * the time: the shortest counts, each from its call on.
   */
  close(timeoutMillis?: number): Promise<void>;

  stats(): StoreStats;
}
