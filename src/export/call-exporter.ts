import type { LogRecordExporter, ReadableLogRecord } from '../otel/log-record.ts';
import { describeValue } from '../support/errors.ts';
import { catchRejection } from '../support/reporter.ts';

/** What an exporter answered. */
export interface ExportOutcome {
  readonly isSuccess: boolean;
  readonly error?: unknown;
  /** `export()` itself threw: it cannot handle one of the records. */
  readonly hasThrown?: boolean;
}

const SUCCESS: ExportOutcome = { isSuccess: true };

/**
 * Exports records once, by foreign code: it gets an array of its own, since it may empty it, and whatever it does is read
 * as an answer. `answered` is called with the first one, if there ever is one. Never throws.
 */
export function callExporter(
  exporter: LogRecordExporter,
  records: readonly ReadableLogRecord[],
  answered: (outcome: ExportOutcome) => void,
): void {
  let isAnswered = false;
  const settle = (outcome: ExportOutcome): void => {
    if (isAnswered) return;
    isAnswered = true;
    answered(outcome);
  };
  try {
    const returned: unknown = exporter.export(records.slice(), (result) => settle(read(result)));
    // An `async export()`: it rejects for any failure, also of the network.
    catchRejection(returned, (error) => settle({ isSuccess: false, error }));
  } catch (error) {
    settle({ isSuccess: false, error, hasThrown: true });
  }
}

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
