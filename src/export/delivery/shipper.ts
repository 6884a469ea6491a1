import { context } from '@opentelemetry/api';

import { tellGlobalErrorHandler } from '../../otel/global-error-handler.ts';
import type { ReadableLogRecord } from '../../otel/log-record.ts';
import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { Deadline } from '../../support/timeouts.ts';
import { startTimer, workNow } from '../../support/timers.ts';
import type { SessionEntry } from '../spool/codec/frame-format.ts';
import type { RecordSpool } from '../spool/record-spool.ts';
import type { SegmentQueue } from '../spool/segment-queue.ts';
import type { SpoolBatch } from '../spool/spool-batch.ts';
import { BackOff, FIRST_PAUSE_MILLIS } from './back-off.ts';
import { BatchDelivery } from './batch-delivery.ts';
import type { DeliveryEnd, Part } from './batch-delivery.ts';
import { BatchSource } from './batch-source.ts';
import type { ExportVerdict } from './export-verdict.ts';
import { SUPPRESSED } from './guarded-exporter.ts';
import type { GuardedExporter } from './guarded-exporter.ts';
import type { PendingResources } from './pending-resources.ts';
import { QueueTurns } from './queue-turns.ts';
import type { QueueState } from './queue-turns.ts';

/** Where single records go that the collector rejects. */
export interface RejectedRecords {
  /** What becomes of one, for the report: `it is ...`. */
  readonly fate: string;
  add(record: ReadableLogRecord, entry: SessionEntry | undefined): void;
}

export interface ShipperOptions {
  readonly exporter: GuardedExporter;
  readonly spool: RecordSpool;
  readonly resources: PendingResources;
  readonly rejected: RejectedRecords;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
  /** Records of before that time have waited too long. */
  readonly expiredBefore: () => number;
  readonly reporter: Reporter;
  /** Whether a flush waits for own records. */
  readonly isFlushing: () => boolean;
  /** Own records that are not delivered, those that are not in the spool yet included. */
  readonly pending: () => number;
  /** Puts them into the spool: they are about to be sent. */
  readonly write: () => void;
}

