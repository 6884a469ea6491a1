import type { SessionEraser } from '../../entry/erasure.ts';
import { readEntryIds, routedRecordOf } from '../../entry/routed-record.ts';
import type { DeliveryReport, DeliverySource, RoutedRecord, SessionDelivery } from '../../entry/routed-record.ts';
import type { LogRecord, LogRecordExporter } from '../../otel/log-record.ts';
import { SessionLogsError } from '../../support/errors.ts';
import type { LossReason } from '../../support/loss-counters.ts';
import type { Reporter } from '../../support/reporter.ts';
import { Deadline, settlesWithin } from '../../support/timeouts.ts';
import { EndOfTickWrite } from '../../support/end-of-tick-write.ts';
import { FrameEncoder } from '../spool/codec/frame-encoder.ts';
import { OriginEncoder } from '../spool/codec/origin-codec.ts';
import type { ErasedCounts, RecordMatcher } from '../spool/erase-frames.ts';
import type { RecordSpool } from '../spool/record-spool.ts';
import type { SpoolBatch } from '../spool/spool-batch.ts';
import type { SpoolEvents } from '../spool/spool-events.ts';
import type { BatchSettings } from './batch-settings.ts';
import { frameRecords } from './frame-records.ts';
import { addCounts, unansweredIn } from './delivery-erasure.ts';
import type { DeliveryErasure } from './delivery-erasure.ts';
import type { DeliveryLedger } from './delivery-ledger.ts';
import type { DeliveryFacts } from './delivery-facts.ts';
import { FlushWaiters } from './flush-waiters.ts';
import { GuardedExporter } from './guarded-exporter.ts';
import { PendingResources } from './pending-resources.ts';
import type { SessionPosition } from './session-positions.ts';
import { Shipper } from './shipper.ts';
import type { RejectedRecords } from './shipper.ts';
import { undelivered } from './undelivered.ts';

/** An export may take any time, but a detector that hangs must not hold it up for ever. */
const MAX_RESOURCE_WAIT_MILLIS = 30_000;

/** Callbacks from a spool to the delivery. */
export interface SpoolHooks {
  readonly events: SpoolEvents;
  /** Called with the complete bytes of a resource. */
  readonly onResource: (blob: Buffer) => void;
}

export interface RecordDeliveryOptions<Spool extends RecordSpool> {
  readonly batch: Omit<BatchSettings, 'maxQueueSize'>;
  readonly exporter: LogRecordExporter;
  readonly openSpool: (hooks: SpoolHooks) => Spool;
  readonly ledger: DeliveryLedger;
  readonly rejected: RejectedRecords;
  /** When records are written to the spool: one by one, at the end of the tick, or when a batch is due. */
  readonly write: 'record' | 'tick' | 'batch';
  /** A frame of this size is written within the tick, because nothing else limits memory in a tight loop. */
  readonly maxFrameBytes: number;
  readonly expiredBefore: () => number;
  readonly newUid?: (() => string) | undefined;
  readonly now: () => number;
  /** Attached to the session processor, for `flushSession` and `eraseSession`. */
  readonly delivery: SessionDelivery & SessionEraser;
  readonly reporter: Reporter;
  /** Called when the process exits, after the last write. */
  readonly onExit?: () => void;
}

/** Takes records from `onEmit` through a spool to an exporter, whatever the spool is. */
export class RecordDelivery<Spool extends RecordSpool> {
  readonly spool: Spool;
  readonly ledger: DeliveryLedger;
  readonly #options: RecordDeliveryOptions<Spool>;
  readonly #exporter: GuardedExporter;
  readonly #shipper: Shipper;
  readonly #write: EndOfTickWrite;
  readonly #maxFrameRecords: number;
  readonly #isWrittenInTick: boolean;
  readonly #waiters = new FlushWaiters();
  /** Two encoders take turns: the application's diag logger may emit a record while a frame is being written. */
  #encoder: FrameEncoder;
  #spareEncoder: FrameEncoder;
  /** The sessions of the records in the encoder. */
  #sessions: SessionPosition[] = [];
  #attachedTo: DeliverySource | undefined;
  /** Number of own rejected or lost records that a flush has already reported. */
  #told = 0;
  #isClosing = false;
  #isStopped = false;
  #erasing: Promise<unknown> = Promise.resolve();
  #erasures = 0;
  readonly #stopReadingIds: () => void;

