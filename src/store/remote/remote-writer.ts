import { SessionLogsError } from '../../support/errors.ts';
import type { LossCounters } from '../../support/loss-counters.ts';
import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { cancelTurn, nextTurn, sleep, startTimer } from '../../support/timers.ts';
import type { Turn } from '../../support/timers.ts';
import type { AnswerLeases } from './answer-leases.ts';
import { asRemoteWrite } from './as-remote-write.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { Outage } from './outage.ts';
import type { PendingWrite, ProducedSession } from './produced-sessions.ts';
import { backoffMillis } from './remote-call.ts';
import type { CallFailed, RemoteCalls } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteLog } from './remote-log.ts';
import { writeBytes, WriteQueue } from './write-queue.ts';
import type { SessionWrites } from './write-queue.ts';

/** Limits and times of a {@link RemoteWriter}. */
export interface RemoteWriterOptions {
  readonly maxEntriesPerSession: number;
  readonly maxPendingEntries: number;
  readonly maxPendingBytes: number;
  readonly idleTtlMillis: number;
  readonly endedTtlMillis: number;
}

const BATCH_DELAY_MILLIS = 5;
const BATCH_ENTRIES = 500;
const DROP_LOOK_MILLIS = 5;
/** Marks are few and matter more than entries, so they may exceed the limits by a tenth. */
const MARKS_BEYOND = 1.1;

interface FlushWaiter {
  readonly upTo: number;
  /** Number of writes up to that position that are neither stored nor dropped. */
  pending: number;
  readonly settle: (isStored: boolean) => void;
}

/**
 * Writes to a log: takes entries at once and sends them in batches, one batch at a time. Resends, in order, whatever is
 * not known to be stored: the log leaves out what it already has.
 */
export class RemoteWriter {
  readonly #log: RemoteLog;
  readonly #producer: string;
  readonly #options: RemoteWriterOptions;
  readonly #calls: RemoteCalls;
  readonly #keepAlive: KeepAlive;
  readonly #leases: AnswerLeases;
  readonly #lost: LossCounters;
  readonly #reporter: Reporter;
  readonly #outage: Outage;
  readonly #overflow: Episode;
  readonly #queue = new WriteQueue();
  #batch: readonly SessionWrites[] = [];
  #entries = 0;
  #bytes = 0;
  #position: number = Date.now() * 1000;
  #isRunning = false;
  #isFlushDue = false;
  /** Whether the log does not answer, so that nothing is sent before the next try. */
  #isAway = false;
  #isClosed = false;
  #failures = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #turn: Turn | undefined;
  #waiters: FlushWaiter[] = [];

  /** @param producer A name that no other writer to the log ever had. */
  constructor(
    log: RemoteLog,
    producer: string,
    options: RemoteWriterOptions,
    shared: {
      readonly calls: RemoteCalls;
      readonly keepAlive: KeepAlive;
      readonly leases: AnswerLeases;
      readonly lost: LossCounters;
      readonly outage: Outage;
      readonly reporter: Reporter;
    },
  ) {
    this.#log = log;
    this.#producer = producer;
    this.#options = options;
    this.#calls = shared.calls;
    this.#keepAlive = shared.keepAlive;
    this.#leases = shared.leases;
    this.#lost = shared.lost;
    this.#outage = shared.outage;
    this.#reporter = shared.reporter;
    this.#overflow = new Episode(shared.reporter);
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  get pendingEntries(): number {
    return this.#entries;
  }

  get pendingBytes(): number {
    return this.#bytes;
  }

  /** Whether the limits leave room for a write of this many UTF-16 units; `false` counts it as dropped. */
  admits(type: PendingWrite['type'], length: number): boolean {
    const share = type === 'entry' ? 1 : MARKS_BEYOND;
    const { maxPendingEntries, maxPendingBytes } = this.#options;
    if (this.#entries < maxPendingEntries * share && this.#bytes + writeBytes(length) <= maxPendingBytes * share) {
      return true;
    }
    this.#lost.add('store_full');
    this.#overflow.begin(
      `${this.#entries} entries wait for ${this.#log.name}, which is the limit: new ones are dropped and counted (store_full)`,
    );
    return false;
  }

