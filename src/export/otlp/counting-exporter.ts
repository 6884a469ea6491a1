import { EXPORT_SUCCESS } from '../../otel/export-result.ts';
import type { ExportResult } from '../../otel/export-result.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../../otel/log-record.ts';
import { isError, messageOf } from '../../support/errors.ts';
import type { Reporter } from '../../support/reporter.ts';
import { startTimer } from '../../support/timers.ts';
import { callExporter } from '../call-exporter.ts';

/** Called once for each batch, when its export has succeeded or failed. */
export type Settled = (records: number, error: Error | undefined) => void;

export interface CountingExporterOptions {
  readonly exporter: LogRecordExporter;
  /** An export that takes longer has failed. */
  readonly timeoutMillis: number;
  readonly settled: Settled;
  readonly reporter: Reporter;
}

/**
 * Wraps an exporter for a batch processor. It reports the result of each batch, and keeps the contract of an exporter even
 * if the wrapped one does not: it calls back exactly once and in time, also when that one throws.
 *
 * It always reports success to the batch processor, which would do nothing about a failure except log it.
 */
export class CountingExporter implements LogRecordExporter {
  readonly #exporter: LogRecordExporter;
  readonly #timeoutMillis: number;
  readonly #settled: Settled;
  readonly #reporter: Reporter;
  /** Ends the export under way, if any. */
  #giveUp: ((reason: Error) => void) | undefined;
  #abandoned: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: CountingExporterOptions) {
    this.#exporter = options.exporter;
    this.#timeoutMillis = options.timeoutMillis;
    this.#settled = options.settled;
    this.#reporter = options.reporter;
  }

  export(records: ReadableLogRecord[], done: (result: ExportResult) => void): void {
    if (this.#abandoned !== undefined) {
      this.#settled(records.length, this.#abandoned);
      done(EXPORT_SUCCESS);
      return;
    }
    let isSettled = false;
    let isDone = false;
    const settle = (error: Error | undefined): void => {
      if (isSettled) return;
      isSettled = true;
      this.#settled(records.length, error);
    };
    const finish = (error: Error | undefined): void => {
      settle(error);
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      this.#giveUp = undefined;
      done(EXPORT_SUCCESS);
    };
    // After the first time-out the records have failed. The exporter gets no other batch for as long again, since it may
    // still be at work; after that it is taken for hung.
    let timer = startTimer(() => {
      const error = new Error(`the exporter did not answer within ${this.#timeoutMillis} ms`);
      settle(error);
      timer = startTimer(() => finish(error), this.#timeoutMillis).unref();
    }, this.#timeoutMillis).unref();
    this.#giveUp = finish;
    callExporter(this.#exporter, records, ({ isSuccess, error }) => finish(isSuccess ? undefined : toError(error)));
  }

  /** Gives the exporter up: every batch from now on, and the one under way, fails with this error. */
  abandon(reason: Error): void {
    this.#abandoned = reason;
    this.#giveUp?.(reason);
  }

  forceFlush(): Promise<void> {
    return this.#bounded('forceFlush', () => this.#exporter.forceFlush?.());
  }

  shutdown(): Promise<void> {
    return (this.#closing ??= this.#bounded('shutdown', () => this.#exporter.shutdown()));
  }

  /** Never rejects, and ends in time. Otherwise the batch processor would wait without end, or stop. */
  async #bounded(what: string, call: () => Promise<void> | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = startTimer(() => {
        this.#reporter.limited(what, `${what} of the exporter did not end within ${this.#timeoutMillis} ms`);
        resolve();
      }, this.#timeoutMillis).unref();
    });
    try {
      await Promise.race([call(), timeout]);
    } catch (error) {
      this.#reporter.limited(what, `${what} of the exporter failed`, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

function toError(value: unknown): Error {
  return isError(value) ? value : new Error(messageOf(value), { cause: value });
}