  /** @throws what `openSpool` throws. */
  constructor(options: RecordDeliveryOptions<Spool>) {
    this.#options = options;
    const { batch, ledger, reporter, exporter, rejected, expiredBefore } = options;
    this.ledger = ledger;
    const resources = new PendingResources(Math.min(batch.exportTimeoutMillis, MAX_RESOURCE_WAIT_MILLIS));
    const origins = new OriginEncoder((resource, id) => {
      resources.add(resource, id, (blob) => this.spool.appendResource(blob));
    });
    const isKept = options.write === 'batch';
    this.#encoder = new FrameEncoder(origins, options.newUid, isKept);
    this.#spareEncoder = new FrameEncoder(origins, options.newUid, isKept);
    this.#exporter = new GuardedExporter(exporter, batch.exportTimeoutMillis, reporter);
    this.spool = options.openSpool({ events: this.#events(), onResource: (blob) => resources.learn(blob) });
    this.#shipper = new Shipper({
      ...batch,
      exporter: this.#exporter,
      spool: this.spool,
      resources,
      rejected,
      expiredBefore,
      reporter,
      isFlushing: () => this.#waiters.size > 0,
      pending: () => this.pending,
      write: () => this.#write.now(),
    });
    this.#isWrittenInTick = options.write === 'tick';
    this.#maxFrameRecords = frameRecords(options.write, batch.maxExportBatchSize);
    this.#write = new EndOfTickWrite((isExiting) => {
      this.#writeFrame();
      if (isExiting) options.onExit?.();
    });
    this.#stopReadingIds = readEntryIds();
    this.#shipper.start();
  }

  #events(): SpoolEvents {
    const { ledger } = this;
    return {
      lost: (reason, count, isOwn) => {
        ledger.lose(reason, count, isOwn);
        this.#waiters.check();
      },
      settled: (...event) => {
        ledger.settle(...event);
        this.#waiters.check();
      },
      moved: (from, to) => ledger.positions.moved(from, to),
      removed: (segment) => {
        ledger.positions.removed(segment);
        this.#waiters.check();
      },
    };
  }

  /** Facts for `diagnose()`. */
  get facts(): DeliveryFacts {
    const { exporter } = this.#options;
    return { exporter, exported: this.ledger.exported, pending: this.pending, lastAnswer: this.#exporter.lastAnswer };
  }

  /** Whether it still takes records. */
  get isOpen(): boolean {
    return !this.#isClosing;
  }

  /** Number of own records that are not delivered, rejected or lost. */
  get pending(): number {
    return this.spool.own.pending + this.#encoder.count;
  }

  /** Bytes of records that are not in the spool yet. */
  get unwrittenBytes(): number {
    return this.#encoder.size;
  }

  /** Adds a record. Synchronous; never throws, never waits for the exporter. */
  add(record: LogRecord): void {
    const { ledger } = this;
    if (this.#isClosing) {
      ledger.lose('after_shutdown', 1, false);
      return;
    }
    ledger.received += 1;
    try {
      const routed = routedRecordOf(record);
      if (routed === undefined) this.#encode(record);
      else this.#addOfSession(record, routed);
      const { count, size } = this.#encoder;
      if (count >= this.#maxFrameRecords || size >= this.#options.maxFrameBytes) this.#write.now();
      else if (this.#isWrittenInTick) this.#write.arm();
      else if (count === 1) this.#shipper.added();
    } catch (error) {
      ledger.lose('internal_error', 1, true);
      this.#options.reporter.limited('emit', 'a log record could not be read and is lost', error);
    }
  }

  #addOfSession(record: LogRecord, routed: RoutedRecord): void {
    const { sessionId } = routed;
    const { positions } = this.ledger;
    this.#attachTo(routed.source);
    const session = positions.appending(sessionId, routed);
    try {
      // Records are sent in the order of writing, so when this record is delivered, everything written before it is
      // too.
      this.#encode(record, sessionId, session.newestId);
    } catch (error) {
      positions.appended(undefined, [session]);
      throw error;
    }
    this.#sessions.push(session);
  }

  /** Counts a record for which there is no room; the caller reports it. */
  refuse(record: LogRecord, reason: LossReason): void {
    this.ledger.received += 1;
    this.ledger.count(reason, 1, true);
    const routed = routedRecordOf(record);
    if (routed === undefined) return;
    this.#attachTo(routed.source);
    this.ledger.positions.refused(routed.sessionId);
  }

  #attachTo(source: DeliverySource | undefined): void {
    if (source === undefined || source === this.#attachedTo) return;
    this.#attachedTo = source;
    source.attachDelivery(this.#options.delivery);
    source.attachEraser?.(this.#options.delivery);
  }

  /**
   * A record that is larger than a frame gets a frame of its own, so that a limit that refuses it costs no other
   * record.
   */
  #encode(record: LogRecord, sessionId?: string, entryId?: string): void {
    if (this.#encoder.add(record, sessionId, entryId, this.#options.maxFrameBytes)) return;
    this.#write.now();
    this.#encoder.add(record, sessionId, entryId);
  }

  /** Writes the encoder's records to the spool. Never throws. */
  #writeFrame(): void {
    const encoder = this.#encoder;
    const { count } = encoder;
    if (count === 0) return;
    this.#encoder = this.#spareEncoder;
    this.#spareEncoder = encoder;
    const sessions = this.#sessions;
    if (sessions.length > 0) this.#sessions = [];
    const frame = encoder.finish(this.spool.nextOrdinal, this.#options.now());
    if (frame === undefined) return;
    const segment = this.spool.append(frame, count);
    if (sessions.length > 0) this.ledger.positions.appended(segment, sessions);
    this.#shipper.added();
  }

  /** See `forceFlush` of the processors. */
  async flush(timeoutMillis: number): Promise<void> {
    const { ledger, spool } = this;
    const told = this.#told;
    this.#write.now();
    const deadline = new Deadline(timeoutMillis);
    const target = spool.nextOrdinal;
    if (!(await this.#wait(this.#allSettled(), timeoutMillis))) {
      const pending = Math.max(0, spool.own.pending - (spool.nextOrdinal - target));
      throw undelivered({
        code: 'flush_timeout',
        count: pending,
        what: `were not acknowledged within ${timeoutMillis} ms`,
        rest: `; they are kept in ${spool.place}`,
        exporter: this.#options.exporter,
        failure: this.#shipper.failure,
      });
    }
    await this.#exporter.forceFlush(deadline.left);
    this.#told = ledger.unsuccessful;
    const failed = ledger.unsuccessful - told;
    if (failed === 0) return;
    const what = `${failed} log records emitted since the last flush were rejected or dropped`;
    throw new SessionLogsError('rejected', what, { pending: failed });
  }

  /** See `flushSession` of the processors. */
  async flushSession(sessionId: string, timeoutMillis: number): Promise<DeliveryReport> {
    this.#write.now();
    const watch = this.ledger.positions.watch(sessionId);
    if (watch !== undefined) {
      await this.#wait(() => watch.isSettled, timeoutMillis);
      return watch.report();
    }
    const isSettled = await this.#wait(this.#allSettled(), timeoutMillis);
    return { deliveredId: undefined, pending: isSettled ? 0 : this.spool.own.pending, rejected: 0, dropped: 0 };
  }

  /**
   * Erases unacknowledged records of sessions that came before the call. First waits for a running export, at most as
   * long as one may take. From then on nothing of the matching sessions is sent.
   *
   * @returns How many records were removed, by session, and how many of them the collector may have anyway, because it
   * did not answer. Rejects with the error of the file system, after it has erased what it could.
   */
  async erase(matcher: RecordMatcher): Promise<DeliveryErasure> {
    this.#write.now();
    this.spool.sealWritten();
    const erased = this.#erasing.then(() => this.#shipper.whilePaused((begun) => this.#eraseRecords(matcher, begun)));
    this.#erasures += 1;
    // The next one has its own outcome.
    this.#erasing = erased.then(
      () => {},
      () => {},
    );
    try {
      return await erased;
    } finally {
      this.#erasures -= 1;
    }
  }

  async #eraseRecords(matcher: RecordMatcher, begun: readonly SpoolBatch[]): Promise<DeliveryErasure> {
    // What is left in files belongs to the process that takes it over.
    if (this.#isStopped) return { records: new Map(), unanswered: new Map() };
    const unanswered = unansweredIn(begun, matcher);
    const { own, adopted } = this.spool;
    const ofOwn: ErasedCounts = new Map();
    const ofAdopted: ErasedCounts = new Map();
    try {
      await own.erase(matcher, ofOwn);
      await adopted?.erase(matcher, ofAdopted);
      return { records: addCounts(ofOwn, ofAdopted), unanswered };
    } finally {
      this.ledger.erased(ofOwn);
      this.#waiters.check();
    }
  }

  /** Call it when there may be more to send. */
  wake(): void {
    this.#shipper.wake();
  }

  /**
   * Ships what it can, then stops: nothing is added, read or sent any more. Resolves to the time that is left of
   * `timeoutMillis` for what comes afterwards.
   *
   * @param closingShare The share of the time that is kept for that.
   */
  async stop(timeoutMillis: number, closingShare: number): Promise<Deadline> {
    // Keeps the last part for the way back: the caller does not wait longer than its time for the result.
    const deadline = new Deadline(timeoutMillis * (1 - closingShare / 2));
    this.#isClosing = true;
    this.#stopReadingIds();
    this.#write.now();
    // Afterwards other processes may take the files.
    if (this.#erasures > 0) await settlesWithin(this.#erasing, timeoutMillis / 2);
    const sendingMillis = Math.min(deadline.left, timeoutMillis * (1 - closingShare));
    this.#shipper.closeWithin(sendingMillis, () => this.#waiters.end());
    await this.#wait(this.#allSettled(), sendingMillis);
    this.#isStopped = true;
    this.#shipper.stop();
    this.#waiters.end();
    this.spool.closeIdle();
    return deadline;
  }

  /**
   * Detaches from the process and the exporter. Does not wait for the exporter's retry timer, which cannot be
   * cancelled.
   */
  async release(deadline: Deadline): Promise<void> {
    this.#write.close();
    await this.#exporter.shutdown(deadline.left);
  }

  /** The error for records that are not delivered at the end. */
  undelivered(count: number, what: string): SessionLogsError {
    const { exporter } = this.#options;
    return undelivered({ code: 'shutdown_timeout', count, what, exporter, failure: this.#shipper.failure });
  }

  /** Returns a condition that holds when all records emitted so far are settled. */
  #allSettled(): () => boolean {
    const { spool } = this;
    const target = spool.nextOrdinal;
    return () => (spool.own.oldestUnsettled ?? target) >= target;
  }

  #wait(isDone: () => boolean, timeoutMillis: number): Promise<boolean> {
    const waiting = this.#waiters.wait(isDone, timeoutMillis);
    if (this.#waiters.size > 0) this.#shipper.hurry();
    return waiting;
  }
}
