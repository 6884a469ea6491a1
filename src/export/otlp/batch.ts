import { types } from 'node:util';

import * as z from 'zod';

import { toOwnJsonValue } from '../../entry/body.ts';
import { batchEnvironment } from '../../otel/environment.ts';
import type { LogRecord, LogRecordExporter, LogRecordProcessor } from '../../otel/log-record.ts';
import type { BatchProcessorClass } from '../../otel/logs-sdk.ts';
import { meterProviderOption, observeProcessor } from '../../otel/metrics.ts';
import type { MeterProvider } from '../../otel/metrics.ts';
import { mayHoldMore, ownValue } from '../../support/own-value.ts';
import { SessionLogsError } from '../../support/errors.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import {
  functionOption,
  lazily,
  millis,
  millisOrNever,
  objectWith,
  parseOptions,
  positiveInteger,
} from '../../support/options.ts';
import { mayBePart, ownText } from '../../support/own-text.ts';
import { Episode, reporterFor } from '../../support/reporter.ts';
import { settlesWithin, within } from '../../support/timeouts.ts';
import { MAX_DELAY_MILLIS } from '../../support/timers.ts';
import { hasNumberForText, isSentAsText, withNumbersAsText } from '../number-text.ts';
import { CountingExporter } from './counting-exporter.ts';

export interface CountingBatchOptions {
  readonly exporter: LogRecordExporter;
  /** The batch processor of the SDK in use. */
  readonly BatchLogRecordProcessor: BatchProcessorClass;
  /**
   * The most records that wait; further ones are dropped, counted `export_queue_full`.
   *
   * @default OTEL_BLRP_MAX_QUEUE_SIZE, else 65,536
   */
  readonly maxQueueSize?: number | undefined;
  /** @default OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, else 512 */
  readonly maxExportBatchSize?: number | undefined;
  /** @default OTEL_BLRP_SCHEDULE_DELAY, else 1,000 */
  readonly scheduledDelayMillis?: number | undefined;
  /** An export that takes longer fails. @default OTEL_BLRP_EXPORT_TIMEOUT, else 30,000 */
  readonly exportTimeoutMillis?: number | undefined;
  /** How long a flush takes at most, since the SDK passes no time-out. @default 30,000 */
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
    exportTimeoutMillis: millisOrNever().optional(),
    forceFlushTimeoutMillis: millisOrNever().optional(),
    shutdownTimeoutMillis: millisOrNever().optional(),
    lost: z.instanceof(LossCounters).optional(),
    selfObsMeterProvider: meterProviderOption(),
  }),
);

