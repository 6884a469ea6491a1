import { types } from 'node:util';

import * as z from 'zod';

import { bodyToText, toOwnJsonValue } from '../../entry/body.ts';
import { batchEnvironment } from '../../otel/environment.ts';
import type { LogRecord, LogRecordExporter, LogRecordProcessor } from '../../otel/log-record.ts';
import type { BatchProcessorClass } from '../../otel/logs-sdk.ts';
import { meterProviderOption, observeProcessor } from '../../otel/metrics.ts';
import type { MeterProvider } from '../../otel/metrics.ts';
import { mayHoldMore, ownValue } from '../../support/own-value.ts';
import { SessionLogsError } from '../../support/errors.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import { functionOption, lazily, millis, objectWith, parseOptions, positiveInteger } from '../../support/options.ts';
import { mayBePart, ownText } from '../../support/own-text.ts';
import { Episode, reporterFor } from '../../support/reporter.ts';
import { settlesWithin } from '../../support/timeouts.ts';
import { CountingExporter } from './counting-exporter.ts';

export interface CountingBatchOptions {
  readonly exporter: LogRecordExporter;
  /** The batch processor of the SDK in use. */
  readonly BatchLogRecordProcessor: BatchProcessorClass;
  /** Records that wait at most; more are dropped, counted `export_queue_full`. @default OTEL_BLRP_MAX_QUEUE_SIZE, else 65,536 */
  readonly maxQueueSize?: number | undefined;
  /** @default OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, else 512 */
  readonly maxExportBatchSize?: number | undefined;
  /** @default OTEL_BLRP_SCHEDULE_DELAY, else 1,000 */
  readonly scheduledDelayMillis?: number | undefined;
  /** An export that takes longer has failed. @default OTEL_BLRP_EXPORT_TIMEOUT, else 30,000 */
  readonly exportTimeoutMillis?: number | undefined;
  /** How long a flush takes at most: the SDK passes no time of its own. @default 30,000 */
  readonly forceFlushTimeoutMillis?: number | undefined;
  /** How long shutdown takes at most. @default 10,000 */
  readonly shutdownTimeoutMillis?: number | undefined;
  /** Where losses are counted. @default new LossCounters() */
  readonly lost?: LossCounters | undefined;
  /** Where metrics of the processor go. @default none */
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

const optionsSchema = lazily(() =>
  z.strictObject({
    exporter: objectWith<LogRecordExporter>('a LogRecordExporter', 'export', 'shutdown'),
    BatchLogRecordProcessor: functionOption<BatchProcessorClass & ((...args: never[]) => unknown)>(),
    maxQueueSize: positiveInteger().optional(),
    maxExportBatchSize: positiveInteger().optional(),
    scheduledDelayMillis: millis().optional(),
    exportTimeoutMillis: millis().optional(),
    forceFlushTimeoutMillis: millis().optional(),
    shutdownTimeoutMillis: millis().optional(),
    lost: z.instanceof(LossCounters).optional(),
    selfObsMeterProvider: meterProviderOption(),
  }),
);

/**
 * The SDK's batch processor around an exporter, with what it leaves out: a flush that every caller waits for to its end,
 * that ends in time and says how many records are pending; a shutdown that waits for the flush under way; drops and
 * failed exports counted and reported once when they begin and once when they are over.
 *
 * Nothing is kept on disk: what waits here dies with the process, and a batch that the exporter gives up is lost.
 */
export class CountingBatchLogRecordProcessor implements LogRecordProcessor {
  readonly lost: LossCounters;
  readonly #batch: LogRecordProcessor;
  readonly #exporter: CountingExporter;
  readonly #maxQueueSize: number;
  readonly #flushTimeoutMillis: number;
  readonly #shutdownTimeoutMillis: number;
  readonly #reporter = reporterFor('batch');
  readonly #overflow = new Episode(this.#reporter);
  readonly #outage = new Episode(this.#reporter);
  /** Records handed to the batch processor; those of them whose export has ended, well or not. */
  #accepted = 0;
  #settled = 0;
  /** Records that were not delivered, and how many of them a flush has told of. */
  #undelivered = 0;
  #told = 0;
  #lastError: Error | undefined;
  #flushing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #stopObserving: () => void;