/**
 * Sends the records of the spool, first in, first out in each of its queues, one export at a time. It never gives up:
 * a record leaves the spool only by an acknowledgement, by a refusal of that single record, or by a bound.
 */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #outage: Episode;
  readonly #batches: BatchSource;
  readonly #turns = new QueueTurns();
  readonly #delivery = new BatchDelivery();
  readonly #backOff = new BackOff();
  /** The queues of which the collector refused every record at the last try. */
  readonly #refusing = new Set<SegmentQueue>();
  #isStopped = false;
  /** While it pauses: resolves when it goes on. */
  #pausing: ShipperPause | undefined;
  #running: Promise<void> = Promise.resolve();
  #isDue = false;
  #dueTimer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #isExporting = false;
  #lastError: unknown;
  /** Of the last export. */
  #began = 0;
  #closing: { readonly since: number; readonly deadline: Deadline; readonly giveUp: () => void } | undefined;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#outage = new Episode(options.reporter);
    this.#batches = new BatchSource(options.maxExportBatchSize, options.reporter);
  }

  /** Why the collector does not accept records; `undefined` when nothing is known to keep it from that. */
  get failure(): unknown {
    return this.#outage.isOpen ? this.#lastError : undefined;
  }

  /** Begins to send, outside the OpenTelemetry context of the caller. */
  start(): void {
    this.#running = context.with(SUPPRESSED, () => this.#run());
  }

  /**
   * Runs the work while nothing is read or sent: an export under way is waited for, which takes the time that an export may at
   * most. One at a time.
   *
   * @param work Gets the batches that were begun, which are void.
   */
  async whilePaused<T>(work: (begun: readonly SpoolBatch[]) => Promise<T>): Promise<T> {
    const pausing = new ShipperPause();
    this.#pausing = pausing;
    this.#wake?.();
    try {
      await Promise.race([pausing.begun, this.#running]);
      return await work(await this.#batches.reset());
    } finally {
      this.#pausing = undefined;
      pausing.end();
    }
  }

  /** To be called after own records were added. They are sent after the delay, or at once when they fill a batch. */
  added(): void {
    if (this.#isDue || this.#backOff.isFailing) return;
    if (this.#options.pending() >= this.#options.maxExportBatchSize) this.#due();
    else this.#dueTimer ??= startTimer(() => this.#due(), this.#options.scheduledDelayMillis).unref();
  }

  /** To be called when segments were adopted. */
  wake(): void {
    this.#wake?.();
  }

  /** To be called when a flush begins to wait. The exporter may be one that answers only when it is flushed. */
  hurry(): void {
    this.#wake?.();
    if (this.#isExporting) this.#options.exporter.hurry();
  }

  /**
   * The end is near: an attempt that is begun from now on, takes longer than what is left then, and fails is the last one. The next
   * could not have that time, and its exporter would keep the process alive behind the end, with timers of its own.
   *
   * @param giveUp Called when nothing more is tried.
   */
  closeWithin(millis: number, giveUp: () => void): void {
    this.#closing = { since: workNow(), deadline: new Deadline(millis), giveUp };
  }

  /** Stops sending. The result of an export under way is ignored. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#dueTimer);
    this.#wake?.();
  }

  #due(): void {
    const { spool, pending, write } = this.#options;
    clearTimeout(this.#dueTimer);
    this.#dueTimer = undefined;
    this.#isDue = true;
    if (pending() > spool.own.pending) write();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#pausing?.wait();
        await this.#turn();
      } catch (error) {
        this.#options.reporter.limited('shipper', 'sending log records failed; it is tried again', error);
        await this.#sleep(FIRST_PAUSE_MILLIS);
      }
    }
  }

  async #turn(): Promise<void> {
    const state = this.#state();
    const queue = this.#turns.next(state);
    if (queue === undefined) return this.#rest(state);
    const batch = await this.#batches.take(queue);
    if (this.#isStopped || this.#pausing !== undefined) return undefined;
    if (typeof batch === 'number') return this.#sleep(batch);
    const end = await this.#deliver(queue, batch);
    if (this.#isStopped) return undefined;
    if (end === 'interrupted') return undefined;
    if (end === 'unavailable' || end === 'misconfigured') return this.#pause(end);
    if (end === 'delivered') this.#finished(queue);
    else this.#refusesAll(queue);
    return undefined;
  }

  /** Nothing is to be sent now. */
  #rest(state: QueueState): Promise<void> {
    this.#isDue = false;
    if (state.own.pending === 0) {
      // What failed may have been dropped by a bound.
      this.#backOff.succeeded();
      if (this.#options.pending() > 0) this.added();
      // They were due at once: nobody wakes one who does not sleep yet.
      if (this.#isDue && state.own.pending > 0) return Promise.resolve();
    }
    return this.#sleep(this.#turns.pauseLeft(state));
  }

  #state(): QueueState {
    const { own, adopted } = this.#options.spool;
    const isFlushing = this.#options.isFlushing();
    const isBegun = this.#backOff.isFailing || this.#batches.holds(own);
    return { own, adopted, isFlushing, isOwnDue: isFlushing || this.#isDue || isBegun };
  }

  /** While a batch is being sent no bound may drop its segments, since the indexes of its records must not change. */
  async #deliver(queue: SegmentQueue, batch: SpoolBatch): Promise<DeliveryEnd> {
    batch.hold();
    try {
      this.#expire(batch);
      return await this.#delivery.deliver(batch.unsettled(), {
        send: (part) => this.#send(queue, batch, part),
        accepted: ({ from, to }) => batch.settle(from, to, 'delivered'),
        rejected: (part) => this.#reject(batch, part),
      });
    } finally {
      batch.release();
    }
  }

  #expire(batch: SpoolBatch): void {
    const count = batch.olderThan(this.#options.expiredBefore());
    if (count === 0) return;
    for (const { from, to } of batch.unsettled()) if (from < count) batch.settle(from, Math.min(to, count), 'expired');
  }

  #reject(batch: SpoolBatch, { from, to }: Part): void {
    const { rejected, reporter } = this.#options;
    rejected.add(batch.records[from] as ReadableLogRecord, batch.sessions[from]);
    if (reporter.limited('refused', `the collector rejects a log record; ${rejected.fate}`, this.#lastError)) {
      void tellGlobalErrorHandler(this.#lastError);
    }
    batch.settle(from, to, 'rejected');
  }

  async #send(queue: SegmentQueue, batch: SpoolBatch, { from, to }: Part): Promise<ExportVerdict | 'interrupted'> {
    const { exporter, resources, isFlushing } = this.#options;
    if (this.#pausing !== undefined) return 'interrupted';
    const records = from === 0 && to === batch.length ? batch.records : batch.records.slice(from, to);
    await resources.complete(records);
    // Detectors may take longer than all that waits for them: the exporter is shut down by now.
    if (this.#isStopped) return 'unavailable';
    this.#isExporting = true;
    this.#began = workNow();
    const answering = exporter.export(records);
    if (isFlushing()) exporter.hurry();
    this.#readAhead(queue);
    const { verdict, error, isUnanswered } = await answering;
    this.#isExporting = false;
    if (isUnanswered === true) batch.noteUnanswered(from, to);
    // What comes after the end changes nothing any more.
    if (this.#isStopped) return 'unavailable';
    if (verdict !== 'delivered') this.#lastError = error;
    if (verdict === 'unavailable' || verdict === 'misconfigured') this.#report(verdict, error);
    return verdict;
  }

  /** If enough records wait for a whole batch. */
  #readAhead(queue: SegmentQueue): void {
    if (this.#backOff.isFailing) return;
    const { spool, maxExportBatchSize, isFlushing } = this.#options;
    this.#batches.readAhead(queue, queue === spool.own && !isFlushing() ? maxExportBatchSize : 1);
  }

  #report(verdict: 'unavailable' | 'misconfigured', error: unknown): void {
    const { reporter, spool } = this.#options;
    if (!this.#outage.isOpen) void tellGlobalErrorHandler(error);
    this.#outage.begin(
      `the collector does not accept log records: they are kept in ${spool.place} until it does`,
      error,
    );
    if (verdict === 'misconfigured') {
      reporter.error(`the collector or the exporter is misconfigured; log records wait in ${spool.place}`, error);
    }
  }

  #finished(queue: SegmentQueue): void {
    const { spool, pending, maxExportBatchSize } = this.#options;
    this.#batches.settled(queue);
    this.#backOff.succeeded();
    this.#refusing.delete(queue);
    // While the other queue is refused, it is no news that this one is not.
    if (![...this.#refusing].some(({ pending }) => pending > 0)) {
      this.#outage.end('the collector accepts log records again');
    }
    if (queue === spool.own && spool.own.pending === 0) spool.closeIdle();
    if (queue === spool.own && pending() < maxExportBatchSize) this.#isDue = false;
    if (pending() > 0) this.added();
  }

  #refusesAll(queue: SegmentQueue): void {
    this.#report('misconfigured', new Error('it rejects every log record', { cause: this.#lastError }));
    this.#refusing.add(queue);
    this.#turns.refused(queue);
  }

  async #pause(end: 'unavailable' | 'misconfigured'): Promise<void> {
    this.#backOff.failed(end === 'misconfigured');
    const closing = this.#closing;
    if (closing !== undefined && this.#began >= closing.since && workNow() - this.#began > closing.deadline.left) {
      closing.giveUp();
    }
    for (;;) {
      const left = this.#backOff.left(this.#options.isFlushing());
      if (left === 0 || this.#isStopped || this.#pausing !== undefined) return;
      await this.#sleep(left);
    }
  }

  /** Resolves when woken, or after the time. Does not keep the process alive. */
  #sleep(millis: number | undefined): Promise<void> {
    if (this.#isStopped || this.#pausing !== undefined) return Promise.resolve();
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

/** Between turns the shipper waits until the pause is over. */
class ShipperPause {
  readonly begun: Promise<void>;
  #begin: () => void = () => {};
  readonly #over: Promise<void>;
  end: () => void = () => {};

  constructor() {
    this.begun = new Promise((resolve) => (this.#begin = resolve));
    this.#over = new Promise((resolve) => (this.end = resolve));
  }

  wait(): Promise<void> {
    this.#begin();
    return this.#over;
  }
}
