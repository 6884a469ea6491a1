import { isChat, lapsedEnd } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { STREAM_END_TOKEN } from '../../entry/tokens.ts';
import { ownText } from '../../support/own-text.ts';
import { startInterval } from '../../support/timers.ts';
import { encodeEntry } from './entry-codec.ts';
import type { LeaseChange, ProducedSession, ProducedSessions } from './produced-sessions.ts';
import { CallFailed } from './remote-call.ts';
import type { RemoteCalls } from './remote-call.ts';
import type { RemoteLease, RemoteLog } from './remote-log.ts';
import { sessionName } from './session-name.ts';
import { FIELD } from './stored-item.ts';

/** Renewals of a lease within its time, so that two may fail. */
const RENEWALS = 3;
/** The most sessions, and answers of one session, whose leases are renewed; beyond that the oldest lapse. */
const MAX_SESSIONS = 10_000;
const MAX_ANSWERS = 100;

export interface AnswerLeaseOptions {
  readonly answerLeaseMillis: number;
  readonly idleTtlMillis: number;
  readonly maxEntriesPerSession: number;
}

/**
 * What the entry does to a lease, if it is a chat `stream-start` or `stream-end`. Kept while the answer is open or the
 * entry waits.
 */
export function leaseChangeBy(detail: EntryDetail | undefined): LeaseChange | undefined {
  if (detail === undefined || !isChat(detail)) return undefined;
  const { kind, streamId } = detail;
  if (kind !== 'stream-start' && kind !== 'stream-end') return undefined;
  return {
    type: kind === 'stream-start' ? 'opens' : 'closes',
    streamId: streamId === undefined ? undefined : ownText(streamId),
  };
}

/** The name of an answer's lease; no stream id leads to the name of the answer without one. */
export function leaseName(streamId: string | undefined): string {
  return streamId === undefined ? '.' : sessionName(streamId);
}

/**
 * Makes a lease with the item that is appended when it lapses. Its time is that of this renewal, the last sign of life.
 */
export function leaseOf(streamId: string | undefined): RemoteLease {
  const will = [FIELD.data, encodeEntry(STREAM_END_TOKEN, Date.now(), lapsedEnd(streamId))];
  return { name: leaseName(streamId), will };
}

/** Renews the leases of answers that this process has begun but not ended, unless other writes renew them. */
export class AnswerLeases {
  readonly leaseMillis: number;
  readonly #log: RemoteLog;
  readonly #producer: string;
  readonly #produced: ProducedSessions;
  readonly #options: AnswerLeaseOptions;
  readonly #calls: RemoteCalls;
  /** Sessions with open answers, in the order in which they began. */
  readonly #sessions = new Set<ProducedSession>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    log: RemoteLog,
    producer: string,
    produced: ProducedSessions,
    options: AnswerLeaseOptions,
    calls: RemoteCalls,
  ) {
    this.#log = log;
    this.#producer = producer;
    this.#produced = produced;
    this.leaseMillis = options.answerLeaseMillis;
    this.#options = options;
    this.#calls = calls;
  }

  /** Notes that an answer of the session begins or ends. */
  note(session: ProducedSession, { type, streamId }: LeaseChange): void {
    if (type === 'closes') {
      session.openAnswers?.delete(streamId);
      if (session.openAnswers?.size === 0) this.forget(session);
      return;
    }
    const open = (session.openAnswers ??= new Set());
    open.delete(streamId);
    open.add(streamId);
    if (open.size > MAX_ANSWERS) open.delete(open.values().next().value);
    this.#sessions.add(session);
    if (this.#sessions.size > MAX_SESSIONS) this.forget(this.#sessions.values().next().value as ProducedSession);
    this.#timer ??= startInterval(() => this.#beat(), Math.max(100, this.leaseMillis / 4 / RENEWALS)).unref();
  }

  /** Notes that no answer of the session is open. */
  forget(session: ProducedSession): void {
    session.openAnswers = undefined;
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Returns the leases of the session that are due for renewal. */
  due(session: ProducedSession, now: number): RemoteLease[] {
    if (session.openAnswers === undefined || now - session.leasesSetMillis < this.leaseMillis / RENEWALS) return [];
    return [...session.openAnswers].map(leaseOf);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#sessions.clear();
  }

  #beat(): void {
    const now = performance.now();
    for (const session of this.#sessions) {
      const isKept = this.#produced.get(session.id) === session && !this.#produced.isExpired(session, now);
      if (!isKept) this.forget(session);
      // Pending writes renew it.
      else if (session.pending === 0) void this.#renew(session, now);
    }
  }

  async #renew(session: ProducedSession, now: number): Promise<void> {
    const renews = this.due(session, now);
    if (renews.length === 0) return;
    session.leasesSetMillis = now;
    try {
      await this.#calls.answerOf(() =>
        this.#log.append({
          session: session.name,
          producer: this.#producer,
          writes: [],
          maxItems: this.#options.maxEntriesPerSession,
          ttlMillis: this.#options.idleTtlMillis,
          renewsTtl: false,
          renews,
          leaseMillis: this.leaseMillis,
        }),
      );
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      // The next beat tries again. More important calls report an outage.
      session.leasesSetMillis = -Infinity;
    }
  }
}
