import { SessionLogsError } from '../../support/errors.ts';
import type { LossCounters } from '../../support/loss-counters.ts';
import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { cancelTurn, nextTurn, startTimer, startWorkTimer, stopWorkTimer } from '../../support/timers.ts';
import type { Turn, WorkTimer } from '../../support/timers.ts';
import { batchCommands } from './redis-batch.ts';
import type { BatchOptions } from './redis-batch.ts';
import { RedisFailure } from './redis-client.ts';
import type { RedisPort, RedisReply } from './redis-client.ts';
import { backoffMillis, RedisLink } from './redis-link.ts';
import type { KeepAlive, Outage } from './redis-link.ts';
import { isStoredBy, newestOwn } from './redis-newest-stored.ts';
import type { StoredItem } from './redis-page.ts';
import type { ProducedSession } from './redis-producer.ts';
import { isFinal, isOfConnection, judgeReplies } from './redis-verdict.ts';
import { writeBytes, WriteQueue } from './redis-write-queue.ts';
import type { PendingWrite } from './redis-write-queue.ts';

/** Bounds and times of a {@link RedisWriter}. */
export interface RedisWriterOptions {
  readonly maxEntriesPerSession: number;
  readonly maxPendingEntries: number;
  readonly maxPendingBytes: number;
  readonly idleTtlMillis: number;
  readonly endedTtlMillis: number;
}

const BATCH_DELAY_MILLIS = 5;
const BATCH_ENTRIES = 500;
/** Marks are few and say more than an entry: they may go beyond the bound of entries by a tenth. */
const MARKS_BEYOND = 1.1;

interface FlushWaiter {
  readonly upTo: number;
  readonly settle: (isStored: boolean) => void;
}

/**
 * Writes to Redis: takes entries at once, sends them in batches, one batch at a time, and sends nothing twice.
 *
 * When an answer is missing it looks for its own entries before it sends again. An entry that was refused while a later one of its
 * session was stored (memory became free in between) is dropped and counted rather than stored out of order.
 */
export class RedisWriter {
  readonly #options: RedisWriterOptions;
  readonly #commandOptions: BatchOptions;
  readonly #link: RedisLink;
  readonly #keepAlive: KeepAlive;
  readonly #lost: LossCounters;
  readonly #reporter: Reporter;
  readonly #overflow: Episode;
  readonly #queue = new WriteQueue();
  #batch: readonly PendingWrite[] = [];
  #entries = 0;
  #bytes = 0;
  #order = 0;
  #isRunning = false;
  #isFlushDue = false;
  /** The connection is new: what comes first shows whether the server takes anything. */
  #isProbing = false;
  #failures = 0;
  #retryAt = -Infinity;
  #flushTimer: WorkTimer | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #turn: Turn | undefined;
  #waiters: FlushWaiter[] = [];