  /** Takes a write; `false` if the limit is reached and it is dropped and counted. */
  push(write: PendingWrite): boolean {
    if (!this.admits(write.type, write.data.length)) return false;
    this.#position += 1;
    this.#entries += 1;
    this.#bytes += writeBytes(write.data.length);
    write.session.pending += 1;
    if (write.type === 'tombstone') write.session.pendingDeletions += 1;
    write.position = this.#position;
    this.#queue.push(write);
    if (!this.#isRunning) this.#arm();
    return true;
  }

  /** Resolves when everything pushed before is stored or dropped for good; rejects if that takes too long. */
  async flush(timeoutMillis: number): Promise<void> {
    if (this.#entries === 0) return;
    this.#keepAlive.hold();
    const began = performance.now();
    let timer: NodeJS.Timeout | undefined;
    try {
      const isStored = await new Promise<boolean>((settle) => {
        this.#waiters.push({ upTo: this.#position, pending: this.#entries, settle });
        timer = startTimer(() => settle(false), timeoutMillis);
        void this.#run();
      });
      if (isStored) return;
      const millis = Math.round(performance.now() - began);
      const message = `${this.#log.name} did not take everything within ${millis} ms: ${this.#entries} entries wait`;
      throw new SessionLogsError('flush_timeout', message, { pending: this.#entries });
    } finally {
      clearTimeout(timer);
      this.#keepAlive.release();
    }
  }

  /**
   * Drops a session's waiting writes, and resolves when none that was pushed before the call is being sent.
   *
   * @returns The number of entries that were dropped.
   */
  async drop(session: ProducedSession): Promise<number> {
    const upTo = this.#position;
    let entries = 0;
    for (;;) {
      const dropped = this.#queue.drop(session, upTo);
      this.#settle(dropped);
      entries += dropped.filter(({ type }) => type === 'entry').length;
      const isUnderWay = this.#batch.some(
        (each) => each.session === session && each.writes.some(({ position }) => position <= upTo),
      );
      if (!isUnderWay) return entries;
      await sleep(DROP_LOOK_MILLIS);
    }
  }

  /** Makes running flushes reject now. */
  giveUp(): void {
    for (const { settle } of this.#waiters) settle(false);
    this.#waiters = [];
  }

  /** Retries failed writes now. */
  retry(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    if (this.#isClosed) return;
    this.#isAway = false;
    // One batch is enough to show whether the log takes anything again.
    this.#queue.release(BATCH_ENTRIES);
    this.#wake();
  }

  /** Closes the writer: pending writes are lost and counted. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#retryTimer);
    cancelTurn(this.#turn);
    this.giveUp();
    const left = [...this.#batch.flatMap(({ writes }) => writes), ...this.#queue.drain()];
    this.#batch = [];
    this.#settle(left);
    this.#lost.add('after_shutdown', left.length);
  }

  #arm(): void {
    if (this.#isAway) return;
    if (this.#queue.readyCount >= BATCH_ENTRIES) {
      this.#turn ??= nextTurn(() => {
        this.#turn = undefined;
        this.#wake();
      });
    } else {
      this.#flushTimer ??= startTimer(() => this.#wake(), BATCH_DELAY_MILLIS).unref();
    }
  }

  #wake(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#isFlushDue = true;
    void this.#run();
  }

  /** Sends one batch after the other while there is one; never two at a time. Never rejects. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#isDue()) await this.#sendBatch();
    this.#isRunning = false;
    if (this.#queue.readyCount > 0) this.#arm();
  }

  #isDue(): boolean {
    const { readyCount } = this.#queue;
    if (this.#isAway || readyCount === 0) return false;
    return this.#isFlushDue || readyCount >= BATCH_ENTRIES || this.#waiters.length > 0;
  }

  async #sendBatch(): Promise<void> {
    this.#isFlushDue = false;
    // Positions follow the wall clock, so that a producer that has long been silent has the lowest.
    this.#position = Math.max(this.#position, Date.now() * 1000);
    this.#batch = this.#queue.take(BATCH_ENTRIES);
    const batch = this.#batch;
    const failures = await Promise.all(batch.map((each) => this.#send(each)));
    // It was closed meanwhile, which settled the batch.
    if (this.#batch !== batch) return;
    this.#batch = [];
    this.#judge(batch, failures);
  }

  /** Sends writes; resolves to `undefined` if they are stored. */
  async #send({ session, writes }: SessionWrites): Promise<CallFailed | undefined> {
    const now = performance.now();
    const { maxEntriesPerSession, idleTtlMillis, endedTtlMillis } = this.#options;
    const isEnding = writes.at(-1)?.type !== 'entry';
    // Considers not only the idle time, because another process may have ended the session, which shortens its time to
    // live.
    const refreshMillis = Math.min(idleTtlMillis / 10, endedTtlMillis / 2);
    const renewsTtl = isEnding || now - session.ttlSetMillis >= refreshMillis;
    const renews = this.#leases.due(session, now);
    const ttlMillis = Math.max(1, Math.ceil(isEnding ? endedTtlMillis : idleTtlMillis));
    try {
      await this.#calls.answerOf(() =>
        this.#log.append({
          session: session.name,
          producer: this.#producer,
          writes: writes.map(asRemoteWrite),
          maxItems: maxEntriesPerSession,
          ttlMillis,
          renewsTtl,
          renews,
          leaseMillis: this.#leases.leaseMillis,
        }),
      );
    } catch (error) {
      session.ttlSetMillis = -Infinity;
      return error as CallFailed;
    }
    // Writes after an end have to restore the time to live at once.
    if (renewsTtl) session.ttlSetMillis = isEnding ? -Infinity : now;
    if (renews.length > 0) session.leasesSetMillis = now;
    return undefined;
  }

  #judge(batch: readonly SessionWrites[], failures: readonly (CallFailed | undefined)[]): void {
    const settled: PendingWrite[] = [];
    const failed: SessionWrites[] = [];
    let hasRecovered = false;
    batch.forEach((each, index) => {
      const failure = failures[index];
      const isSettled = failure === undefined || this.#isRefusedForGood(each, failure);
      if (isSettled) settled.push(...each.writes);
      else failed.push(each);
      hasRecovered ||= isSettled && each.session.hasFailed;
      each.session.hasFailed = !isSettled;
    });
    if (settled.length > 0) this.#outage.succeeded('append');
    if (hasRecovered) this.#queue.release(Infinity);
    for (const each of failed) this.#queue.hold(each);
    if (this.#queue.hasHeld) this.#retryLater();
    else this.#failures = 0;
    this.#isFlushDue ||= hasRecovered;
    this.#settle(settled);
  }

  /** Reports a failure; returns `true` if the writes were refused and so are dropped and counted. */
  #isRefusedForGood({ writes }: SessionWrites, { cause }: CallFailed): boolean {
    if (!(cause instanceof RemoteRefusal)) {
      this.#isAway = true;
      this.#outage.failed('append', cause);
      return false;
    }
    const { code, isFinal } = cause;
    const fate = isFinal ? `${writes.length} are dropped and counted (store_refused)` : 'they are sent again';
    const message = `${this.#log.name} refuses entries (${code}): ${fate}`;
    this.#reporter.limited(`refused ${code}`, message, cause.cause ?? cause);
    if (isFinal) this.#lost.add('store_refused', writes.length);
    return isFinal;
  }

  #retryLater(): void {
    if (this.#retryTimer !== undefined) return;
    this.#retryTimer = startTimer(() => this.retry(), backoffMillis(this.#failures)).unref();
    this.#failures += 1;
  }

  #settle(writes: readonly PendingWrite[]): void {
    for (const { session, type, data } of writes) {
      session.pending -= 1;
      if (type === 'tombstone') session.pendingDeletions -= 1;
      this.#bytes -= writeBytes(data.length);
    }
    this.#entries -= writes.length;
    if (this.#overflow.isOpen && this.#entries < this.#options.maxPendingEntries / 2) {
      this.#overflow.end(`${this.#log.name} takes entries again: no more entries are dropped`);
    }
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => {
      for (const { position } of writes) if (position <= waiter.upTo) waiter.pending -= 1;
      if (waiter.pending > 0) return true;
      waiter.settle(true);
      return false;
    });
  }
}
