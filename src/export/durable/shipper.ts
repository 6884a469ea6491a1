import { context } from '@opentelemetry/api';

import type { LogRecordExporter, ReadableLogRecord } from '../../otel/log-record.ts';
import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { startTimer } from '../../support/timers.ts';
import type { SegmentQueue } from '../spool/segment-queue.ts';
import type { SpoolBatch } from '../spool/spool-batch.ts';
import type { Spool } from '../spool/spool.ts';
import type { DeadLetters } from './dead-letters.ts';
import { exportWithin, SUPPRESSED } from './export-answer.ts';
import type { ExportVerdict } from './export-verdict.ts';
import type { PendingResources } from './pending-resources.ts';

const MAX_BATCH_BYTES = 1024 * 1024;
const BACK_OFF_MILLIS = { first: 1_000, most: 30_000, whileFlushing: 2_000 } as const;
/**
 * After this many single records refused in a row, none accepted, the collector is taken for misconfigured, not the
 * records for bad.
 */
const MAX_REFUSED_IN_A_ROW = 20;
/** After this many failed reads in a row the rest of the segment is given up. */
const MAX_READ_FAILURES = 5;
const RETRY_READ_MILLIS = 50;

export interface ShipperOptions {
  readonly exporter: LogRecordExporter;
  readonly spool: Spool;
  readonly resources: PendingResources;
  readonly dead: DeadLetters;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
  /** Records of before that time have waited too long. */
  readonly expiredBefore: () => number;
  readonly reporter: Reporter;
  /** Whether a flush waits for own records. */
  readonly isFlushing: () => boolean;
}

interface Part {
  readonly from: number;
  readonly to: number;
}