  constructor(
    port: RedisPort,
    options: RedisWriterOptions,
    shared: {
      readonly keepAlive: KeepAlive;
      readonly outage: Outage;
      readonly lost: LossCounters;
      readonly reporter: Reporter;
    },
  ) {
    this.#options = options;
    this.#commandOptions = { ...options, publish: port.isCluster ? 'SPUBLISH' : 'PUBLISH' };
    this.#keepAlive = shared.keepAlive;
    this.#lost = shared.lost;
    this.#reporter = shared.reporter;
    this.#overflow = new Episode(shared.reporter);
    this.#link = new RedisLink(port, shared.keepAlive, shared.outage, {
      onReady: () => {
        this.#isProbing = true;
        this.#wake();
      },
    });
  }

  get isDown(): boolean {
    return this.#link.isDown;
  }

  get pendingEntries(): number {
    return this.#entries;
  }

  get pendingBytes(): number {
    return this.#bytes;
  }

  /** Whether the bounds leave room for a write of so many UTF-16 units; `false`: it counts as dropped. */
  admits(type: PendingWrite['type'], length: number): boolean {
    const limit = this.#options.maxPendingEntries * (type === 'entry' ? 1 : MARKS_BEYOND);
    if (this.#entries < limit && this.#bytes + writeBytes(length) <= this.#options.maxPendingBytes) return true;
    this.#lost.add('store_full');
    this.#overflow.begin(
      `${this.#entries} entries wait for Redis, which is the bound: new ones are dropped and counted (store_full)`,
    );
    return false;
  }

  /** Takes a write; `false`: the bound is reached, it is dropped and counted. */
  push(write: PendingWrite): boolean {
    if (!this.admits(write.type, write.data.length)) return false;
    this.#order += 1;
    this.#entries += 1;
    this.#bytes += writeBytes(write.data.length);
    write.session.pending += 1;
    write.order = this.#order;
    this.#queue.push(write);
    if (!this.#isRunning) this.#arm();
    return true;
  }

  /** Resolves when everything pushed before is stored or dropped for good; rejects when it is not in time. */
  async flush(timeoutMillis: number): Promise<void> {
    if (this.#entries === 0) return;
    this.#keepAlive.hold();
    const began = performance.now();
    let timer: NodeJS.Timeout | undefined;
    try {
      const isStored = await new Promise<boolean>((settle) => {
        this.#waiters.push({ upTo: this.#order, settle });
        timer = startTimer(() => settle(false), timeoutMillis);
        void this.#run();
      });
      if (isStored) return;
      const millis = Math.round(performance.now() - began);
      const message = `Redis did not take everything in ${millis} ms: ${this.#entries} entries wait`;
      throw new SessionLogsError('flush_timeout', message, { pending: this.#entries });
    } finally {
      clearTimeout(timer);
      this.#keepAlive.release();
    }
  }

  /** Flushes that are under way reject now. */
  giveUp(): void {
    for (const { settle } of this.#waiters) settle(false);
    this.#waiters = [];
  }

  /** Ends the connection; what is pending then is lost and counted. */
  close(): void {
    stopWorkTimer(this.#flushTimer);
    clearTimeout(this.#retryTimer);
    cancelTurn(this.#turn);
    this.#link.close();
    this.giveUp();
    const left = [...this.#batch, ...this.#queue.drain()];
    this.#batch = [];
    this.#settle(left);
    this.#lost.add('after_shutdown', left.length);
  }

  #arm(): void {
    if (this.#queue.freshCount >= BATCH_ENTRIES) {
      this.#turn ??= nextTurn(() => {
        this.#turn = undefined;
        this.#wake();
      });
    } else {
      this.#flushTimer ??= startWorkTimer(() => this.#wake(), BATCH_DELAY_MILLIS).unref();
    }
  }

  #wake(): void {
    stopWorkTimer(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#isFlushDue = true;
    void this.#run();
  }

  /** One batch after the other while there is one to send; never two at a time, never rejects. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#link.isReady && this.#isDue()) await this.#sendBatch();
    } catch (error) {
      // A defect of ours must not end the writing.
      this.#reporter.limited('writer', 'A batch could not be written', error);
      this.#parkAgain(this.#batch);
    } finally {
      this.#isRunning = false;
    }
    if (this.#entries === 0) return;
    this.#link.start();
    if (!this.#link.isReady) return;
    if (this.#queue.freshCount > 0) this.#arm();
    if (this.#queue.parkedCount > 0) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = startTimer(() => void this.#run(), Math.max(1, this.#retryAt - performance.now())).unref();
    }
  }

  #isDue(): boolean {
    if (this.#queue.parkedCount > 0 && performance.now() >= this.#retryAt) return true;
    const { freshCount } = this.#queue;
    return freshCount >= BATCH_ENTRIES || (freshCount > 0 && (this.#isFlushDue || this.#waiters.length > 0));
  }

  async #sendBatch(): Promise<void> {
    this.#isFlushDue = false;
    const withParked = performance.now() >= this.#retryAt;
    this.#batch = this.#queue.take(BATCH_ENTRIES, { withParked, isProbing: this.#isProbing });
    this.#isProbing = false;
    const doubtful = new Set<ProducedSession>();
    for (const { session } of this.#batch) if (session.isInDoubt) doubtful.add(session);
    if (doubtful.size > 0) await this.#lookBack(doubtful);
    const { commands, expiring } = batchCommands(this.#batch, doubtful, this.#commandOptions, performance.now());
    if (commands.length === 0) return;
    const replies = await this.#link.exec(commands);
    const written = this.#batch;
    this.#batch = [];
    this.#judge(written, replies);
    this.#judgeExpiry(expiring, replies, written.length);
  }

  /** Finds out what of the sessions' last batches was stored and takes it out of the batch; a session that stays in doubt waits. */
  async #lookBack(doubtful: Set<ProducedSession>): Promise<void> {
    const newest = await Promise.all([...doubtful].map((session) => newestOwn(this.#link, session)));
    const known = new Map<ProducedSession, StoredItem>();
    [...doubtful].forEach((session, index) => {
      const found = newest[index];
      if (found instanceof RedisFailure) {
        const own = this.#batch.filter((write) => write.session === session);
        doubtful.delete(session);
        this.#batch = this.#batch.filter((write) => write.session !== session);
        // Whoever may not read what it wrote cannot know, and had better not write twice.
        if (isFinal(found)) this.#drop(own, found);
        else this.#parkAgain(own);
        return;
      }
      session.isInDoubt = false;
      if (found === undefined) return;
      session.storedId = found.id;
      known.set(session, found);
    });
    if (known.size > 0) this.#settleStored(known);
  }

  /** Takes out what is stored, given the newest thing in the log of each session: also of what waits behind the one that is tried first. */
  #settleStored(known: ReadonlyMap<ProducedSession, StoredItem>): void {
    const isStored = (write: PendingWrite): boolean => {
      const newest = known.get(write.session);
      return newest !== undefined && isStoredBy(write, newest);
    };
    const stored = this.#batch.filter(isStored);
    this.#batch = this.#batch.filter((write) => !isStored(write));
    this.#settle([...stored, ...this.#queue.withdraw(isStored)]);
  }

  #judge(writes: readonly PendingWrite[], replies: readonly RedisReply[]): void {
    const { stored, again, refused, failure } = judgeReplies(writes, replies);
    this.#goOn([...stored, ...refused]);
    if (again.length > 0) this.#parkAgain(again);
    else if (stored.length > 0) this.#failures = 0;
    if (failure !== undefined && (failure.code !== undefined || refused.length > 0)) this.#drop(refused, failure);
    if (failure !== undefined && isOfConnection(failure)) this.#link.drop(undefined, failure.cause);
    // Last, since a flush resolves when nothing older waits.
    this.#settle(stored);
  }

  /** What became of a probe is known: the writes that waited behind it follow at once. */
  #goOn(settled: readonly PendingWrite[]): void {
    for (const { session } of settled) {
      session.isProbing = false;
      if (session.parked > 0) this.#retryAt = -Infinity;
    }
  }

  #drop(writes: readonly PendingWrite[], refusal: RedisFailure): void {
    const fate = writes.length > 0 ? `${writes.length} are dropped and counted (store_refused)` : 'they are sent again';
    this.#reporter.limited(
      `refused ${refusal.code}`,
      `Redis refuses entries (${refusal.code}): ${fate}`,
      refusal.cause,
    );
    this.#lost.add('store_refused', writes.length);
    this.#settle(writes);
  }

  /** A time to live that was not set is set with the next batch; a wake-up that was not sent costs time only. */
  #judgeExpiry(sessions: readonly ProducedSession[], replies: readonly RedisReply[], offset: number): void {
    sessions.forEach((session, index) => {
      const reply = replies[offset + index];
      if (!(reply instanceof RedisFailure)) return;
      session.expirySetMillis = -Infinity;
      if (!isFinal(reply)) return;
      this.#reporter.limited(`expiry ${reply.code}`, 'Redis refuses PEXPIRE: sessions do not expire', reply.cause);
    });
    const wakeUp = replies.slice(offset + sessions.length).find((reply) => reply instanceof RedisFailure);
    if (wakeUp instanceof RedisFailure && isFinal(wakeUp)) {
      const message = 'Redis refuses to publish: readers learn of entries up to 5 s late';
      this.#reporter.limited(`publish ${wakeUp.code}`, message, wakeUp.cause);
    }
  }

  #parkAgain(writes: readonly PendingWrite[]): void {
    this.#queue.park(writes);
    for (const { session } of writes) session.isProbing = true;
    if (writes === this.#batch) this.#batch = [];
    // A try that is due already is not put off by the failures of others.
    if (performance.now() < this.#retryAt) return;
    this.#retryAt = performance.now() + backoffMillis(this.#failures);
    this.#failures += 1;
  }

  #settle(writes: readonly PendingWrite[]): void {
    for (const { session, data } of writes) {
      session.pending -= 1;
      this.#bytes -= writeBytes(data.length);
    }
    this.#entries -= writes.length;
    if (this.#overflow.isOpen && this.#entries < this.#options.maxPendingEntries / 2) {
      this.#overflow.end('Redis takes entries again: nothing is dropped any more');
    }
    if (this.#waiters.length === 0) return;
    let oldest = this.#queue.oldestOrder();
    for (const { order } of this.#batch) oldest = Math.min(oldest, order);
    this.#waiters = this.#waiters.filter(({ upTo, settle }) => {
      if (oldest <= upTo) return true;
      settle(true);
      return false;
    });
  }
}
