import * as z from 'zod';

import type { ErasedPart, SessionEraser } from '../../entry/erasure.ts';
import type { DeliveryReport, SessionDelivery } from '../../entry/routed-record.ts';
import type { LogRecord, LogRecordExporter, LogRecordProcessor } from '../../otel/log-record.ts';
import { meterProviderOption, observeProcessor } from '../../otel/metrics.ts';
import type { MeterProvider } from '../../otel/metrics.ts';
import {
  lazily,
  millis,
  millisOrNever,
  objectWith,
  parseOptions,
  positiveInteger,
  timeoutOption,
} from '../../support/options.ts';
import { Episode, reporterFor } from '../../support/reporter.ts';
import { within } from '../../support/timeouts.ts';
import { MemorySpool } from '../spool/memory-spool.ts';
import { deliveryFacts } from './delivery-facts.ts';
import { batchSettings } from './batch-settings.ts';
import type { BatchOptions } from './batch-settings.ts';
import { DeliveryLedger } from './delivery-ledger.ts';
import { eraseSessionIn } from './erase-session.ts';
import { RecordDelivery } from './record-delivery.ts';

const MAX_FRAME_BYTES = 256 * 1024;

export interface QueuedLogRecordProcessorOptions extends BatchOptions {
  readonly exporter: LogRecordExporter;
  /** The most waiting bytes; beyond that, new records are dropped too. @default 67,108,864 (64 MiB) */
  readonly maxQueueBytes?: number | undefined;
  /** The longest that a flush takes, in milliseconds, because the SDK passes no time-out. @default 30,000 */
  readonly forceFlushTimeoutMillis?: number | undefined;
  /** The longest that a shutdown takes, in milliseconds. @default 10,000 */
  readonly shutdownTimeoutMillis?: number | undefined;
  /** Gets the metrics of the processor. @default none */
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

const optionsSchema = lazily(() =>
  z.strictObject({
    exporter: objectWith<LogRecordExporter>('a LogRecordExporter', 'export', 'shutdown'),
    maxQueueSize: positiveInteger().optional(),
    maxQueueBytes: positiveInteger().default(64 * 1024 * 1024),
    maxExportBatchSize: positiveInteger().optional(),
    scheduledDelayMillis: millis().optional(),
    exportTimeoutMillis: millisOrNever().optional(),
    forceFlushTimeoutMillis: millisOrNever().default(30_000),
    shutdownTimeoutMillis: millisOrNever().default(10_000),
    selfObsMeterProvider: meterProviderOption(),
  }),
);

/** Counters of a `QueuedLogRecordProcessor`; never reset. */
export interface QueuedStats {
  readonly exported: number;
  /** Records that the collector rejected; `lost.export_failed` includes them. */
  readonly rejected: number;
  readonly pending: number;
  /** Lost records, by reason. */
  readonly lost: Readonly<Record<string, number>>;
}

/**
 * Exports from a queue in memory, with the same retries as `DurableLogRecordProcessor`. Waiting records are lost with
 * the process, and new records beyond `maxQueueSize` are dropped.
 */
export class QueuedLogRecordProcessor implements LogRecordProcessor, SessionDelivery, SessionEraser {
  readonly #reporter = reporterFor('queue');
  readonly #overflow = new Episode(this.#reporter);
  readonly #delivery: RecordDelivery<MemorySpool>;
  readonly #maxQueueSize: number;
  readonly #maxQueueBytes: number;
  readonly #forceFlushTimeoutMillis: number;
  readonly #shutdownTimeoutMillis: number;
  #shutdown: Promise<void> | undefined;
  readonly #stopObserving: () => void;