/**
 * Sends the records of the spool, first in, first out in each of its two queues, one export at a time. It never gives up:
 * a record leaves the spool only by an acknowledgement, by a refusal of that single record, or by a bound.
 */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #outage: Episode;
  /** The batch of each queue that is read and not settled. */
  readonly #held = new Map<SegmentQueue, SpoolBatch>();
  /** The batch after it, which is read while that one is being sent. */
  readonly #next = new Map<SegmentQueue, Promise<SpoolBatch | undefined>>();
  #lastQueue: SegmentQueue | undefined;
  #isStopped = false;
  #isDue = false;
  #dueTimer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #failures = 0;
  #readFailures = 0;
  #refusedInARow = 0;
  /** Queues of which every record is refused, and since when. */
  readonly #blockedSince = new Map<SegmentQueue, number>();
  #lastRefusal: unknown;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#outage = new Episode(options.reporter);
  }

  /** Begins to send, outside the OpenTelemetry context of the caller. */
  start(): void {
    void context.with(SUPPRESSED, () => this.#run());
  }

  /** To be called after own records were appended. They are sent after the delay, or at once when they fill a batch. */
  appended(): void {
    if (this.#isDue || this.#failures > 0) return;
    if (this.#options.spool.own.pending >= this.#options.maxExportBatchSize) this.#due();
    else this.#dueTimer ??= startTimer(() => this.#due(), this.#options.scheduledDelayMillis).unref();
  }

  /** To be called when there may be work: a flush waits, or segments were adopted. */
  wake(): void {
    this.#wake?.();
  }

  /** Stops sending. The result of an export under way is ignored. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#dueTimer);
    this.#wake?.();
  }

  #due(): void {
    clearTimeout(this.#dueTimer);
    this.#dueTimer = undefined;
    this.#isDue = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#turn();
      } catch (error) {
        this.#options.reporter.limited('shipper', 'sending log records failed; it is tried again', error);
        await this.#sleep(BACK_OFF_MILLIS.first);
      }
    }
  }

  async #turn(): Promise<void> {
    const queue = this.#pick();
    if (queue === undefined) {
      await this.#sleep(this.#millisUntilUnblocked());
      return;
    }
    const batch = this.#held.get(queue) ?? (await this.#read(queue));
    if (batch === undefined || this.#isStopped) return;
    this.#lastQueue = queue;
    this.#held.set(queue, batch);
    const verdict = await this.#shipHeld(queue, batch);
    if (this.#isStopped) return;
    if (verdict === 'delivered') this.#finished(queue);
    else if (verdict === 'misconfigured' && this.#isAllRefused) this.#block(queue);
    else await this.#backOff(verdict);
  }

  /** Picks the own queue while a flush waits for it; otherwise the queues take turns. */
  #pick(): SegmentQueue | undefined {
    const { own, adopted } = this.#options.spool;
    const isFlushing = this.#options.isFlushing();
    const isOwnDue = isFlushing || this.#isDue || this.#held.has(own);
    const isOwnReady = own.pending > 0 && isOwnDue && !this.#isBlocked(own);
    const isAdoptedReady = adopted.pending > 0 && !this.#isBlocked(adopted);
    if (isOwnReady && isFlushing) return own;
    if (isOwnReady && isAdoptedReady) return this.#lastQueue === own ? adopted : own;
    if (isOwnReady) return own;
    if (isAdoptedReady) return adopted;
    this.#isDue = false;
    return undefined;
  }

  get #isAllRefused(): boolean {
    return this.#refusedInARow >= MAX_REFUSED_IN_A_ROW;
  }

  /** The collector refuses every record at the head of this queue. The records may be the cause, so the other queue goes on. */
  #block(queue: SegmentQueue): void {
    this.#report('misconfigured', new Error('it rejects every log record', { cause: this.#lastRefusal }));
    this.#blockedSince.set(queue, performance.now());
  }

  #isBlocked(queue: SegmentQueue): boolean {
    return this.#blockedMillis(queue) > 0;
  }

  #blockedMillis(queue: SegmentQueue): number {
    const since = this.#blockedSince.get(queue);
    if (since === undefined) return 0;
    const isFlushing = queue === this.#options.spool.own && this.#options.isFlushing();
    const left = since + (isFlushing ? BACK_OFF_MILLIS.whileFlushing : BACK_OFF_MILLIS.most) - performance.now();
    if (left <= 0) this.#blockedSince.delete(queue);
    return left;
  }

  #millisUntilUnblocked(): number | undefined {
    const left = [...this.#blockedSince.keys()].map((queue) => this.#blockedMillis(queue));
    return left.length === 0 ? undefined : Math.max(1, Math.min(...left));
  }

  async #read(queue: SegmentQueue): Promise<SpoolBatch | undefined> {
    const reading = this.#next.get(queue) ?? queue.read(this.#options.maxExportBatchSize, MAX_BATCH_BYTES);
    this.#next.delete(queue);
    try {
      const batch = await reading;
      this.#readFailures = 0;
      if (batch !== undefined && !batch.isSettled) return batch;
      // The pending records were dropped, or found damaged, while they were read.
      await this.#sleep(RETRY_READ_MILLIS);
    } catch (error) {
      await this.#readFailed(queue, error);
    }
    return undefined;
  }

  async #readFailed(queue: SegmentQueue, error: unknown): Promise<void> {
    this.#readFailures += 1;
    const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isGone || this.#readFailures >= MAX_READ_FAILURES) {
      this.#options.reporter.warn('a segment of the spool cannot be read: what is left of it counts as damaged', error);
      queue.giveUpReading();
      this.#readFailures = 0;
    } else await this.#sleep(BACK_OFF_MILLIS.first);
  }

  /** While a batch is being sent no bound may drop its segments, since the indexes of its records must not change. */
  async #shipHeld(queue: SegmentQueue, batch: SpoolBatch): Promise<ExportVerdict> {
    batch.hold();
    try {
      return await this.#ship(queue, batch);
    } finally {
      batch.release();
    }
  }

  /** Resolves to the verdict on the whole batch: `delivered` when all of it is settled, even if single records were refused. */
  async #ship(queue: SegmentQueue, batch: SpoolBatch): Promise<ExportVerdict> {
    this.#expire(batch);
    const parts: Part[] = batch.unsettled();
    let part = parts.shift();
    while (part !== undefined) {
      const verdict = await this.#export(queue, batch, part);
      if (this.#isStopped) return verdict;
      if (verdict === 'delivered') this.#accepted(batch, part);
      else if (verdict !== 'refused') return verdict;
      else if (part.to - part.from > 1) parts.unshift(...halves(part));
      else if (!this.#isAllRefused) this.#refused(batch, part);
      else {
        const probed = await this.#probe(queue, batch, parts);
        if (probed !== 'delivered') return probed;
        this.#refused(batch, part);
      }
      part = parts.shift();
    }
    return 'delivered';
  }

  /** Many records were refused. Tries the rest of the batch, its last part first, to see whether the collector accepts any. */
  async #probe(queue: SegmentQueue, batch: SpoolBatch, parts: Part[]): Promise<ExportVerdict> {
    for (let i = parts.length - 1; i >= 0; i -= 1) {
      const part = parts[i] as Part;
      const verdict = await this.#export(queue, batch, part);
      if (this.#isStopped) return verdict;
      if (verdict === 'delivered') {
        parts.splice(i, 1);
        this.#accepted(batch, part);
        return 'delivered';
      }
      if (verdict !== 'refused') return verdict;
    }
    return 'misconfigured';
  }

  #accepted(batch: SpoolBatch, part: Part): void {
    this.#refusedInARow = 0;
    batch.settle(part.from, part.to, 'delivered');
  }

  #refused(batch: SpoolBatch, part: Part): void {
    this.#refusedInARow += 1;
    this.#options.dead.add(batch.records[part.from] as ReadableLogRecord);
    this.#options.reporter.limited(
      'refused',
      'the collector rejects a log record; it is kept in the directory `dead` of the spool',
      this.#lastRefusal,
    );
    batch.settle(part.from, part.to, 'rejected');
  }

  #expire(batch: SpoolBatch): void {
    const count = batch.olderThan(this.#options.expiredBefore());
    if (count === 0) return;
    for (const { from, to } of batch.unsettled()) if (from < count) batch.settle(from, Math.min(to, count), 'expired');
  }

  async #export(queue: SegmentQueue, batch: SpoolBatch, part: Part): Promise<ExportVerdict> {
    const isWhole = part.from === 0 && part.to === batch.length;
    const records = isWhole ? batch.records : batch.records.slice(part.from, part.to);
    await this.#options.resources.complete(records);
    const answer = this.#call(records);
    this.#readAhead(queue, batch);
    return await answer;
  }

  /** Reads the next batch while this one is being sent, if enough records wait for a whole batch. */
  #readAhead(queue: SegmentQueue, batch: SpoolBatch): void {
    const { spool, maxExportBatchSize, isFlushing } = this.#options;
    if (this.#next.has(queue) || this.#failures > 0) return;
    const behind = queue.pending - batch.length;
    if (behind < (queue === spool.own && !isFlushing() ? maxExportBatchSize : 1)) return;
    const reading = queue.read(maxExportBatchSize, MAX_BATCH_BYTES);
    // The turn that takes this batch sees the failure too; until then it must not count as unhandled.
    reading.catch(() => {});
    this.#next.set(queue, reading);
  }

  async #call(records: ReadableLogRecord[]): Promise<ExportVerdict> {
    const { exporter, exportTimeoutMillis } = this.#options;
    const { verdict, error } = await exportWithin(exporter, records, exportTimeoutMillis);
    if (verdict === 'refused') this.#lastRefusal = error;
    else if (verdict !== 'delivered' && !this.#isStopped) this.#report(verdict, error);
    return verdict;
  }

  #report(verdict: ExportVerdict, error: unknown): void {
    this.#outage.begin('the collector does not accept log records: they are kept in the spool until it does', error);
    if (verdict === 'misconfigured') {
      this.#options.reporter.error(
        'the collector or the exporter is misconfigured; log records wait in the spool',
        error,
      );
    }
  }

  #finished(queue: SegmentQueue): void {
    const { spool } = this.#options;
    this.#held.delete(queue);
    this.#failures = 0;
    this.#outage.end('the collector accepts log records again');
    if (queue === spool.own && spool.own.pending === 0) spool.closeIdle();
    if (queue === spool.own && spool.own.pending < this.#options.maxExportBatchSize) this.#isDue = false;
    if (spool.own.pending > 0) this.appended();
  }

  async #backOff(verdict: ExportVerdict): Promise<void> {
    if (verdict === 'misconfigured') this.#failures = Math.max(this.#failures, 5);
    this.#failures += 1;
    const { first, most, whileFlushing } = BACK_OFF_MILLIS;
    // Jitter, since many processes may lose the same collector at the same moment.
    const delay = Math.min(most, first * 2 ** (this.#failures - 1) * (0.8 + Math.random() * 0.4));
    let until = performance.now() + delay;
    let isShortened = false;
    for (;;) {
      const now = performance.now();
      // A flush that waits, or begins meanwhile, shortens the rest of the delay.
      if (!isShortened && this.#options.isFlushing()) {
        isShortened = true;
        until = Math.min(until, now + whileFlushing);
      }
      if (until <= now || this.#isStopped) return;
      await this.#sleep(until - now);
    }
  }

  /** Resolves when woken, or after the time. Does not keep the process alive. */
  #sleep(millis: number | undefined): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const timer = millis === undefined ? undefined : startTimer(() => this.#wake?.(), millis).unref();
      this.#wake = () => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function halves({ from, to }: Part): Part[] {
  const middle = (from + to) >>> 1;
  return [
    { from, to: middle },
    { from: middle, to },
  ];
}
