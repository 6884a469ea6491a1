import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Context } from '@opentelemetry/api';

import type { LogRecordExporter, ReadableLogRecord } from '../../otel/log-record.ts';
import { startTimer } from '../../support/timers.ts';
import { callExporter } from '../call-exporter.ts';
import type { ExportOutcome } from '../call-exporter.ts';
import { verdictOn } from './export-verdict.ts';
import type { ExportVerdict } from './export-verdict.ts';

/**
 * The context in which records are sent. Its key is that of `suppressTracing` in @opentelemetry/core (`createContextKey`
 * is `Symbol.for`). Without it an instrumented HTTP client would make a span for each export.
 */
export const SUPPRESSED: Context = ROOT_CONTEXT.setValue(
  createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'),
  true,
);

/** The result of an export, with the error of one that failed. */
export interface ExportAnswer {
  readonly verdict: ExportVerdict;
  readonly error?: unknown;
}

/** Exports records once. Never rejects: no answer in time means unavailable, and a throw means refused. */
export function exportWithin(
  exporter: LogRecordExporter,
  records: readonly ReadableLogRecord[],
  timeoutMillis: number,
): Promise<ExportAnswer> {
  return new Promise<ExportAnswer>((resolve) => {
    const timer = startTimer(() => {
      resolve({ verdict: 'unavailable', error: new Error(`the exporter gave no answer within ${timeoutMillis} ms`) });
    }, timeoutMillis);
    timer.unref();
    const answered = (outcome: ExportOutcome): void => {
      resolve({ verdict: verdictOn(outcome), error: outcome.error });
      clearTimeout(timer);
    };
    try {
      context.with(SUPPRESSED, () => callExporter(exporter, records, answered));
    } catch (error) {
      // The application's context manager failed, not the exporter.
      answered({ isSuccess: false, error });
    }
  });
}
