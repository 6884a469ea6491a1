import { readEntryIds, routedRecordOf } from '../../entry/routed-record.ts';
import type { DeliveryReport, DeliverySource, RoutedRecord, SessionDelivery } from '../../entry/routed-record.ts';
import { batchEnvironment } from '../../otel/environment.ts';
import type { LogRecord, LogRecordProcessor } from '../../otel/log-record.ts';
import { observeProcessor } from '../../otel/metrics.ts';
import { SessionLogsError } from '../../support/errors.ts';
import { parseOptions } from '../../support/options.ts';
import { reporterFor } from '../../support/reporter.ts';
import { Deadline, settlesWithin, within } from '../../support/timeouts.ts';
import { startInterval } from '../../support/timers.ts';
import { OriginEncoder } from '../spool/codec/origin-codec.ts';
import { FrameEncoder } from '../spool/codec/frame-encoder.ts';
import { MAX_FRAME_RECORDS } from '../spool/codec/frame-format.ts';
import { uuidV7 } from '../spool/codec/uuid.ts';
import { claimRoot, unusable } from '../spool/spool-root.ts';
import type { RootClaim } from '../spool/spool-root.ts';
import { Spool } from '../spool/spool.ts';
import { EndOfTickWrite } from '../end-of-tick-write.ts';
import { DeadLetters } from './dead-letters.ts';
import { DeliveryLedger } from './delivery-ledger.ts';
import { durableOptionsSchema } from './durable-options.ts';
import type { DurableLogRecordProcessorOptions, ParsedDurableOptions } from './durable-options.ts';
import type { DurableStats } from './durable-stats.ts';
import { expiryOf } from './expiry.ts';
import { FlushWaiters } from './flush-waiters.ts';
import { PendingResources } from './pending-resources.ts';
import type { SessionPosition } from './session-positions.ts';
import { Shipper } from './shipper.ts';

/** A frame of this size, or of `MAX_FRAME_RECORDS`, is written within the tick: in a tight loop nothing else bounds memory. */
const MAX_FRAME_BYTES = 256 * 1024;
const ADOPT_INTERVAL_MILLIS = 10_000;
/** How long the spool's directory may be gone before that is noticed. */
const PLACE_INTERVAL_MILLIS = 1_000;
/** The share of a shutdown's time that is kept for syncing and closing the files. */
const CLOSING_SHARE = 0.1;

/**
 * Writes each record to a spool on disk and ships it from there with any exporter. Use it in place of
 * `BatchLogRecordProcessor` when nothing may be lost.
 *
 * Delivery is at least once, in the order emitted. The collector may be away for hours, and the process may be killed: what
 * was written arrives, if necessary sent by the next process with the same `directory`. Two things can be lost: when the
 * process is killed, the records emitted since the event loop last turned; and beyond `maxBytes` the oldest records, which
 * are counted in `stats()` and reported to `onLoss`.
 *
 * @example
 * ```ts
 * const durable = new DurableLogRecordProcessor({ exporter: new OTLPLogExporter(), directory: '/var/spool/app/logs' });
 * new NodeSDK({ logRecordProcessors: [sessions.processor, durable] }).start();
 * ```
 *
 * @throws TypeError for a wrong option.
 * @throws SessionLogsError `directory_in_use` for a second processor on the same directory in this process;
 * `directory_unusable` when the path is not a directory, belongs to another user, can be written by other users, or cannot
 * be written to; `path_too_long` on systems other than Linux, for a path of more than about 70 bytes. A full disk does not
 * throw.
 */
export class DurableLogRecordProcessor implements LogRecordProcessor, SessionDelivery {
  readonly #options: ParsedDurableOptions;
  readonly #reporter = reporterFor('durable');
  readonly #root: RootClaim;
  readonly #spool: Spool;
  readonly #dead: DeadLetters;
  readonly #shipper: Shipper;
  readonly #tick: EndOfTickWrite;
  readonly #ledger: DeliveryLedger;
  readonly #waiters = new FlushWaiters();
  /** Two encoders take turns: the application's diag logger may emit a record while a frame is being written. */
  #encoder: FrameEncoder;
  #spareEncoder: FrameEncoder;
  #tickSessions: SessionPosition[] = [];
  #attachedTo: DeliverySource | undefined;
  /** Own records refused or lost that a flush has already reported. */
  #told = 0;
  #isClosing = false;
  #shutdown: Promise<void> | undefined;
  readonly #stopObserving: () => void;
  readonly #stopReadingIds: () => void;
  readonly #adoptTimer: NodeJS.Timeout;
  readonly #placeTimer: NodeJS.Timeout;