  constructor(options: CountingBatchOptions) {
    const given = parseOptions('CountingBatchLogRecordProcessor', optionsSchema, options);
    const environment = batchEnvironment(this.#reporter);
    const timeoutMillis = given.exportTimeoutMillis ?? environment.exportTimeoutMillis ?? 30_000;
    this.lost = given.lost ?? new LossCounters();
    this.#maxQueueSize = given.maxQueueSize ?? environment.maxQueueSize ?? 65_536;
    this.#flushTimeoutMillis = given.forceFlushTimeoutMillis ?? 30_000;
    this.#shutdownTimeoutMillis = given.shutdownTimeoutMillis ?? 10_000;
    this.#exporter = new CountingExporter({
      exporter: given.exporter,
      timeoutMillis,
      settled: (records, error) => this.#onSettled(records, error),
      reporter: this.#reporter,
    });
    this.#batch = new given.BatchLogRecordProcessor({
      exporter: this.#exporter,
      maxQueueSize: this.#maxQueueSize,
      maxExportBatchSize: Math.min(
        given.maxExportBatchSize ?? environment.maxExportBatchSize ?? 512,
        this.#maxQueueSize,
      ),
      scheduledDelayMillis: given.scheduledDelayMillis ?? environment.scheduledDelayMillis ?? 1000,
      // The counting exporter always answers first, after twice its time-out at the latest.
      exportTimeoutMillis: 2 * timeoutMillis + 1000,
    });
    this.#stopObserving = observeProcessor(given.selfObsMeterProvider, 'CountingBatchLogRecordProcessor', () => {
      const failed = this.lost.get('export_failed');
      const succeeded = this.#settled - failed;
      const queue = { queueSize: this.pending, queueCapacity: this.#maxQueueSize };
      return { processed: succeeded, lost: this.lost.toJSON(), ...queue, exported: { succeeded, failed } };
    });
  }

  /** Records not yet exported. */
  get pending(): number {
    return this.#accepted - this.#settled;
  }

  onEmit(record: LogRecord): void {
    if (this.#closing !== undefined) {
      this.lost.add('after_shutdown');
      return;
    }
    // Counted with what the batch processor has taken out for a flush, so its own bound, which drops without a word, is
    // never reached.
    if (this.pending >= this.#maxQueueSize) {
      this.#onOverflow();
      return;
    }
    this.#accepted += 1;
    try {
      detachTexts(record);
      detachAttributes(record);
      this.#batch.onEmit(record);
    } catch (error) {
      this.#accepted -= 1;
      this.lost.add('internal_error');
      this.#reporter.limited('emit', 'a record could not be queued for export', error);
    }
  }

  /** True until shutdown. */
  enabled(): boolean {
    return this.#closing === undefined;
  }

  /**
   * Resolves when every record emitted before the call is exported.
   *
   * @throws SessionLogsError `flush_timeout` with the number pending when that takes too long; `flush_failed` with the
   * number of records that were dropped or whose export failed since the last flush.
   */
  async forceFlush(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    const target = this.#accepted;
    const timeoutMillis = options.timeoutMillis ?? this.#flushTimeoutMillis;
    const isInTime = await settlesWithin(this.#drain(target), timeoutMillis);
    if (!isInTime) {
      const pending = target - this.#settled;
      throw new SessionLogsError(
        'flush_timeout',
        `${pending} records were not exported within ${timeoutMillis} ms`,
        this.#failure(pending),
      );
    }
    this.#tellUndelivered();
  }

  /**
   * Exports what is left, then shuts the exporter down. Rejects when that takes too long; what is left then is counted
   * `export_failed`.
   */
  shutdown(options: { readonly timeoutMillis?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#close(options.timeoutMillis ?? this.#shutdownTimeoutMillis));
  }

  async #close(timeoutMillis: number): Promise<void> {
    this.#stopObserving();
    const ending = this.#drain(this.#accepted).then(() => this.#batch.shutdown());
    if (await settlesWithin(ending, timeoutMillis)) return;
    const { pending } = this;
    const error = new SessionLogsError(
      'shutdown_timeout',
      `${pending} records were not exported within ${timeoutMillis} ms of shutdown`,
      this.#failure(pending),
    );
    this.#exporter.abandon(error);
    ending.catch((cause: unknown) => this.#reporter.limited('shutdown', 'the shutdown failed', cause));
    throw error;
  }

  #failure(pending: number): { pending: number; cause?: unknown } {
    return this.#lastError === undefined ? { pending } : { pending, cause: this.#lastError };
  }

  /** Flushes one after the other: the SDK's batch processor answers a second flush at once. */
  async #drain(target: number): Promise<void> {
    while (this.#settled < target) {
      this.#flushing ??= this.#flushOnce();
      await this.#flushing;
    }
  }

  async #flushOnce(): Promise<void> {
    const accepted = this.#accepted;
    try {
      await this.#batch.forceFlush();
    } catch (error) {
      this.#reporter.limited('flush', 'the flush of the batch processor failed', error);
    } finally {
      this.#flushing = undefined;
    }
    // A resource whose attributes never came makes the batch processor give up before it reaches the exporter.
    const missing = accepted - this.#settled;
    if (missing > 0) this.#onSettled(missing, new Error('the batch processor did not export the records'));
  }

  #tellUndelivered(): void {
    const count = this.#undelivered - this.#told;
    if (count === 0) return;
    this.#told = this.#undelivered;
    throw new SessionLogsError('flush_failed', `${count} records were not exported`, this.#failure(count));
  }

  #onSettled(records: number, error: Error | undefined): void {
    this.#settled += records;
    if (error === undefined) {
      this.#outage.end('logs are exported again');
    } else {
      this.#lastError = error;
      this.#undelivered += records;
      this.lost.add('export_failed', records);
      this.#outage.begin('the export of logs fails; the records are lost', error);
    }
    if (this.#overflow.isOpen && this.pending <= this.#maxQueueSize / 2) {
      this.#overflow.end(`the export queue has room again; ${this.lost.get('export_queue_full')} records were dropped`);
    }
  }

  #onOverflow(): void {
    this.#undelivered += 1;
    this.lost.add('export_queue_full');
    this.#overflow.begin(`the export queue is full (${this.#maxQueueSize} records); new records are dropped`);
  }
}

