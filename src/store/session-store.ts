import type { EntryDetail } from '../entry/entry-detail.ts';
import type { LogEntry } from '../entry/entry.ts';

/** A value at once (from an embedded store) or later (from a remote one). */
export type Maybe<T> = T | Promise<T>;

/**
 * Where a cursor starts. If entries from there on were evicted, it starts at the oldest remaining one and counts the
 * evicted ones as `missed`.
 *
 * - `'unread'`: after the unread mark, skipping the rest of a finished answer in which the mark lies; without a mark,
 *   like `'start'`.
 * - `'start'`: the first entry of the current life, which is the life of the newest entry.
 * - `'now'`: only new entries.
 * - `'stream'`: the start of the latest answer of the current life; if there is none yet, like `'start'`.
 * - `{ after }`: strictly after that entry. A malformed or foreign id starts at the oldest entry held, with `missed`
 *   -1.
 * - `{ last }`: the oldest of the newest n held entries of the current life that count; nothing before it is `missed`.
 *   If fewer count, like `'start'`. 0: like `'now'`.
 */
export type StartPosition =
  | 'unread'
  | 'start'
  | 'now'
  | 'stream'
  | { readonly after: string }
  | { readonly last: number };

/** Options for reading one session. */
export interface OpenOptions {
  readonly from: StartPosition;
  /**
   * Whether `{ last }` counts an entry with this detail, which is the case if the reader delivers it. The cursor still
   * meets the other entries. @default all count
   */
  readonly counts?: (detail: EntryDetail | undefined) => boolean;
  /** `true`: the cursor answers `'caught-up'` after the entry that was last when it was opened. */
  readonly isBounded?: boolean;
}

/** Options for reading all sessions as one log. */
export interface OpenAllOptions {
  /**
   * `'now'`: only new entries. `'oldest'`: the oldest entry held. `{ after }`: strictly after that entry, of any
   * session; the id of an entry that is not held starts at the oldest entry held, with `missed` -1.
   */
  readonly from: 'now' | 'oldest' | { readonly after: string };
  /** As in {@link OpenOptions}. */
  readonly isBounded?: boolean;
}

/**
 * The result of a cursor's step.
 *
 * - `'entry'`: the cursor stands on the next entry; its fields are readable until the next step, or until
 *   `delivered()`.
 * - `'end'`: this step passed an end mark. The reader decides whether it ends there.
 * - `'empty-end'`: the same, for a session that was ended before it had any entry, so that there is nothing else to
 *   read. Of cursors at the unread mark, and of claiming ones, only the first meets it; later ones do not.
 * - `'caught-up'`: a bounded cursor has passed the entry that was last when it was opened.
 * - `'none'`: nothing more now, but the session is live.
 * - `'unknown'`: there is no such session, or it ended and nothing is left; it may begin (again).
 * - `'deleted'`: the session was deleted. Final.
 * - `'closed'`: the store is closed and nothing held is left. Final.
 */
export type Step = 'entry' | 'end' | 'empty-end' | 'caught-up' | 'none' | 'unknown' | 'deleted' | 'closed';

/** The state of an answer; `'none'` if there is no such answer. */
export type StreamState = 'running' | 'finished' | 'none';

/** A reader that waits at a cursor. */
export interface Waiter {
  /**
   * Says that there may be something new: step again. May be called within the call that added it; may be spurious;
   * never throws.
   */
  wake(): void;
}

/**
 * A position in the log of one session or of all sessions. Cursors are independent: none can slow down or starve
 * another one or the producer.
 *
 * The caller makes sure that only one `step()` runs at a time.
 */
export interface SessionCursor {
  /** Moves on by one. Meets every entry from the start on once, in the order logged. */
  step(): Maybe<Step>;

  /** The session of the entry that the cursor stands on. */
  readonly sessionId: string;
  /** Text of that entry. */
  readonly message: string;
  /** Time of that entry, in milliseconds since the epoch. */
  readonly timestamp: number;
  /** The rest of that entry; `undefined` for a plain chunk. */
  readonly detail: EntryDetail | undefined;
  /** The id of that entry: printable ASCII. The ids of a session sort as text in the order logged. Made on access. */
  readonly id: string;

  /**
   * Number of entries evicted so far from this cursor's start on, whatever a reader filters; `-1` if unknown, and then
   * for good. Changes only in `step()` and when the cursor is opened.
   */
  readonly missed: number;

  /**
   * Call it when the consumer got the entry that the cursor stands on: its id becomes `lastId`, and it moves the unread
   * mark if the cursor was opened at `'unread'`.
   */
  delivered(): void;
  /** The id of the entry that was delivered last, from which to resume. */
  readonly lastId: string | undefined;

  /**
   * Calls `waiter.wake()` at least once when a step may find something new, the session's deletion or the store's end.
   * A wake-up may be spurious but is never missed.
   *
   * It is called in the same turn after a step that answered at once, and in any turn after one that answered later:
   * then everything that happened since the step was called counts.
   */
  wait(waiter: Waiter): void;
  /** Removes the waiter. With its last waiter, the id of a session that never began is forgotten. */
  stopWaiting(): void;