  constructor(options: DurableLogRecordProcessorOptions) {
    const parsed = parseOptions('DurableLogRecordProcessor', durableOptionsSchema, options);
    this.#options = parsed;
    this.#ledger = new DeliveryLedger(this.#reporter, parsed.onLoss);
    const environment = batchEnvironment(this.#reporter);
    const exportTimeoutMillis = parsed.exportTimeoutMillis ?? environment.exportTimeoutMillis ?? 30_000;
    const { now, exporter, maxAgeMillis, maxDeadBytes } = parsed;
    const resources = new PendingResources(exportTimeoutMillis);
    const origins = new OriginEncoder((resource, id) => {
      resources.add(resource, id, (blob) => this.#spool.appendResource(blob));
    });
    const uid = parsed.recordUid ? () => uuidV7(now()) : undefined;
    this.#encoder = new FrameEncoder(origins, uid);
    this.#spareEncoder = new FrameEncoder(origins, uid);
    this.#root = claimRoot(parsed.directory, this.#reporter);
    const expiredBefore = expiryOf(maxAgeMillis, now);
    this.#spool = this.#openSpool(resources, expiredBefore);
    this.#dead = new DeadLetters(this.#root.path, {
      maxBytes: maxDeadBytes,
      now,
      onLost: (reason, count) => this.#ledger.lose(reason, count, false),
    });
    this.#shipper = new Shipper({
      exporter,
      spool: this.#spool,
      resources,
      dead: this.#dead,
      maxExportBatchSize: parsed.maxExportBatchSize ?? environment.maxExportBatchSize ?? 512,
      scheduledDelayMillis: parsed.scheduledDelayMillis ?? environment.scheduledDelayMillis ?? 1_000,
      exportTimeoutMillis,
      expiredBefore,
      reporter: this.#reporter,
      isFlushing: () => this.#waiters.size > 0,
    });
    this.#tick = new EndOfTickWrite((isExiting) => {
      this.#write();
      if (isExiting) this.#spool.persistAll();
    });
    this.#stopReadingIds = readEntryIds();
    this.#shipper.start();
    this.#adoptTimer = startInterval(() => void this.#adopt(), ADOPT_INTERVAL_MILLIS).unref();
    this.#placeTimer = startInterval(() => this.#spool.checkPlace(), PLACE_INTERVAL_MILLIS).unref();
    void this.#adopt();
    this.#stopObserving = observeProcessor(parsed.selfObsMeterProvider, 'DurableLogRecordProcessor', () => {
      const { exported: succeeded, rejected: failed, pending, lost } = this.stats();
      return { processed: succeeded, lost, queueSize: pending.own + pending.adopted, exported: { succeeded, failed } };
    });
  }

  #openSpool(resources: PendingResources, expiredBefore: () => number): Spool {
    try {
      return new Spool({
        ...this.#options,
        root: this.#root.path,
        expiredBefore,
        reporter: this.#reporter,
        events: {
          lost: (reason, count, isOwn) => {
            this.#ledger.lose(reason, count, isOwn);
            this.#waiters.check();
          },
          settled: (...event) => {
            this.#ledger.settle(...event);
            this.#waiters.check();
          },
          moved: (from, to) => this.#ledger.positions.moved(from, to),
          removed: (segment) => {
            this.#ledger.positions.removed(segment);
            this.#waiters.check();
          },
        },
        onResource: (blob) => resources.learn(blob),
      });
    } catch (error) {
      this.#root.release();
      throw error instanceof SessionLogsError ? error : unusable(this.#root.path, 'it cannot be written to', error);
    }
  }

  /** Synchronous; never throws, never waits for the collector. */
  onEmit(record: LogRecord): void {
    if (this.#isClosing) {
      this.#ledger.lose('after_shutdown', 1, false);
      return;
    }
    this.#ledger.received += 1;
    try {
      const routed = routedRecordOf(record);
      if (routed === undefined) this.#encoder.add(record);
      else this.#addOfSession(record, routed);
      const { count, size } = this.#encoder;
      const { flush, maxBytes } = this.#options;
      // A frame beyond the spool's bound would be refused as a whole.
      const isWhole = count >= MAX_FRAME_RECORDS || size >= Math.min(MAX_FRAME_BYTES, maxBytes / 8);
      if (flush === 'record' || isWhole) this.#tick.now();
      else this.#tick.arm();
    } catch (error) {
      this.#ledger.lose('internal_error', 1, true);
      this.#reporter.limited('emit', 'a log record could not be read and is lost', error);
    }
  }

  /** True until shutdown. */
  enabled(): boolean {
    return !this.#isClosing;
  }

  /**
   * Resolves when the exporter has acknowledged everything emitted before the call: written to disk is not delivered.
   *
   * It does not wait for the backlog of dead processes; see `stats()`. Every caller waits for the whole flush.
   *
   * @throws SessionLogsError `flush_timeout` with the number pending after `timeoutMillis`, @default 30,000; `rejected`
   * when any record emitted since the last flush was refused by the collector or dropped by a bound.
   */
  async forceFlush(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = options.timeoutMillis ?? this.#options.forceFlushTimeoutMillis;
    if (this.#shutdown !== undefined) return within(this.#shutdown, timeoutMillis, 'flush_timeout', 'the shutdown');
    const told = this.#told;
    await this.#delivered(timeoutMillis);
    this.#told = this.#ledger.unsuccessful;
    const failed = this.#ledger.unsuccessful - told;
    if (failed > 0) {
      throw new SessionLogsError(
        'rejected',
        `${failed} log records emitted since the last flush were rejected or dropped`,
      );
    }
    return undefined;
  }

  /**
   * Reports up to which entry a session has reached the collector. Resolves when the entries logged before the call are
   * acknowledged, rejected or dropped, and no later than after `timeoutMillis`.
   *
   * For a session that this process does not know, or has forgotten, it waits for all records.
   *
   * @default timeoutMillis 30,000
   */
  async flushSession(sessionId: string, options: { readonly timeoutMillis?: number } = {}): Promise<DeliveryReport> {
    this.#tick.now();
    const timeoutMillis = options.timeoutMillis ?? this.#options.forceFlushTimeoutMillis;
    const watch = this.#ledger.positions.watch(sessionId);
    if (watch !== undefined) {
      await this.#wait(() => watch.isSettled, timeoutMillis);
      return watch.report();
    }
    const isSettled = this.#allSettled();
    const pending = (await this.#wait(isSettled, timeoutMillis)) ? 0 : this.#spool.own.pending;
    return { deliveredId: undefined, pending, rejected: 0, dropped: 0 };
  }

  /**
   * Ships what it can, and ends within `shutdownTimeoutMillis` even when the collector does not answer. Resolves when the records
   * that are not delivered are on disk, from where the next start ships them: one diag warning gives their number.
   *
   * @param options `timeoutMillis`, when it is shorter than `shutdownTimeoutMillis`, takes its place.
   * @throws SessionLogsError `shutdown_timeout` with the number of records that are neither delivered nor on disk.
   */
  shutdown(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const { timeoutMillis = Number.POSITIVE_INFINITY } = options;
    return (this.#shutdown ??= this.#close(Math.min(timeoutMillis, this.#options.shutdownTimeoutMillis)));
  }

  stats(): DurableStats {
    const { own, adopted, bytes, newer } = this.#spool;
    const segments = [...own.segments, ...adopted.segments].filter(({ records, settled }) => settled < records);
    const oldest = Math.min(...segments.map((segment) => segment.oldestMillis));
    return {
      received: this.#ledger.received,
      exported: this.#ledger.exported,
      rejected: this.#ledger.rejected,
      pending: { own: own.pending + this.#encoder.count, adopted: adopted.pending },
      newer,
      bytes,
      segments: own.segments.length + adopted.segments.length,
      oldestAgeMillis: segments.length === 0 ? 0 : Math.max(0, this.#options.now() - oldest),
      lost: this.#ledger.lost,
    };
  }

  #addOfSession(record: LogRecord, routed: RoutedRecord): void {
    const { sessionId, source } = routed;
    if (source !== undefined && source !== this.#attachedTo) {
      this.#attachedTo = source;
      source.attachDelivery(this);
    }
    const { positions } = this.#ledger;
    const session = positions.appending(sessionId, routed);
    try {
      // Records are sent in the order of writing, so with this record everything written before it is delivered too.
      this.#encoder.add(record, sessionId, session.newestId);
    } catch (error) {
      positions.appended(undefined, [session]);
      throw error;
    }
    this.#tickSessions.push(session);
  }

  /** Writes the frame of this tick to the spool. Never throws. */
  #write(): void {
    const encoder = this.#encoder;
    const { count } = encoder;
    if (count === 0) return;
    this.#encoder = this.#spareEncoder;
    this.#spareEncoder = encoder;
    const sessions = this.#tickSessions;
    if (sessions.length > 0) this.#tickSessions = [];
    const frame = encoder.finish(this.#spool.nextOrdinal, this.#options.now());
    if (frame === undefined) return;
    const segment = this.#spool.append(frame, count);
    if (sessions.length > 0) this.#ledger.positions.appended(segment, sessions);
    this.#shipper.appended();
  }

  async #adopt(): Promise<void> {
    this.#spool.dropAged();
    await this.#spool.adopt();
    this.#shipper.wake();
  }

  /** A condition that holds when all records emitted so far are settled. */
  #allSettled(): () => boolean {
    const target = this.#spool.nextOrdinal;
    return () => (this.#spool.own.oldestUnsettled ?? target) >= target;
  }

  async #delivered(timeoutMillis: number): Promise<void> {
    this.#tick.now();
    const deadline = new Deadline(timeoutMillis);
    const target = this.#spool.nextOrdinal;
    if (!(await this.#wait(this.#allSettled(), timeoutMillis))) {
      const pending = Math.max(0, this.#spool.own.pending - (this.#spool.nextOrdinal - target));
      throw new SessionLogsError(
        'flush_timeout',
        `${pending} log records were not acknowledged within ${timeoutMillis} ms; they are kept in the spool`,
        { pending },
      );
    }
    if (!(await this.#limited(() => this.#options.exporter.forceFlush?.(), deadline.left))) {
      this.#reporter.limited('forceFlush', `forceFlush of the exporter did not end within ${timeoutMillis} ms`);
    }
  }

  #wait(isDone: () => boolean, timeoutMillis: number): Promise<boolean> {
    const waiting = this.#waiters.wait(isDone, timeoutMillis);
    if (this.#waiters.size > 0) this.#shipper.wake();
    return waiting;
  }

  async #close(timeoutMillis: number): Promise<void> {
    // The last part is for the way back: who gave this time waits no longer for what became of the records.
    const deadline = new Deadline(timeoutMillis * (1 - CLOSING_SHARE / 2));
    this.#isClosing = true;
    clearInterval(this.#adoptTimer);
    clearInterval(this.#placeTimer);
    this.#stopObserving();
    this.#stopReadingIds();
    this.#tick.now();
    await this.#wait(this.#allSettled(), timeoutMillis * (1 - CLOSING_SHARE));
    this.#shipper.stop();
    this.#waiters.end();
    this.#spool.closeIdle();
    const inMemory = this.#spool.persistAll();
    const undelivered = this.#spool.own.pending;
    await this.#limited(() => this.#spool.close(), deadline.left);
    this.#tick.close();
    this.#root.release();
    // The exporter's retry timer cannot be cancelled: when no time is left, nothing waits for it.
    await this.#limited(() => this.#options.exporter.shutdown(), deadline.left);
    if (inMemory > 0) {
      this.#ledger.lose('unwritten_at_shutdown', inMemory, true);
      throw new SessionLogsError('shutdown_timeout', `${inMemory} log records are neither delivered nor on disk`, {
        pending: inMemory,
      });
    }
    if (undelivered > 0) {
      const what = `${undelivered} log records are not delivered`;
      this.#reporter.warn(`${what}; they are on disk, and the next start ships them`);
    }
  }

  /** Waits for foreign work, at most `timeoutMillis`. A failure of it is reported. Resolves to whether it has ended. */
  #limited(work: () => Promise<void> | undefined, timeoutMillis: number): Promise<boolean> {
    const done = (async () => {
      try {
        await work();
      } catch (error) {
        this.#reporter.warn('the exporter or the spool failed to end', error);
      }
    })();
    return settlesWithin(done, timeoutMillis);
  }
}
