import { randomBytes } from 'node:crypto';

import { afterEntry, startBy } from '../../entry/answer-state.ts';
import { ABANDONED_END } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { STREAM_END_TOKEN } from '../../entry/tokens.ts';
import { messageOf, SessionLogsError } from '../../support/errors.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import { timeoutOption } from '../../support/options.ts';
import { ownText } from '../../support/own-text.ts';
import { reporterFor } from '../../support/reporter.ts';
import { settlesWithin } from '../../support/timeouts.ts';
import { sleep } from '../../support/timers.ts';
import type {
  ErasedEntries,
  OpenOptions,
  SessionCursor,
  SessionStore,
  StoreStats,
  StreamState,
} from '../session-store.ts';
import { AnswerLeases, leaseChangeBy } from './answer-leases.ts';
import { answerAround } from './answers.ts';
import { RemoteClaimCursor } from './claim-cursor.ts';
import { encodeEntry } from './entry-codec.ts';
import { eraseLog } from './erase-log.ts';
import { KeepAlive } from './keep-alive.ts';
import { latestAnswerState } from './latest-answer-state.ts';
import { Outage } from './outage.ts';
import { ProducedSessions } from './produced-sessions.ts';
import type { ProducedSession } from './produced-sessions.ts';
import { backoffMillis, CallFailed, RemoteCalls } from './remote-call.ts';
import { RemoteCursor } from './remote-cursor.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteLog } from './remote-log.ts';
import { parseRemoteOptions } from './remote-options.ts';
import type { RemoteSessionStoreOptions } from './remote-options.ts';
import { RemoteReaders } from './remote-readers.ts';
import { RemoteWriter } from './remote-writer.ts';
import { sessionName } from './session-name.ts';

const CLOSE_MILLIS = 10_000;
const FLUSH_MILLIS = 30_000;
/** Appends between two searches for expired sessions. */
const SWEEP_APPENDS = 4_096;

/**
 * Holds session logs in an engine that many hosts share: every host can read what any host logs. {@link RemoteLog}
 * describes what the engine does.
 *
 * `append` returns at once. The entry is readable, and has its id, once it is stored, some 5 ms later; a reader that is
 * opened later in the same process always finds it. While the engine is away, entries wait, up to the limits, and
 * readers wait; nothing throws. When it is back, nothing is stored twice or out of order. Readers get entries that a
 * limit dropped or the engine lost reported as missed.
 *
 * These concern this process only: the unread mark, `sessionIds()`, `activeSessionIds()`, `stats()`, and which answer
 * without a stream id is open (so a start marks only an answer that this process started as abandoned).
 *
 * @example const store = new RemoteSessionStore({ log: new PostgresLog(pool) }); const sessions = new SessionLogs({
 * store });
 */
export class RemoteSessionStore implements SessionStore {
  readonly #log: RemoteLog;
  readonly #lost = new LossCounters();
  readonly #outage: Outage;
  readonly #leases: AnswerLeases;
  readonly #calls: RemoteCalls;
  readonly #writer: RemoteWriter;
  readonly #produced: ProducedSessions;
  readonly #readers: RemoteReaders;
  #appendsToSweep = SWEEP_APPENDS;
  #isRefusing = false;
  #closing: Promise<void> | undefined;