  /** @throws TypeError for a wrong option. */
  constructor(options: QueuedLogRecordProcessorOptions) {
    const parsed = parseOptions('QueuedLogRecordProcessor', optionsSchema, options);
    const reporter = this.#reporter;
    const ledger = new DeliveryLedger(reporter, undefined);
    const { maxQueueSize, ...batch } = batchSettings(parsed, reporter);
    this.#maxQueueSize = maxQueueSize;
    this.#maxQueueBytes = parsed.maxQueueBytes;
    this.#forceFlushTimeoutMillis = parsed.forceFlushTimeoutMillis;
    this.#shutdownTimeoutMillis = parsed.shutdownTimeoutMillis;
    this.#delivery = new RecordDelivery<MemorySpool>({
      batch: { ...batch, maxExportBatchSize: Math.min(batch.maxExportBatchSize, maxQueueSize) },
      exporter: parsed.exporter,
      ledger,
      reporter,
      openSpool: ({ events }) => {
        const settled: typeof events.settled = (...event) => {
          events.settled(...event);
          this.#endOverflow();
        };
        return new MemorySpool(parsed.maxQueueBytes, { ...events, settled });
      },
      rejected: { fate: 'it is lost', add: () => ledger.count('export_failed', 1, false) },
      write: 'batch',
      maxFrameBytes: Math.min(MAX_FRAME_BYTES, parsed.maxQueueBytes / 8),
      expiredBefore: () => -Infinity,
      now: Date.now,
      delivery: this,
    });
    deliveryFacts.tell(this, () => this.#delivery.facts);
    this.#stopObserving = observeProcessor(parsed.selfObsMeterProvider, 'QueuedLogRecordProcessor', () => {
      const { exported: succeeded, rejected: failed, pending, lost } = this.stats();
      const queue = { queueSize: pending, queueCapacity: this.#maxQueueSize };
      return { processed: succeeded, lost, ...queue, exported: { succeeded, failed } };
    });
  }

  onEmit(record: LogRecord): void {
    if (this.#isFull && this.#delivery.isOpen) this.#drop(record);
    else this.#delivery.add(record);
  }

  get #isFull(): boolean {
    const { ledger, spool, unwrittenBytes } = this.#delivery;
    return ledger.waiting >= this.#maxQueueSize || spool.bytes + unwrittenBytes >= this.#maxQueueBytes;
  }

  #drop(record: LogRecord): void {
    const { ledger } = this.#delivery;
    this.#delivery.refuse(record, 'export_queue_full');
    if (this.#overflow.isOpen) return;
    this.#overflow.begin(`the export queue is full (${ledger.waiting} records); new records are dropped`);
  }

  #endOverflow(): void {
    const { ledger, spool } = this.#delivery;
    if (!this.#overflow.isOpen) return;
    if (ledger.waiting > this.#maxQueueSize / 2 || spool.bytes > this.#maxQueueBytes / 2) return;
    const dropped = ledger.lost['export_queue_full'] ?? 0;
    this.#overflow.end(`the export queue has room again; ${dropped} records were dropped`);
  }

  /** Returns true until shutdown. */
  enabled(): boolean {
    return this.#delivery.isOpen;
  }

  /**
   * Resolves when every record emitted before the call is exported.
   *
   * @throws SessionLogsError `flush_timeout` with the number pending if that takes too long; `rejected` with the number
   * of records since the last flush that the collector rejected or the queue had no room for.
   */
  async forceFlush(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('forceFlush', options) ?? this.#forceFlushTimeoutMillis;
    if (this.#shutdown !== undefined) return within(this.#shutdown, timeoutMillis, 'flush_timeout', 'the shutdown');
    return this.#delivery.flush(timeoutMillis);
  }

  /** See `flushSession` of `DurableLogRecordProcessor`. */
  async flushSession(sessionId: string, options: { readonly timeoutMillis?: number } = {}): Promise<DeliveryReport> {
    const timeoutMillis = timeoutOption('flushSession', options) ?? this.#forceFlushTimeoutMillis;
    return this.#delivery.flushSession(sessionId, timeoutMillis);
  }

  /** Removes the session's records from the queue. Waits for a running export, at most `exportTimeoutMillis`. */
  eraseSession(sessionId: string): Promise<ErasedPart> {
    return eraseSessionIn(this.#delivery, sessionId);
  }

  /**
   * Exports the waiting records, then shuts the exporter down.
   *
   * @throws SessionLogsError `shutdown_timeout` with the number of records that were not exported in time; they are
   * lost and counted as `export_failed`.
   */
  shutdown(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    const timeoutMillis = timeoutOption('shutdown', options) ?? this.#shutdownTimeoutMillis;
    return (this.#shutdown ??= this.#close(timeoutMillis));
  }

  stats(): QueuedStats {
    const { ledger, pending } = this.#delivery;
    return { exported: ledger.exported, rejected: ledger.rejected, pending, lost: ledger.lost };
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#stopObserving();
    const delivery = this.#delivery;
    const deadline = await delivery.stop(timeoutMillis, 0);
    const left = delivery.spool.dropAll('export_failed');
    await delivery.release(deadline);
    if (left > 0) throw delivery.undelivered(left, `were not exported within ${timeoutMillis} ms of shutdown`);
  }
}
