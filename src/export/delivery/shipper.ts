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

/** Takes single records that the collector rejects. */
export interface RejectedRecords {
  /** What happens to the record, for the report: `it is ...`. */
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
  /** Records from before this time have waited too long. */
  readonly expiredBefore: () => number;
  readonly reporter: Reporter;
  /** Whether a flush waits for own records. */
  readonly isFlushing: () => boolean;
  /** Number of own records that are not delivered, including those that are not in the spool yet. */
  readonly pending: () => number;
  /** Writes them to the spool, because they are about to be sent. */
  readonly write: () => void;
}

/**
 * Sends the records of the spool, first in, first out in each of its queues, one export at a time. It never gives up: a
 * record leaves the spool only by an acknowledgement, by a refusal of that single record, or by a limit.
 */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #outage: Episode;
  readonly #batches: BatchSource;
  readonly #turns = new QueueTurns();
  readonly #delivery = new BatchDelivery();
  readonly #backOff = new BackOff();
  /** The queues whose every record the collector refused at the last try. */
  readonly #refusing = new Set<SegmentQueue>();
  #isStopped = false;
  /** Set while it pauses; resolves when it goes on. */
  #pausing: ShipperPause | undefined;
  #running: Promise<void> = Promise.resolve();
  #isDue = false;
  #dueTimer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #isExporting = false;
  #lastError: unknown;
  /** When the last export began. */
  #began = 0;
  #closing: { readonly since: number; readonly deadline: Deadline; readonly giveUp: () => void } | undefined;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#outage = new Episode(options.reporter);
    this.#batches = new BatchSource(options.maxExportBatchSize, options.reporter);
  }

  /** Why the collector does not accept records; `undefined` if no reason is known. */
  get failure(): unknown {
    return this.#outage.isOpen ? this.#lastError : undefined;
  }

  /** Begins to send, outside the OpenTelemetry context of the caller. */
  start(): void {
    this.#running = context.with(SUPPRESSED, () => this.#run());
  }

  /**
   * Runs the work while nothing is read or sent. First waits for a running export, at most as long as one may take.
   * Allows one call at a time.
   *
   * @param work Gets the batches that were begun, which are no longer valid.
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

  /** Call it after own records were added. They are sent after the delay, or at once if they fill a batch. */
  added(): void {
    if (this.#isDue || this.#backOff.isFailing) return;
    if (this.#options.pending() >= this.#options.maxExportBatchSize) this.#due();
    else this.#dueTimer ??= startTimer(() => this.#due(), this.#options.scheduledDelayMillis).unref();
  }

  /** Call it when segments were adopted. */
  wake(): void {
    this.#wake?.();
  }

  /** Call it when a flush begins to wait. Some exporters answer only when they are flushed. */
  hurry(): void {
    this.#wake?.();
    if (this.#isExporting) this.#options.exporter.hurry();
  }

  /**
   * Prepares for the end: an attempt that begins from now on, takes longer than the time left after it, and fails is
   * the last one. The next attempt would not have enough time, and timers of the exporter would keep the process alive
   * beyond the end.
   *
   * @param giveUp Called when it stops trying.
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

  /** Waits until there is something to send. */
  #rest(state: QueueState): Promise<void> {
    this.#isDue = false;
    if (state.own.pending === 0) {
      // A limit may have dropped what failed.
      this.#backOff.succeeded();
      if (this.#options.pending() > 0) this.added();
      // Records became due meanwhile: nobody wakes a shipper that is not asleep yet.
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

  /**
   * While a batch is being sent, no limit may drop its segments, because the indexes of its records must not change.
   */
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
    if (reporter.limited('refused', `the collector rejected a log record; ${rejected.fate}`, this.#lastError)) {
      void tellGlobalErrorHandler(this.#lastError);
    }
    batch.settle(from, to, 'rejected');
  }

  async #send(queue: SegmentQueue, batch: SpoolBatch, { from, to }: Part): Promise<ExportVerdict | 'interrupted'> {
    const { exporter, resources, isFlushing } = this.#options;
    if (this.#pausing !== undefined) return 'interrupted';
    const records = from === 0 && to === batch.length ? batch.records : batch.records.slice(from, to);
    await resources.complete(records);
    // Waiting for detectors may take so long that the exporter has been shut down.
    if (this.#isStopped) return 'unavailable';
    this.#isExporting = true;
    this.#began = workNow();
    const answering = exporter.export(records);
    if (isFlushing()) exporter.hurry();
    this.#readAhead(queue);
    const { verdict, error, isUnanswered } = await answering;
    this.#isExporting = false;
    if (isUnanswered === true) batch.noteUnanswered(from, to);
    // A result after the end changes nothing.
    if (this.#isStopped) return 'unavailable';
    if (verdict !== 'delivered') this.#lastError = error;
    if (verdict === 'unavailable' || verdict === 'misconfigured') this.#report(verdict, error);
    return verdict;
  }

  /** Reads ahead if enough records wait for a whole batch. */
  #readAhead(queue: SegmentQueue): void {
    if (this.#backOff.isFailing) return;
    const { spool, maxExportBatchSize, isFlushing } = this.#options;
    this.#batches.readAhead(queue, queue === spool.own && !isFlushing() ? maxExportBatchSize : 1);
  }

  #report(verdict: 'unavailable' | 'misconfigured', error: unknown): void {
    const { reporter, spool } = this.#options;
    if (!this.#outage.isOpen) void tellGlobalErrorHandler(error);
    this.#outage.begin(
      `the collector does not accept log records; they are kept in ${spool.place} until it does`,
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
    // While the other queue is refused, accepting this one does not end the outage.
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

/** A pause between turns, which the shipper waits for. */
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
