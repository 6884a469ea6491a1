import { tellInner } from '../otel/inner-part.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../otel/log-record.ts';
import { otherExportingProvider } from '../otel/provider-inside.ts';

/**
 * Discards all records if another SDK of this process exports logs to the endpoint of all signals, since the user did
 * not ask for a second export; else exports them. It decides when the first records are due.
 */
export class YieldingExporter implements LogRecordExporter {
  readonly #exporter: LogRecordExporter;
  readonly #onYield: () => void;
  #isYielding: boolean | undefined;

  /** @param onYield Called once, when the other SDK is found. */
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