  /**
   * Makes the reader count and protect its session from eviction, and returns `true`. If a limit of readers is reached,
   * returns a text that says which, as the message of the reader's error.
   *
   * @param isForClient Whether it serves a client over HTTP: the store may keep places for other readers. @default
   * false
   */
  enter(isForClient?: boolean): true | string;
  /** Frees everything the cursor holds; idempotent. */
  leave(): void;
}

/**
 * Counters of a store. `lost` is by reason, see `LossReason`. A remote store counts what this process knows, including
 * the entries and bytes that wait to be stored.
 */
export interface StoreStats {
  readonly sessions: number;
  readonly readers: number;
  readonly entries: number;
  readonly bytes: number;
  readonly lost: Readonly<Record<string, number>>;
  /**
   * How often readers of this process left out something in a shared log that this version cannot read, by reason:
   * `newer_version` (it stays for readers of that version) and `not_an_entry`. These do not count as lost or missed.
   */
  readonly unreadable?: Readonly<Record<string, number>>;
}

/** What a store's `erase` removed. */
export interface ErasedEntries {
  /** Number of entries, of all lives. */
  readonly entries: number;
  /** What may remain of them elsewhere, in words. */
  readonly remains?: readonly string[];
}

/**
 * Holds session logs. A session is an append-only, bounded log of entries; ending it sets a mark, and later entries are
 * its next life in the same log.
 *
 * Every store passes the suite of `otel-session-logs/testing`.
 */
export interface SessionStore {
  /**
   * Appends an entry. Synchronous; never throws, never waits. Returns `false` if the entry is refused, which is
   * counted.
   *
   * In an embedded store the entry is readable before the call returns, in a remote one soon after. If an answer
   * without a stream id is open, a `stream-start` without a stream id is preceded by `ABANDONED_END`, unless the last
   * chat entry without a stream id is a `tool-call-end`.
   *
   * The store copies what it keeps: each text, even the session id and those in the detail, may be a slice that keeps a
   * far larger text alive, and the writer may change values of attributes afterwards.
   *
   * @param timestamp Milliseconds since the epoch.
   */
  append(sessionId: string, message: string, timestamp: number, detail: EntryDetail | undefined): boolean;

  /**
   * Sets an end mark. An unknown session is remembered as one that ended before it had an entry, as long as any ended
   * one. For an ended session, it only makes waiting cursors meet an `'end'`.
   */
  end(sessionId: string): void;

  /** Deletes the log at once. Its cursors step to `'deleted'`. */
  delete(sessionId: string): void;

  /**
   * Like `delete`, but resolves when nothing of the session is left in the store. Without this method, `eraseSession`
   * calls `delete` and reports that it does not know what remains.
   */
  erase?(sessionId: string): Promise<ErasedEntries>;

  /**
   * Opens a cursor over the session, which may be unknown. The start is fixed by this call (in a remote store, by the
   * first answer).
   */
  open(sessionId: string, options: OpenOptions): SessionCursor;

  /**
   * Opens a cursor over the session's shared work position: a step claims the entry that it returns, so exactly one of
   * the session's claiming cursors meets each entry, in order, at most once. A cursor that leaves takes no unclaimed
   * entry with it.
   */
  claim(sessionId: string): SessionCursor;

  /**
   * Returns the state of the answer that the entry with this id belongs to: the one with its stream id, else the one
   * without a stream id that was open there. `'none'` if there is none, or the entry is not held.
   */
  streamState(sessionId: string, id: string): Maybe<StreamState>;

  /**
   * Returns the state of the latest answer of the current life, the one that `'stream'` starts at, even if its start
   * was evicted. If another answer replaced it, that one counts. `'none'` if there is none, or no such session.
   */
  answerState(sessionId: string): Maybe<StreamState>;

  /** Sorted ids of the sessions that hold entries, as this process sees them. */
  sessionIds(): string[];
  /** Sorted ids of live sessions and of readers waiting now, as this process sees them. */
  activeSessionIds(): string[];

  /** Id of the session's newest entry. A store that gets ids later, from a server, leaves this method out. */
  newestId?(sessionId: string): string | undefined;
  /**
   * Opens a cursor over the entries of all sessions, in the order logged. It protects no session from eviction, does
   * not meet end marks, and does not count deleted entries as missed. Only a store that holds its entries in this
   * process has this method.
   */
  openAll?(options: OpenAllOptions): SessionCursor;
  /**
   * Returns the entries held, in the order logged across sessions. Only a store that holds them in this process has
   * this method.
   */
  entries?(options: { readonly sessionId?: string; readonly limit?: number }): LogEntry[];

  /**
   * Why its server cannot be reached now, for `diagnose()`; `undefined` if it can. A store in this process has no
   * server.
   */
  readonly failure?: unknown;

  /**
   * Resolves when everything appended before the call is stored; rejects with the number pending if that takes too
   * long.
   */
  flush(timeoutMillis?: number): Promise<void>;
  /**
   * Closes the store: further entries are refused and counted as `after_shutdown`. Cursors still read what is held,
   * then step to `'closed'`. Entries that cannot be stored in time are counted likewise, and the promise rejects with
   * their number. Further calls can only shorten the time: the shortest counts, each from its call on.
   */
  close(timeoutMillis?: number): Promise<void>;

  stats(): StoreStats;
}
