import type { ExportResult } from './export-result.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../../src/otel/log-record.ts';

/** An exporter whose answers the test gives: success at once until `hold()`. */
export class ManualExporter implements LogRecordExporter {
  readonly batches: ReadableLogRecord[][] = [];
  mostInFlight = 0;
  shutdowns = 0;
  #inFlight = 0;
  #isHeld = false;
  #error: Error | undefined;
  readonly #waiting: (() => void)[] = [];

  export(records: ReadableLogRecord[], done: (result: ExportResult) => void): void {
    this.batches.push(records);
    this.#inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
    const answer = (): void => {
      this.#inFlight -= 1;
      done(resultOf(this.#error));
    };
    if (this.#isHeld) this.#waiting.push(answer);
    else queueMicrotask(answer);
  }

  /** No answer from now on. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Answers the exports under way and all later ones: success, or this error. */
  release(error?: Error): void {
    this.#isHeld = false;
    this.#error = error;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  bodies(): unknown[] {
    return this.batches.flat().map((record) => record.body);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {
    this.shutdowns += 1;
  }
}

function resultOf(error: Error | undefined): ExportResult {
  const result: unknown = error === undefined ? { code: 0 } : { code: 1, error };
  return result as ExportResult;
}
