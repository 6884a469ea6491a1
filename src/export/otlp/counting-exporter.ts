import { EXPORT_SUCCESS, isExportSuccess } from '../../otel/export-result.ts';
import type { ExportResult } from '../../otel/export-result.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../../otel/log-record.ts';
import type { Reporter } from '../../support/reporter.ts';

/** Hears of every batch, once, when it is known what became of it. */
export type Settled = (records: number, error: Error | undefined) => void;

export interface CountingExporterOptions {
  readonly exporter: LogRecordExporter;
  /** An export that takes longer has failed. */
  readonly timeoutMillis: number;
  readonly settled: Settled;
  readonly reporter: Reporter;
}

/**
 * Stands between a batch processor and an exporter: tells what became of each batch, and keeps the exporter's end of the
 * contract where the exporter does not: the answer comes exactly once and in time, whatever it throws.
 *
 * The batch processor always hears success, since all that it does about a failure is to write a line of its own.
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
    // The records have failed after the first time-out. The exporter is left alone as long again, since it may still be
    // at work and gets one batch at a time; after that it is taken for hung.
    let timer = setTimeout(() => {
      const error = new Error(`the exporter did not answer within ${this.#timeoutMillis} ms`);
      settle(error);
      timer = setTimeout(finish, this.#timeoutMillis, error).unref();
    }, this.#timeoutMillis).unref();
    this.#giveUp = finish;
    try {
      this.#exporter.export(records, (result) => finish(isExportSuccess(result) ? undefined : failureOf(result)));
    } catch (error) {
      finish(toError(error));
    }
  }

  /** From now on nothing reaches the exporter any more: every batch, the one under way too, has failed for this reason. */
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

  /** Never rejects, and ends in time: the batch processor would wait for ever, or not go on. */
  async #bounded(what: string, call: () => Promise<void> | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
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

function failureOf(result: ExportResult): Error {
  return result.error ?? new Error(`the exporter answered with code ${result.code}`);
}

function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
