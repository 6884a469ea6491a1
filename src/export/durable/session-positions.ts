import type { DeliveryReport, RoutedRecord } from '../../entry/routed-record.ts';
import { ownText } from '../../support/own-text.ts';
import type { SessionMark } from '../spool/codec/record-format.ts';
import type { Segment } from '../spool/segment.ts';

/** What is known of one session's records; only ever of those of this process. */
interface SessionPosition {
  readonly sessionId: string;
  /** Id and order of the newest entry of which a record was given to the spool. */
  newestId: string | undefined;
  newestOrder: number;
  /** Records given to the spool. */
  appended: number;
  /** Records of them that are delivered, rejected or dropped; the first ones, since sending is in order. */
  settled: number;
  rejected: number;
  dropped: number;
  deliveredId: string | undefined;
  /** Used since the last round of the clock hand. */
  isUsed: boolean;
  isForgotten: boolean;
}

/**
 * How far each session's records came: what `flushSession` answers from.
 *
 * Bounded: beyond `maxSessions` one that was not used for long is forgotten, and counts as unknown.
 */
export class SessionPositions {
  readonly #sessions = new Map<string, SessionPosition>();
  /** What each segment holds of each session, so that a dropped segment is accounted for. */
  readonly #inSegments = new Map<Segment, Map<SessionPosition, number>>();
  readonly #maxSessions: number;

  constructor(maxSessions = 10_000) {
    this.#maxSessions = maxSessions;
  }

  /** A record of the session is about to be written; with which entry, where that has an id. */
  appending(sessionId: string, entry?: Pick<RoutedRecord, 'entryId' | 'order'>): SessionPosition {
    let session = this.#sessions.get(sessionId);
    if (session === undefined) {
      if (this.#sessions.size >= this.#maxSessions) this.#forgetOne();
      session = {
        sessionId: ownText(sessionId),
        newestId: undefined,
        newestOrder: -1,
        appended: 0,
        settled: 0,
        rejected: 0,
        dropped: 0,
        deliveredId: undefined,
        isUsed: true,
        isForgotten: false,
      };
      this.#sessions.set(session.sessionId, session);
    }
    session.isUsed = true;
    session.appended += 1;
    if (entry?.entryId !== undefined && entry.order > session.newestOrder) {
      session.newestId = entry.entryId;
      session.newestOrder = entry.order;
    }
    return session;
  }

  /** The records were written into a segment; without one they are lost. */
  appended(segment: Segment | undefined, sessions: readonly SessionPosition[]): void {
    if (segment === undefined) {
      for (const session of sessions) drop(session, 1);
      return;
    }
    let inSegment = this.#inSegments.get(segment);
    if (inSegment === undefined) this.#inSegments.set(segment, (inSegment = new Map<SessionPosition, number>()));
    for (const session of sessions) {
      if (!session.isForgotten) inSegment.set(session, (inSegment.get(session) ?? 0) + 1);
    }
  }

  /** The collector took or refused a record. */
  settled(segment: Segment, mark: SessionMark, isDelivered: boolean): void {
    const session = this.#sessions.get(mark.sessionId);
    const inSegment = this.#inSegments.get(segment);
    const count = session === undefined ? undefined : inSegment?.get(session);
    if (session === undefined || count === undefined) return; // Forgotten meanwhile, or of another process.
    if (count === 1) inSegment?.delete(session);
    else inSegment?.set(session, count - 1);
    session.settled += 1;
    if (!isDelivered) session.rejected += 1;
    // The mark's text is a part of all the text of its entry in the spool.
    else if (mark.entryId !== undefined) session.deliveredId = ownText(mark.entryId);
  }

  /** A file takes the place of what waited in memory. */
  moved(from: Segment, to: Segment): void {
    const inSegment = this.#inSegments.get(from);
    if (inSegment === undefined) return;
    this.#inSegments.delete(from);
    this.#inSegments.set(to, inSegment);
  }

  /** What a removed segment still held was dropped. */
  removed(segment: Segment): void {
    for (const [session, count] of this.#inSegments.get(segment) ?? []) drop(session, count);
    this.#inSegments.delete(segment);
  }

  /** A look at a session from this moment on; `undefined` when nothing is known of it. */
  watch(sessionId: string): SessionWatch | undefined {
    const session = this.#sessions.get(sessionId);
    return session === undefined ? undefined : new SessionWatch(session);
  }

  /** The clock hand: the first session that was not used since it last came by. */
  #forgetOne(): void {
    for (const session of this.#sessions.values()) {
      this.#sessions.delete(session.sessionId);
      if (!session.isUsed) return this.#forget(session);
      session.isUsed = false;
      this.#sessions.set(session.sessionId, session);
    }
  }

  /** In the segments too, which stay for as long as the collector is away. */
  #forget(session: SessionPosition): void {
    session.isForgotten = true;
    for (const inSegment of this.#inSegments.values()) inSegment.delete(session);
  }
}

export type { SessionPosition };

/** The records a session had at one moment. */
export class SessionWatch {
  readonly #session: SessionPosition;
  readonly #target: number;

  constructor(session: SessionPosition) {
    this.#session = session;
    this.#target = session.appended;
  }

  get isSettled(): boolean {
    return this.#session.settled >= this.#target;
  }

  report(): DeliveryReport {
    const { settled, deliveredId, rejected, dropped } = this.#session;
    return { deliveredId, pending: Math.max(0, this.#target - settled), rejected, dropped };
  }
}

function drop(session: SessionPosition, count: number): void {
  session.settled += count;
  session.dropped += count;
}
