import { randomBytes } from 'node:crypto';

import type { OpenAnswer } from '../../entry/answer-state.ts';
import { ownText } from '../../support/own-text.ts';
import { sessionKeys } from './redis-keys.ts';
import type { SessionKeys } from './redis-keys.ts';

/** What this process has to know of a session it writes to. */
export class ProducedSession {
  readonly id: string;
  readonly keys: SessionKeys;
  /** Names this line of sequence numbers in the log: of one store, one session, without a pause longer than its TTL. */
  producer: string;
  /** The number of the newest entry, from 1 on. Dropped entries have one too: the gap tells readers. */
  sequence = 0;
  /** This process has logged to it, and as far as it knows the entries are there. */
  hasEntries = false;
  /** The number of the newest mark. */
  marks = 0;
  openAnswer: OpenAnswer = 0;
  fate: 'live' | 'ended' | 'deleted' = 'live';
  lastUsedMillis: number;
  /** Entries of this session that are not yet stored. */
  pending = 0;

  // What the writer keeps here.

  /** Entries among those that wait for their next try: whatever comes later waits behind them. */
  parked = 0;
  /** Its last write failed: one is tried before the others, since a server that recovers takes the rest of a batch it began to refuse. */
  isProbing = false;
  /** It is not known what of the last batch was stored. */
  isInDoubt = false;
  /** The id of the newest entry known to be stored. */
  storedId: string | undefined = undefined;
  /** When the key's time to live was last set; `-Infinity`: it has to be. */
  expirySetMillis: number = -Infinity;

  constructor(id: string, keys: SessionKeys, producer: string, now: number) {
    this.id = id;
    this.keys = keys;
    this.producer = producer;
    this.lastUsedMillis = now;
  }
}

/** Bounds of a {@link ProducedSessions}. */
export interface ProducedSessionsOptions {
  readonly prefix: string;
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
  readonly #incarnation = randomBytes(6).toString('base64url');
  readonly #sessions = new Map<string, ProducedSession>();
  #serial = 0;

  constructor(options: ProducedSessionsOptions) {
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
   * The key may be gone, since another process may have ended the session and Redis counts from the last renewal. Numbers
   * that went on would then tell new readers of entries that nobody can have missed.
   */
  #isPaused(session: ProducedSession, now: number): boolean {
    const { idleTtlMillis, endedTtlMillis } = this.#options;
    return now - session.lastUsedMillis >= 0.9 * Math.min(idleTtlMillis, endedTtlMillis);
  }

  #beginLine(session: ProducedSession): void {
    session.producer = this.#nextProducer();
    session.sequence = 0;
    session.marks = 0;
    session.storedId = undefined;
    session.expirySetMillis = -Infinity;
  }

  isExpired(session: ProducedSession, now: number): boolean {
    const { idleTtlMillis, endedTtlMillis } = this.#options;
    return now - session.lastUsedMillis >= (session.fate === 'live' ? idleTtlMillis : endedTtlMillis);
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
    const session = new ProducedSession(own, sessionKeys(this.#options.prefix, own), this.#nextProducer(), now);
    this.#sessions.set(own, session);
    return session;
  }

  #nextProducer(): string {
    this.#serial += 1;
    return this.#incarnation + this.#serial.toString(36);
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
