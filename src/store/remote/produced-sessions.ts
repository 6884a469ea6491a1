import type { OpenAnswer } from '../../entry/answer-state.ts';
import { ownText } from '../../support/own-text.ts';
import { sessionName } from './session-name.ts';

/** What an entry does to its answer's lease: begin or end it. */
export interface LeaseChange {
  readonly type: 'opens' | 'closes';
  readonly streamId: string | undefined;
}

/** A write to a session's log. */
export interface PendingWrite {
  readonly type: 'entry' | 'end' | 'tombstone';
  readonly session: ProducedSession;
  /** The entry's number in its line; for a mark, the number of the entry before it. */
  readonly sequence: number;
  /** For a mark, its number among the line's marks. */
  readonly mark: number;
  /** The encoded entry; `''` for a mark. */
  readonly data: string;
  readonly lease: LeaseChange | undefined;
  /** Its place among all writes of the store, set by the writer. */
  position: number;
}

/** What this process knows of a session that it writes to. */
export class ProducedSession {
  readonly id: string;
  /** The session's name in the log. */
  readonly name: string;
  /**
   * The name of a line of sequence numbers in the log: of one store and one session, without a pause longer than the
   * time to live.
   */
  line: string;
  /** The number of the newest entry, from 1 on. Dropped entries have a number too, so that readers see the gap. */
  sequence = 0;
  /** Whether this process has logged to it and, as far as it knows, the entries still exist. */
  hasEntries = false;
  /** The number of the newest mark. */
  marks = 0;
  openAnswer: OpenAnswer = 0;
  fate: 'live' | 'ended' | 'deleted' = 'live';
  lastUsedMillis: number;
  /** Number of this session's entries and marks that are not stored yet, and how many of them are deletions. */
  pending = 0;
  pendingDeletions = 0;

  /** Answers that this process has begun but not ended, by stream id. */
  openAnswers: Set<string | undefined> | undefined = undefined;
  /** When their leases were last set. */
  leasesSetMillis: number = -Infinity;

  // What the writer keeps here.

  /** Writes that are not being sent. */
  waiting: PendingWrite[] | undefined = undefined;
  /** Whether its last writes failed. */
  hasFailed = false;
  /** When its time to live was last set; `-Infinity` if it has to be set. */
  ttlSetMillis: number = -Infinity;

  constructor(id: string, line: string, now: number) {
    this.id = id;
    this.name = sessionName(id);
    this.line = line;
    this.lastUsedMillis = now;
  }
}

/** Limits of a {@link ProducedSessions}. */
export interface ProducedSessionsOptions {
  readonly maxSessions: number;
  readonly idleTtlMillis: number;
  readonly endedTtlMillis: number;
}

/** How many of the oldest sessions are checked when one has to be forgotten. */
const LOOKS = 8;

/**
 * The sessions that this process writes to, up to a limit: the least recently begun one without pending writes is
 * forgotten first. A forgotten session that comes back begins a new line of sequence numbers, so that readers do not
 * learn of drops in between.
 */
export class ProducedSessions {
  readonly #options: ProducedSessionsOptions;
  readonly #producer: string;
  readonly #sessions = new Map<string, ProducedSession>();
  #serial = 0;

  /** @param producer A unique name of the store. */
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

  /** Returns the session, and makes it if it is not known. */
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
   * Whether the log may be gone, because another process may have ended the session and time counts from the last
   * renewal. Numbers that went on would then make new readers report entries that nobody can have missed.
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

  /** Forgets a session without pending writes; if it comes back, it begins a new line. */
  forget(session: ProducedSession): void {
    if (session.pending === 0 && this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }

  values(): IterableIterator<ProducedSession> {
    return this.#sessions.values();
  }

  /** Forgets expired sessions. */
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
      // It is in use: move it to the end, so that the next look finds another. Pending writes have a limit of their
      // own.
      this.#sessions.delete(session.id);
      this.#sessions.set(session.id, session);
      session.lastUsedMillis = now;
      looks += 1;
      if (looks >= LOOKS) return;
    }
  }
}
