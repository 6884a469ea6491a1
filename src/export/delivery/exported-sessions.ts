import { NOTHING_EXPORTED } from '../../entry/erasure.ts';
import type { ExportedRecords } from '../../entry/erasure.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import { ownText } from '../../support/own-text.ts';
import { recordMillis } from '../line-parts.ts';
import { sessionOf } from '../spool/erase-frames.ts';
import type { SpoolBatch } from '../spool/spool-batch.ts';

interface Exported {
  readonly sessionId: string;
  records: number;
  firstMillis: number;
  lastMillis: number;
}

/**
 * What the collector acknowledged of each session, for erasing a session there too. Beyond the limit, the session that
 * was first exported earliest is forgotten.
 */
export class ExportedSessions {
  readonly #maxSessions: number;
  readonly #sessions = new Map<string, Exported>();
  #last: Exported | undefined;
  /** Whether sessions with exported records were forgotten. */
  hasForgotten = false;

  constructor(maxSessions = 10_000) {
    this.#maxSessions = maxSessions;
  }

  /** Notes that the records of a batch from one index up to, but not including, another were acknowledged. */
  note(batch: SpoolBatch, from: number, to: number): void {
    for (let i = from; i < to; i += 1) {
      const record = batch.records[i];
      const sessionId = record && sessionOf(record, batch.sessions[i]);
      if (record === undefined || sessionId === undefined) continue;
      const session = this.#last?.sessionId === sessionId ? this.#last : this.#obtain(sessionId);
      const millis = recordMillis(record);
      session.records += 1;
      if (millis < session.firstMillis) session.firstMillis = millis;
      if (millis > session.lastMillis) session.lastMillis = millis;
    }
  }

  /** The first matching session. */
  find(isMeant: (sessionId: string) => boolean): string | undefined {
    for (const sessionId of this.#sessions.keys()) if (isMeant(sessionId)) return sessionId;
    return undefined;
  }

  of(sessionId: string): ExportedRecords {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return NOTHING_EXPORTED;
    const { records, firstMillis, lastMillis } = session;
    return { records, firstTimestamp: isoTimestamp(firstMillis), lastTimestamp: isoTimestamp(lastMillis) };
  }

  #obtain(sessionId: string): Exported {
    let session = this.#sessions.get(sessionId);
    if (session === undefined) {
      if (this.#sessions.size >= this.#maxSessions) {
        this.#sessions.delete(this.#sessions.keys().next().value as string);
        this.hasForgotten = true;
      }
      session = { sessionId: ownText(sessionId), records: 0, firstMillis: Infinity, lastMillis: -Infinity };
      this.#sessions.set(session.sessionId, session);
    }
    return (this.#last = session);
  }
}