/**
 * The SDK's batch processor around an exporter, with what the SDK's lacks: every caller of a flush waits for all of it, and
 * a flush ends in time and reports how many records are pending; a shutdown waits for the flush under way; drops and failed
 * exports are counted, and reported once when they begin and once when they end.
 *
 * Nothing is kept on disk: records that wait are lost with the process, and so is a batch that the exporter gives up.
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
  /** Records given to the batch processor, and how many of them are exported or have failed. */
  #accepted = 0;
  #settled = 0;
  /** Records that were not delivered, and how many of them a flush has already reported. */
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
      scheduledDelayMillis: Math.min(
        given.scheduledDelayMillis ?? environment.scheduledDelayMillis ?? 1000,
        MAX_DELAY_MILLIS,
      ),
      // The counting exporter always answers first, after twice its time-out at the latest.
      exportTimeoutMillis: Math.min(2 * timeoutMillis + 1000, MAX_DELAY_MILLIS),
    });
    this.#stopObserving = observeProcessor(given.selfObsMeterProvider, 'CountingBatchLogRecordProcessor', () => {
      const failed = this.lost.get('export_failed');
      const succeeded = this.#settled - failed;
      const queue = { queueSize: this.pending, queueCapacity: this.#maxQueueSize };
      return { processed: succeeded, lost: this.lost.toJSON(), ...queue, exported: { succeeded, failed } };
    });
  }

  /** The number of records that are not exported yet. */
  get pending(): number {
    return this.#accepted - this.#settled;
  }

  onEmit(record: LogRecord): void {
    if (this.#closing !== undefined) {
      this.lost.add('after_shutdown');
      return;
    }
    // The records that the batch processor has taken out for a flush count too. So its own bound, which drops silently,
    // is never reached.
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
    const timeoutMillis = options.timeoutMillis ?? this.#flushTimeoutMillis;
    if (this.#closing !== undefined) return within(this.#closing, timeoutMillis, 'flush_timeout', 'the shutdown');
    const target = this.#accepted;
    const isInTime = await settlesWithin(this.#drain(target), timeoutMillis);
    if (!isInTime) {
      const pending = target - this.#settled;
      throw new SessionLogsError(
        'flush_timeout',
        `${pending} records were not exported within ${timeoutMillis} ms`,
        this.#failure(pending),
      );
    }
    return this.#tellUndelivered();
  }

  /**
   * Exports the records that wait, then shuts the exporter down. Rejects when that takes too long; the records that still
   * wait are then counted `export_failed`.
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
    // Counted here, and not once more when the batch processor hands them over, if it ever does.
    this.#onSettled(pending, error);
    this.#exporter.abandon(error);
    ending.catch((cause: unknown) => this.#reporter.limited('shutdown', 'the shutdown failed', cause));
    throw error;
  }

  #failure(pending: number): { pending: number; cause?: unknown } {
    return this.#lastError === undefined ? { pending } : { pending, cause: this.#lastError };
  }

  /** Runs flushes one after the other, since the SDK's batch processor resolves a second one at once. */
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
    // When the attributes of a resource never arrive, the batch processor gives up before it calls the exporter.
    const missing = accepted - this.#settled;
    if (missing > 0) this.#onSettled(missing, new Error('the batch processor did not export the records'));
  }

  #tellUndelivered(): void {
    const count = this.#undelivered - this.#told;
    if (count === 0) return;
    this.#told = this.#undelivered;
    throw new SessionLogsError('flush_failed', `${count} records were not exported`, this.#failure(count));
  }

  #onSettled(count: number, error: Error | undefined): void {
    const records = Math.min(count, this.pending);
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

/** Nothing lies deeper in the copy of a body. */
const MAX_DEPTH = 32;

/**
 * Copies texts and body, which the record shares with the caller: it may change them, or they may hold values that no
 * exporter can write.
 */
function detachTexts(record: LogRecord): void {
  const { body, eventName, severityText } = record;
  if (typeof body === 'string') {
    if (mayBePart(body)) record.setBody(ownText(body));
  } else if (typeof body === 'number') {
    if (isSentAsText(body)) record.setBody(String(body));
  } else if (types.isUint8Array(body)) {
    record.setBody(new Uint8Array(body));
  } else if (body !== undefined && body !== null && typeof body !== 'boolean') {
    const plain = toOwnJsonValue(body);
    record.setBody(hasNumberForText(plain, MAX_DEPTH) ? withNumbersAsText(plain, MAX_DEPTH) : plain);
  }
  if (eventName !== undefined && mayBePart(eventName)) record.setEventName(ownText(eventName));
  if (severityText !== undefined && mayBePart(severityText)) record.setSeverityText(ownText(severityText));
}

/** Copies attributes that could keep more than themselves alive, or hold numbers that are sent as text. */
function detachAttributes(record: LogRecord): void {
  const { attributes } = record;
  for (const key in attributes) {
    const value = attributes[key];
    if (typeof value !== 'string' && typeof value !== 'boolean' && hasNumberForText(value, MAX_DEPTH)) {
      // Bodies are cut at that depth, attributes are not.
      record.setAttribute(key, withNumbersAsText(toOwnJsonValue(value), MAX_DEPTH));
    } else if (mayHoldMore(value) && Object.hasOwn(attributes, key)) {
      record.setAttribute(key, ownValue(value));
    }
  }
}
