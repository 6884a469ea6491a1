import type { OpenAnswer } from '../../entry/answer-state.ts';
import { ownText } from '../../support/own-text.ts';
import { sessionName } from './session-name.ts';

/** What an entry does to the lease of its answer: it begins or ends it. */
export interface LeaseChange {
  readonly type: 'opens' | 'closes';
  readonly streamId: string | undefined;
}

/** Something that is to be appended to a session's log. */
export interface PendingWrite {
  readonly type: 'entry' | 'end' | 'tombstone';
  readonly session: ProducedSession;
  /** The entry's number in its line; of a mark the number of the entry before it. */
  readonly sequence: number;
  /** Of a mark: its number among the line's marks. */
  readonly mark: number;
  /** The entry as it is stored; of a mark ''. */
  readonly data: string;
  readonly lease: LeaseChange | undefined;
  /** Its place among all writes of the store; the writer sets it. */
  position: number;
}

/** What this process has to know of a session it writes to. */
export class ProducedSession {
  readonly id: string;
  /** What the log calls it. */
  readonly name: string;
  /** Names these sequence numbers in the log: of one store, one session, without a pause longer than its time to live. */
  line: string;
  /** The number of the newest entry, from 1 on. Dropped entries have one too: the gap tells readers. */
  sequence = 0;
  /** This process has logged to it, and as far as it knows the entries are there. */
  hasEntries = false;
  /** The number of the newest mark. */
  marks = 0;
  openAnswer: OpenAnswer = 0;
  fate: 'live' | 'ended' | 'deleted' = 'live';
  lastUsedMillis: number;
  /** Entries and marks of this session that are not yet stored, and how many of them say that it was deleted. */
  pending = 0;
  pendingDeletions = 0;

  /** Answers that this process has begun and not ended, by stream id. */
  openAnswers: Set<string | undefined> | undefined = undefined;
  /** When their leases were last set. */
  leasesSetMillis: number = -Infinity;

  // What the writer keeps here.

  /** Writes that are not under way. */
  waiting: PendingWrite[] | undefined = undefined;
  /** Its last writes failed. */
  hasFailed = false;
  /** When its time to live was last set; `-Infinity`: it has to be. */
  ttlSetMillis: number = -Infinity;

  constructor(id: string, line: string, now: number) {
    this.id = id;
    this.name = sessionName(id);
    this.line = line;
    this.lastUsedMillis = now;
  }
}

/** Bounds of a {@link ProducedSessions}. */
export interface ProducedSessionsOptions {
  readonly maxSessions: number;
  readonly idleTtlMillis: number;
  readonly endedTtlMillis: number;
}

/** How many of the oldest are looked at for one to forget. */
const LOOKS = 8;

/**
 * The sessions this process writes to, bounded: the least recently begun that nothing is pending of goes first. A session that was
 * forgotten and comes back begins a new line of sequence numbers, which costs readers the knowledge of drops in between.
 */
export class ProducedSessions {
  readonly #options: ProducedSessionsOptions;
  readonly #producer: string;
  readonly #sessions = new Map<string, ProducedSession>();
  #serial = 0;

  /** @param producer Names the store: no two have the same. */
  constructor(producer: string, options: ProducedSessionsOptions) {
    this.#producer = producer;
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): ProducedSession | undefined {
    return this.#sessions.get(id);
  }

  /** The session, made when it is not known. */
  obtain(id: string, now: number): ProducedSession {
    const session = this.#sessions.get(id);
    if (session === undefined) return this.#begin(id, now);
    if (session.pending === 0) {
      if (this.#isPaused(session, now)) this.#beginLine(session);
      if (this.isExpired(session, now)) {
        session.openAnswer = 0;
        session.hasEntries = false;
      }
    }
    session.lastUsedMillis = now;
    return session;
  }

  /**
   * The log may be gone, since another process may have ended the session and time counts from the last renewal. Numbers
   * that went on would then tell new readers of entries that nobody can have missed.
   */
  #isPaused(session: ProducedSession, now: number): boolean {
    const { idleTtlMillis, endedTtlMillis } = this.#options;
    return now - session.lastUsedMillis >= 0.9 * Math.min(idleTtlMillis, endedTtlMillis);
  }

  #beginLine(session: ProducedSession): void {
    session.line = this.#nextLine();
    session.sequence = 0;
    session.marks = 0;
    session.ttlSetMillis = -Infinity;
  }

  isExpired(session: ProducedSession, now: number): boolean {
    const { idleTtlMillis, endedTtlMillis } = this.#options;
    return now - session.lastUsedMillis >= (session.fate === 'live' ? idleTtlMillis : endedTtlMillis);
  }

  /** A session that comes back begins a new line. Nothing of it may be pending. */
  forget(session: ProducedSession): void {
    if (session.pending === 0 && this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }

  values(): IterableIterator<ProducedSession> {
    return this.#sessions.values();
  }

  /** Forgets what has expired. */
  sweep(now: number): void {
    for (const session of this.#sessions.values()) {
      if (session.pending === 0 && this.isExpired(session, now)) this.#sessions.delete(session.id);
    }
  }

  #begin(id: string, now: number): ProducedSession {
    if (this.#sessions.size >= this.#options.maxSessions) this.#makeRoom(now);
    const own = ownText(id);
    const session = new ProducedSession(own, this.#nextLine(), now);
    this.#sessions.set(own, session);
    return session;
  }

  #nextLine(): string {
    this.#serial += 1;
    return this.#producer + this.#serial.toString(36);
  }

  #makeRoom(now: number): void {
    let looks = 0;
    for (const session of this.#sessions.values()) {
      if (session.pending === 0) {
        this.#sessions.delete(session.id);
        return;
      }
      // In use: to the end of the order, so that the next look finds another. What is pending is bounded elsewhere.
      this.#sessions.delete(session.id);
      this.#sessions.set(session.id, session);
      session.lastUsedMillis = now;
      looks += 1;
      if (looks >= LOOKS) return;
    }
  }
}