  /** @throws TypeError that names the wrong option. */
  constructor(options: RemoteSessionStoreOptions) {
    const parsed = parseRemoteOptions(options);
    const { log } = parsed;
    const reporter = reporterFor(log.name.toLowerCase());
    this.#outage = new Outage(log.name, reporter);
    const shared = { calls: new RemoteCalls(), keepAlive: new KeepAlive(), reporter, outage: this.#outage };
    const producer = randomBytes(6).toString('base64url');
    this.#log = log;
    this.#calls = shared.calls;
    this.#produced = new ProducedSessions(producer, parsed);
    this.#leases = new AnswerLeases(log, producer, this.#produced, parsed, shared.calls);
    this.#writer = new RemoteWriter(log, producer, parsed, { ...shared, leases: this.#leases, lost: this.#lost });
    this.#readers = new RemoteReaders(log, parsed, { writer: this.#writer, produced: this.#produced }, shared);
    log.start({
      wake: (session) => this.#readers.wakeUps.wake(session),
      renewWatches: () => this.#readers.wakeUps.renew(),
      retry: () => {
        this.#writer.retry();
        this.#readers.reads.retry();
      },
    });
  }

  get failure(): unknown {
    return this.#outage.cause;
  }

  /** @returns `false` if the store is closed or the limit of pending entries is reached; both are counted. */
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
   * Sets an end mark. Only the engine knows which sessions have begun or ended, so a mark is always written, and
   * readers pass one that says nothing new. If several `pop` calls wait, only one of all hosts meets the end of a
   * session without entries.
   */
  end(sessionId: string): void {
    this.#mark(sessionId, 'end');
  }

  /**
   * Deletes the log: for this process's cursors at once, for all others when the engine has the deletion, which waits
   * like an entry while the engine is away.
   */
  delete(sessionId: string): void {
    this.#readers.noteDeletion(sessionId);
    this.#mark(sessionId, 'tombstone');
    this.#readers.wakeUps.wake(this.#nameOf(sessionId));
  }

  /**
   * Drops what waits to be stored, and removes the log with everything that the engine keeps of it. Readers of this
   * process end at once; those of other processes end if they look before the log is gone.
   *
   * @throws SessionLogsError `erasure_incomplete` if the engine refuses, or does not answer within 30 s.
   */
  async erase(sessionId: string): Promise<ErasedEntries> {
    const name = this.#nameOf(sessionId);
    const session = this.#produced.get(sessionId);
    this.#readers.noteDeletion(sessionId);
    if (session !== undefined) {
      session.fate = 'deleted';
      session.openAnswer = 0;
      session.hasEntries = false;
      this.#leases.forget(session);
    }
    const waiting = session === undefined ? 0 : await this.#writer.drop(session);
    const stored = await eraseLog(this.#log, this.#calls, name);
    if (session !== undefined) this.#produced.forget(session);
    this.#readers.wakeUps.wake(name);
    return { entries: waiting + stored.entries, remains: stored.remains };
  }

  open(sessionId: string, options: OpenOptions): SessionCursor {
    const id = ownText(sessionId);
    const { from } = options;
    const start = typeof from === 'object' && 'after' in from ? { after: ownText(from.after) } : from;
    return new RemoteCursor(this.#readers, id, this.#nameOf(id), { ...options, from: start });
  }

  claim(sessionId: string): SessionCursor {
    const id = ownText(sessionId);
    return new RemoteClaimCursor(this.#readers, this.#readers.claimed, id, this.#nameOf(id));
  }

  /**
   * @throws SessionLogsError `shut_down` if the store is closed before it knows; `not_supported` if the engine does not
   * let it read the session.
   */
  async answerState(sessionId: string): Promise<StreamState> {
    const id = ownText(sessionId);
    const state = await this.#ask(async () => {
      // A process that logs and then asks is told of what it logged.
      await this.#readers.settled(id);
      const isOpenHere = (this.#produced.get(id)?.openAnswer ?? 0) !== 0;
      return latestAnswerState(this.#readers.reads, this.#nameOf(id), isOpenHere);
    });
    if (typeof state === 'string') return state;
    const { name } = this.#log;
    if (this.#readers.isClosed) throw new SessionLogsError('shut_down', `${name} was closed before it answered`);
    const { cause } = state;
    throw new SessionLogsError('not_supported', `${name} cannot be read (${messageOf(cause)})`, { cause });
  }

  async streamState(sessionId: string, id: string): Promise<StreamState> {
    const { reads } = this.#readers;
    if (!reads.isId(id)) return 'none';
    const state = await this.#ask(async () => (await answerAround(reads, this.#nameOf(sessionId), id)).state);
    return typeof state === 'string' ? state : 'none';
  }

  /** @returns The state, or the failure if there will be no answer. */
  async #ask(state: () => Promise<StreamState>): Promise<StreamState | CallFailed> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await state();
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
        const isFinal = error.cause instanceof RemoteRefusal && error.cause.isFinal;
        // A reader that asks waits for the engine, as it does for entries: `'none'` would make it end with the wrong
        // answer.
        if (this.#readers.isClosed || isFinal) return error;
        await sleep(backoffMillis(failures), { keepsProcess: false });
      }
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

  /**
   * Ids of sessions that this process has written to and not ended, and of those on which its readers are waiting now.
   */
  activeSessionIds(): string[] {
    const now = performance.now();
    const ids = new Set(this.#readers.waitedOn());
    for (const session of this.#produced.values()) {
      const isLive = session.hasEntries && session.fate === 'live' && !this.#produced.isExpired(session, now);
      if (isLive) ids.add(session.id);
    }
    return [...ids].sort();
  }

  /**
   * @throws SessionLogsError `flush_timeout` with the number pending (default 30,000 ms); TypeError if it is not a
   * time.
   */
  async flush(timeoutMillis: number = FLUSH_MILLIS): Promise<void> {
    timeoutOption('flush', { timeoutMillis });
    await this.#writer.flush(timeoutMillis);
  }

  /**
   * Stores what is pending, then closes the log.
   *
   * Further calls can only shorten the time: the shortest counts, each from its call on.
   *
   * @throws SessionLogsError `flush_timeout` with the number pending, which is then counted as `after_shutdown`
   * (default 10,000 ms); TypeError if it is not a time.
   */
  close(timeoutMillis: number = CLOSE_MILLIS): Promise<void> {
    timeoutOption('close', { timeoutMillis });
    if (this.#closing === undefined) return (this.#closing = this.#close(timeoutMillis));
    settlesWithin(this.#closing, timeoutMillis).then(
      (isInTime) => {
        if (!isInTime) this.#writer.giveUp();
      },
      () => {
        // The promise of the first call reports the error.
      },
    );
    return this.#closing;
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#isRefusing = true;
    try {
      await this.#writer.flush(timeoutMillis);
    } finally {
      this.#leases.close();
      this.#writer.close();
      this.#readers.close();
      this.#outage.close();
      this.#log.close();
    }
  }

  /** Returns what this process knows: its sessions, its readers, and the entries that wait for the engine. */
  stats(): StoreStats {
    return {
      sessions: this.#produced.size,
      readers: this.#readers.count,
      entries: this.#writer.pendingEntries,
      bytes: this.#writer.pendingBytes,
      lost: this.#lost.toJSON(),
      unreadable: this.#readers.unreadable,
    };
  }

  #nameOf(sessionId: string): string {
    return this.#produced.get(sessionId)?.name ?? sessionName(sessionId);
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
    const lease = this.#leases.leaseMillis === Infinity ? undefined : leaseChangeBy(detail);
    if (lease !== undefined) this.#leases.note(session, lease);
    // Check before encoding, because during an outage nearly all entries are dropped.
    if (!this.#writer.admits('entry', message.length)) return false;
    return this.#writer.push({
      type: 'entry',
      session,
      sequence: session.sequence,
      mark: 0,
      data: encodeEntry(message, timestamp, detail),
      lease,
      position: 0,
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
    this.#leases.forget(session);
    this.#writer.push({ type, session, sequence, mark, data: '', lease: undefined, position: 0 });
  }
}
