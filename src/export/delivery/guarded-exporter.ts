import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Context } from '@opentelemetry/api';

import type { LogRecordExporter, ReadableLogRecord } from '../../otel/log-record.ts';
import { describeValue } from '../../support/errors.ts';
import { catchRejection } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { settlesWithin } from '../../support/timeouts.ts';
import { startTimer, workNow } from '../../support/timers.ts';
import type { LastAnswer } from './delivery-facts.ts';
import { verdictOn } from './export-verdict.ts';
import type { ExportOutcome, ExportVerdict } from './export-verdict.ts';

/**
 * The context in which records are sent. It has the key of `suppressTracing` in @opentelemetry/core (`createContextKey`
 * is `Symbol.for`). Without it, an instrumented HTTP client would make a span for each export.
 */
export const SUPPRESSED: Context = ROOT_CONTEXT.setValue(
  createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'),
  true,
);

/** The result of an export, with its error if it failed. */
export interface ExportAnswer {
  readonly verdict: ExportVerdict;
  readonly error?: unknown;
  /** No answer came in time: the collector may have the records. */
  readonly isUnanswered?: boolean;
}

/** Wraps any exporter, which may throw, hang, answer twice or never, and answer with anything. Never rejects. */
export class GuardedExporter {
  readonly #exporter: LogRecordExporter;
  readonly #timeoutMillis: number;
  readonly #reporter: Reporter;
  lastAnswer: LastAnswer | undefined = undefined;

  /** @param timeoutMillis Milliseconds that an export may take. */
  constructor(exporter: LogRecordExporter, timeoutMillis: number, reporter: Reporter) {
    this.#exporter = exporter;
    this.#timeoutMillis = timeoutMillis;
    this.#reporter = reporter;
  }

  /** Exports records once. No answer in time counts as unavailable, a throw as refused. The first answer counts. */
  export(records: readonly ReadableLogRecord[]): Promise<ExportAnswer> {
    return new Promise<ExportAnswer>((resolve) => {
      const timer = startTimer(() => {
        const error = new Error(`the exporter did not answer within ${this.#timeoutMillis} ms`);
        this.#answer(resolve, { verdict: 'unavailable', error, isUnanswered: true });
      }, this.#timeoutMillis).unref();
      const answered = (outcome: ExportOutcome): void => {
        this.#answer(resolve, { verdict: verdictOn(outcome), error: outcome.error });
        clearTimeout(timer);
      };
      try {
        context.with(SUPPRESSED, () => this.#call(records, answered));
      } catch (error) {
        // The application's context manager failed, not the exporter.
        answered({ isSuccess: false, error });
      }
    });
  }

  #answer(resolve: (answer: ExportAnswer) => void, answer: ExportAnswer): void {
    this.lastAnswer = { ...answer, atMillis: workNow() };
    resolve(answer);
  }

  #call(records: readonly ReadableLogRecord[], answered: (outcome: ExportOutcome) => void): void {
    try {
      // Copied, because the exporter may empty the array.
      const returned: unknown = this.#exporter.export(records.slice(), (result) => answered(read(result)));
      // An `async export()` rejects for any failure, even of the network.
      catchRejection(returned, (error) => answered({ isSuccess: false, error }));
    } catch (error) {
      answered({ isSuccess: false, error, hasThrown: true });
    }
  }

  /** Asks the exporter to send what it holds, without waiting: some exporters answer an export only then. */
  hurry(): void {
    void this.#guarded('forceFlush', () => this.#exporter.forceFlush?.());
  }

  /** Resolves when the exporter has sent what it holds, after the time limit at the latest. */
  forceFlush(timeoutMillis: number): Promise<void> {
    return this.#within('forceFlush', timeoutMillis, () => this.#exporter.forceFlush?.());
  }

  shutdown(timeoutMillis: number): Promise<void> {
    return this.#within('shutdown', timeoutMillis, () => this.#exporter.shutdown());
  }

  async #within(what: string, timeoutMillis: number, call: () => Promise<void> | undefined): Promise<void> {
    if (await settlesWithin(this.#guarded(what, call), timeoutMillis)) return;
    this.#reporter.limited(what, `${what} of the exporter did not end in the remaining time (${timeoutMillis} ms)`);
  }

  async #guarded(what: string, call: () => Promise<void> | undefined): Promise<void> {
    try {
      await context.with(SUPPRESSED, call);
    } catch (error) {
      this.#reporter.limited(what, `${what} of the exporter failed`, error);
    }
  }
}

const SUCCESS: ExportOutcome = { isSuccess: true };

/** Anything but an object with `code` 0 is a failure. */
function read(result: unknown): ExportOutcome {
  try {
    const { code, error } = (result ?? {}) as { readonly code?: unknown; readonly error?: unknown };
    if (code === 0) return SUCCESS;
    return { isSuccess: false, error: error ?? new Error(`the exporter answered with code ${describeValue(code)}`) };
  } catch (error) {
    return { isSuccess: false, error };
  }
}
