import type { DeliveryReport, RoutedRecord } from '../../entry/routed-record.ts';
import { ownText } from '../../support/own-text.ts';
import type { SessionEntry } from '../spool/codec/frame-format.ts';
import type { Segment } from '../spool/segment.ts';

/** How far the records of one session have come, counting only those of this process. */
interface SessionPosition {
  readonly sessionId: string;
  /** Id and order of the newest entry that the spool got as a record. */
  newestId: string | undefined;
  newestOrder: number;
  /** Number of records that the spool got. */
  appended: number;
  /** How many of them are delivered, rejected or dropped: the first ones, because records are sent in order. */
  settled: number;
  rejected: number;
  dropped: number;
  deliveredId: string | undefined;
  /** Whether it was used since the last round of the clock hand. */
  isUsed: boolean;
  isForgotten: boolean;
}

/**
 * How far the records of each session have come, for `flushSession`.
 *
 * It holds `maxSessions` at most: beyond that, a session that was not used for long is forgotten and counts as unknown.
 */
export class SessionPositions {
  readonly #sessions = new Map<string, SessionPosition>();
  /** How many records of each session each segment holds, so that those of a dropped segment are counted. */
  readonly #inSegments = new Map<Segment, Map<SessionPosition, number>>();
  readonly #maxSessions: number;

  constructor(maxSessions = 10_000) {
    this.#maxSessions = maxSessions;
  }

  /** Counts a record of the session that is about to be written. `entry`: the record's session entry. */
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

  /** Notes the segment that the records were written to; `undefined` if they are lost. */
  appended(segment: Segment | undefined, sessions: readonly SessionPosition[]): void {
    if (segment === undefined) {
      for (const session of sessions) {
        // Not counted as settled, because the records before it still wait.
        session.appended -= 1;
        session.dropped += 1;
      }
      return;
    }
    let inSegment = this.#inSegments.get(segment);
    if (inSegment === undefined) this.#inSegments.set(segment, (inSegment = new Map<SessionPosition, number>()));
    for (const session of sessions) {
      if (!session.isForgotten) inSegment.set(session, (inSegment.get(session) ?? 0) + 1);
    }
  }

  /** Counts a record of the session for which there was no room. */
  refused(sessionId: string): void {
    this.appended(undefined, [this.appending(sessionId)]);
  }

  /** Counts a record that the collector accepted or rejected. */
  settled(segment: Segment, entry: SessionEntry, isDelivered: boolean): void {
    const session = this.#sessions.get(entry.sessionId);
    const inSegment = this.#inSegments.get(segment);
    const count = session === undefined ? undefined : inSegment?.get(session);
    if (session === undefined || count === undefined) return; // Forgotten meanwhile, or of another process.
    if (count === 1) inSegment?.delete(session);
    else inSegment?.set(session, count - 1);
    session.settled += 1;
    if (!isDelivered) session.rejected += 1;
    // The id is a slice of a whole frame's text, which it would keep alive.
    else if (entry.entryId !== undefined) session.deliveredId = ownText(entry.entryId);
  }

  /** Called when a file has replaced a segment in memory. */
  moved(from: Segment, to: Segment): void {
    const inSegment = this.#inSegments.get(from);
    if (inSegment === undefined) return;
    this.#inSegments.delete(from);
    this.#inSegments.set(to, inSegment);
  }

  /** Counts as dropped the records that a removed segment still held. */
  removed(segment: Segment): void {
    for (const [session, count] of this.#inSegments.get(segment) ?? []) {
      session.settled += count;
      session.dropped += count;
    }
    this.#inSegments.delete(segment);
  }

  /** The session's records were erased: ends every wait for them. */
  erased(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    this.#sessions.delete(sessionId);
    session.settled = session.appended;
    this.#forget(session);
  }

  /** Watches the records that a session has now; `undefined` if the session is unknown. */
  watch(sessionId: string): SessionWatch | undefined {
    const session = this.#sessions.get(sessionId);
    return session === undefined ? undefined : new SessionWatch(session);
  }

  /** Forgets the first session that was not used since the clock hand last passed it (second-chance algorithm). */
  #forgetOne(): void {
    for (const session of this.#sessions.values()) {
      this.#sessions.delete(session.sessionId);
      if (!session.isUsed) return this.#forget(session);
      session.isUsed = false;
      this.#sessions.set(session.sessionId, session);
    }
  }

  /** Forgets the session in the segments too, which stay as long as the collector is away. */
  #forget(session: SessionPosition): void {
    session.isForgotten = true;
    for (const inSegment of this.#inSegments.values()) inSegment.delete(session);
  }
}

export type { SessionPosition };

/** The records that a session had when the watch began. */
class SessionWatch {
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