/** The SDK shares the texts and the body with the caller, who may change it, or have put something in it that no exporter can write. */
function detachTexts(record: LogRecord): void {
  const { body, eventName, severityText } = record;
  if (typeof body === 'string') {
    if (mayBePart(body)) record.setBody(ownText(body));
  } else if (typeof body === 'number') {
    if (isPoison(body, 0)) record.setBody(String(body));
  } else if (types.isUint8Array(body)) {
    record.setBody(new Uint8Array(body));
  } else if (body !== undefined && body !== null && typeof body !== 'boolean') {
    record.setBody(toOwnJsonValue(body));
  }
  if (eventName !== undefined && mayBePart(eventName)) record.setEventName(ownText(eventName));
  if (severityText !== undefined && mayBePart(severityText)) record.setSeverityText(ownText(severityText));
}

/**
 * A NaN, an infinity or an integer beyond 64 bits in an attribute makes a Collector refuse the whole request of the JSON
 * exporter, and with it the batch: such values go as text. All others as they are, without what may be behind them.
 */
function detachAttributes(record: LogRecord): void {
  const { attributes } = record;
  for (const key in attributes) {
    const value = attributes[key];
    if (typeof value !== 'string' && typeof value !== 'boolean' && isPoison(value, 0)) {
      record.setAttribute(key, typeof value === 'number' ? String(value) : bodyToText(value));
    } else if (mayHoldMore(value) && Object.hasOwn(attributes, key)) {
      record.setAttribute(key, ownValue(value));
    }
  }
}

const MAX_INT = 2 ** 63;
const MAX_DEPTH = 32;

function isPoison(value: unknown, depth: number): boolean {
  if (typeof value === 'number')
    return !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) >= MAX_INT);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return depth >= MAX_DEPTH || Object.values(value).some((part) => isPoison(part, depth + 1));
}
