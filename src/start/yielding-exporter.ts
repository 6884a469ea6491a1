import { tellInner } from '../otel/inner-part.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../otel/log-record.ts';
import { otherExportingProvider } from '../otel/provider-inside.ts';

/**
 * Exports unless, when the first records are due, another SDK of this process is found to export logs to where all signals go:
 * its user did not ask for a second one. What it gets then goes nowhere.
 */
export class YieldingExporter implements LogRecordExporter {
  readonly #exporter: LogRecordExporter;
  readonly #onYield: () => void;
  #isYielding: boolean | undefined;

  /** @param onYield Is called once, when it has found the other SDK. */
  constructor(exporter: LogRecordExporter, onYield: () => void) {
    this.#exporter = exporter;
    tellInner(this, exporter);
    this.#onYield = onYield;
  }

  export(records: ReadableLogRecord[], answer: (result: { readonly code: number }) => void): void {
    this.#isYielding ??= this.#decide();
    if (this.#isYielding) answer({ code: 0 });
    else this.#exporter.export(records, answer);
  }

  #decide(): boolean {
    if (otherExportingProvider() === undefined) return false;
    this.#onYield();
    return true;
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}
