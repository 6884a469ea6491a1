import { afterEntry, startBy } from '../../entry/answer-state.ts';
import { ABANDONED_END } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { STREAM_END_TOKEN } from '../../entry/tokens.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import { ownText } from '../../support/own-text.ts';
import { reporterFor, Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { ReaderBounds } from '../reader-bounds.ts';
import type { OpenOptions, SessionCursor, SessionStore, StoreStats, StreamState } from '../session-store.ts';
import { answerAround } from './redis-answers.ts';
import { ClaimedEntries, RedisClaimCursor } from './redis-claim.ts';
import { RedisFailure } from './redis-client.ts';
import { encodeEntry } from './redis-codec.ts';
import type { Unreadable } from './redis-codec.ts';
import type { CursorHost, CursorSeat } from './redis-cursor-seat.ts';
import { RedisCursor } from './redis-cursor.ts';
import { compareStreamIds, sessionKeys, streamIdOf } from './redis-keys.ts';
import type { SessionKeys } from './redis-keys.ts';
import { backoffMillis, KeepAlive, Outage } from './redis-link.ts';
import { parseRedisOptions } from './redis-options.ts';
import type { ParsedRedisOptions, RedisSessionStoreOptions } from './redis-options.ts';
import { ProducedSessions } from './redis-producer.ts';
import type { ProducedSession } from './redis-producer.ts';
import { RedisReads } from './redis-reads.ts';
import type { UnreadMark } from './redis-start.ts';
import { isFinal } from './redis-verdict.ts';
import { RedisWakeUps } from './redis-wake.ts';
import { RedisWriter } from './redis-writer.ts';
import { settlesWithin } from '../../support/timeouts.ts';
import { sleep } from '../../support/timers.ts';

/** What is said once of entries that this version cannot read; `stats().unreadable` counts them. */
const UNREADABLE: Readonly<Record<Unreadable, string>> = {
  newer_version:
    'an entry in Redis was written by a newer version of this package: readers of this process leave it out, it stays for those of newer ones',
  not_an_entry: 'an entry in Redis was not written by this package: readers leave it out',
};

const CLOSE_MILLIS = 10_000;
const FLUSH_MILLIS = 30_000;
/** What a reader that begins waits at most for entries of its own process to be stored. */
const SETTLE_MILLIS = 3_000;
/** Appends between two looks for sessions that have expired. */
const SWEEP_APPENDS = 4_096;

/**
 * Session logs in Redis (7.0 or later) or Valkey (7.2 or later), one stream per session: what one host logs, every host reads.
 *
 * `append` returns at once. The entry is readable, and has its id, once it is stored: some 5 ms later; a reader opened
 * in the process that logged it finds it all the same. While Redis is away entries wait in bounds and readers wait; nothing throws. When it is back nothing is sent twice or out of order,
 * and what a bound dropped, or a server without persistence forgot, readers are told as missed.
 *
 * Of this process only: the unread mark, `sessionIds()`, `activeSessionIds()`, `stats()`, and which answer without a stream id
 * is open (so only an answer that this process started is marked as abandoned).
 *
 * @example
 * const store = new RedisSessionStore({ client: createClient({ url: 'redis://127.0.0.1:6379' }) });
 * const sessions = new SessionLogs({ store });
 */
export class RedisSessionStore implements SessionStore, CursorHost {
  readonly reads: RedisReads;
  readonly wakeUps: RedisWakeUps;
  readonly keepAlive: KeepAlive = new KeepAlive();
  readonly reporter: Reporter = reporterFor('redis');
  readonly #options: ParsedRedisOptions;
  readonly #lost = new LossCounters();
  readonly #unreadable = new LossCounters();
  readonly #writer: RedisWriter;
  readonly #readers: ReaderBounds;
  readonly #produced: ProducedSessions;
  readonly #claimed = new ClaimedEntries();
  readonly #unread = new Map<string, UnreadMark>();
  readonly #waiting = new Set<CursorSeat>();
  /** When this process deleted a session, as a number that grows with each deletion. */
  readonly #deletions = new Map<string, number>();
  #deletionCount = 0;
  #appendsToSweep = SWEEP_APPENDS;
  #isRefusing = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  /** @throws TypeError that names the option that is wrong. */
  constructor(options: RedisSessionStoreOptions) {
    this.#options = parseRedisOptions(options);
    this.#readers = new ReaderBounds(this.#options);
    const { port } = this.#options;
    const outage = new Outage(new Episode(this.reporter));
    const shared = { keepAlive: this.keepAlive, outage, reporter: this.reporter };
    this.#writer = new RedisWriter(port, this.#options, { ...shared, lost: this.#lost });
    this.#produced = new ProducedSessions(this.#options);
    this.reads = new RedisReads(port, shared, () => this.wakeUps.renew());
    this.wakeUps = new RedisWakeUps(port, shared);
  }

  /** @returns `false` when the store is closed or the bound of pending entries is reached; both are counted. */
  append(sessionId: string, message: string, timestamp: number, detail: EntryDetail | undefined): boolean {
    if (this.#isRefusing) {
      this.#lost.add('after_shutdown');
      return false;
    }
    const session = this.#obtain(sessionId);
    session.fate = 'live';
    if (startBy(session.openAnswer, detail) === 'takes-place') {
      this.#push(session, STREAM_END_TOKEN, timestamp, ABANDONED_END);
    }
    session.openAnswer = afterEntry(session.openAnswer, detail);
    return this.#push(session, message, timestamp, detail);
  }

  /**
   * Sets an end mark. Which sessions have begun or ended is known to Redis only, so a mark is always written; readers
   * pass one that says nothing new. Of several `pop` calls, one on all hosts meets the end of a session without entries.
   */
  end(sessionId: string): void {
    this.#mark(sessionId, 'end');
  }

  /** Forgets the log: for this process's cursors at once, for all others when Redis has the deletion, which waits like an entry while it is away. */
  delete(sessionId: string): void {
    this.#unread.delete(sessionId);
    this.#claimed.forget(sessionId);
    this.#deletions.delete(sessionId);
    this.#deletions.set(ownText(sessionId), ++this.#deletionCount);
    if (this.#deletions.size > this.#options.maxSessions) {
      this.#deletions.delete(this.#deletions.keys().next().value as string);
    }
    this.#mark(sessionId, 'tombstone');
    this.wakeUps.wake(this.#keysOf(sessionId).wake);
  }

  open(sessionId: string, options: OpenOptions): SessionCursor {
    const id = ownText(sessionId);
    const { from } = options;
    const start = typeof from === 'object' && 'after' in from ? { after: ownText(from.after) } : from;
    return new RedisCursor(this, id, this.#keysOf(id), { ...options, from: start });
  }

  claim(sessionId: string): SessionCursor {
    const id = ownText(sessionId);
    return new RedisClaimCursor(this, this.#claimed, id, this.#keysOf(id));
  }

  async streamState(sessionId: string, id: string): Promise<StreamState> {
    const streamId = streamIdOf(id);
    if (streamId === undefined) return 'none';
    const key = this.#keysOf(sessionId).log;
    for (let failures = 0; ; failures += 1) {
      const around = await answerAround(this.reads, key, streamId);
      if (!(around instanceof RedisFailure)) return around.state;
      // A reader that asks waits for Redis as it does for entries: "none" would make it end with the wrong answer.
      if (this.#isClosed || isFinal(around)) return 'none';
      await sleep(backoffMillis(failures), { keepsProcess: false });
    }
  }

  /** Ids of the sessions that this process has written to. */
  sessionIds(): string[] {
    const now = performance.now();
    const ids: string[] = [];
    for (const session of this.#produced.values()) {
      const isHeld = session.hasEntries && !this.#produced.isExpired(session, now);
      if (isHeld) ids.push(session.id);
    }
    return ids.sort();
  }

  /** Ids of the sessions that this process has written to and not ended, and of those that its readers wait on now. */
  activeSessionIds(): string[] {
    const now = performance.now();
    const ids = new Set<string>();
    for (const session of this.#produced.values()) {
      const isLive = session.hasEntries && session.fate === 'live' && !this.#produced.isExpired(session, now);
      if (isLive) ids.add(session.id);
    }
    for (const { sessionId } of this.#waiting) ids.add(sessionId);
    return [...ids].sort();
  }

  /** @throws SessionLogsError with code `flush_timeout` and the number pending. Default 30,000 ms. */
  flush(timeoutMillis: number = FLUSH_MILLIS): Promise<void> {
    return this.#writer.flush(timeoutMillis);
  }

  /**
   * Stores what is pending, then ends the store's own connections, the reading one with its last reader.
   *
   * Called again it does no more than shorten the time: the shortest counts, each from its call on.
   *
   * @throws SessionLogsError with code `flush_timeout` and the number pending, which is then counted `after_shutdown`.
   * Default 10,000 ms.
   */
  close(timeoutMillis: number = CLOSE_MILLIS): Promise<void> {
    if (this.#closing === undefined) return (this.#closing = this.#close(timeoutMillis));
    settlesWithin(this.#closing, timeoutMillis).then(
      (isInTime) => {
        if (!isInTime) this.#writer.giveUp();
      },
      () => {
        // Whoever has the promise of the first call learns why.
      },
    );
    return this.#closing;
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#isRefusing = true;
    try {
      await this.#writer.flush(timeoutMillis);
    } finally {
      this.#isClosed = true;
      this.#writer.close();
      this.wakeUps.close();
      this.reads.close(() => this.#readers.count > 0);
    }
  }

  /** What this process knows: its sessions, its readers, and the entries that wait for Redis. */
  stats(): StoreStats {
    return {
      sessions: this.#produced.size,
      readers: this.#readers.count,
      entries: this.#writer.pendingEntries,
      bytes: this.#writer.pendingBytes,
      lost: this.#lost.toJSON(),
      unreadable: this.#unreadable.toJSON(),
    };
  }

  #keysOf(sessionId: string): SessionKeys {
    return this.#produced.get(sessionId)?.keys ?? sessionKeys(this.#options.prefix, sessionId);
  }

  #obtain(sessionId: string): ProducedSession {
    const now = performance.now();
    this.#appendsToSweep -= 1;
    if (this.#appendsToSweep <= 0) {
      this.#appendsToSweep = SWEEP_APPENDS;
      this.#produced.sweep(now);
    }
    return this.#produced.obtain(sessionId, now);
  }

  #push(session: ProducedSession, message: string, timestamp: number, detail: EntryDetail | undefined): boolean {
    session.sequence += 1;
    session.hasEntries = true;
    // Before it is encoded: during an outage nearly all are dropped.
    if (!this.#writer.admits('entry', message.length)) return false;
    return this.#writer.push({
      type: 'entry',
      session,
      sequence: session.sequence,
      mark: 0,
      data: encodeEntry(message, timestamp, detail),
      order: 0,
    });
  }

  #mark(sessionId: string, type: 'end' | 'tombstone'): void {
    if (this.#isRefusing) return;
    const session = this.#obtain(sessionId);
    session.fate = type === 'end' ? 'ended' : 'deleted';
    session.openAnswer = 0;
    if (type === 'tombstone') session.hasEntries = false;
    session.marks += 1;
    const { sequence, marks: mark } = session;
    this.#writer.push({ type, session, sequence, mark, data: '', order: 0 });
  }

  // What cursors need.

  get isClosed(): boolean {
    return this.#isClosed;
  }

  settled(sessionId: string): Promise<void> | undefined {
    // While Redis is away there is nothing to read either.
    if (this.#writer.isDown || (this.#produced.get(sessionId)?.pending ?? 0) === 0) return undefined;
    return this.#writer.flush(SETTLE_MILLIS).catch(() => {});
  }

  deletionsOf(sessionId: string): number {
    return this.#deletions.get(sessionId) ?? 0;
  }

  passedOver(why: Unreadable): void {
    if (this.#unreadable.get(why) === 0) this.reporter.warn(UNREADABLE[why]);
    this.#unreadable.add(why);
  }

  admitReader(sessionId: string, isForClient: boolean): true | string {
    return this.#readers.admit(sessionId, isForClient);
  }

  dismissReader(sessionId: string): void {
    this.#readers.dismiss(sessionId);
    this.reads.suspendIfIdle();
  }

  unreadOf(sessionId: string): UnreadMark | undefined {
    return this.#unread.get(sessionId);
  }

  moveUnread(sessionId: string, mark: UnreadMark): void {
    const before = this.#unread.get(sessionId);
    if (before !== undefined && compareStreamIds(before.id, mark.id) >= 0) return;
    this.#unread.delete(sessionId);
    this.#unread.set(sessionId, mark);
    if (this.#unread.size <= this.#options.maxSessions) return;
    // The mark that did not move for the longest time goes: its session is read from the start again.
    this.#unread.delete(this.#unread.keys().next().value as string);
  }

  noteWaiting(seat: CursorSeat, isWaiting: boolean): void {
    if (isWaiting) this.#waiting.add(seat);
    else this.#waiting.delete(seat);
  }
}
