import type { ExportResult } from './export-result.ts';
import type { LogRecordExporter, ReadableLogRecord } from '../../src/otel/log-record.ts';

/** What to call back with; `'hang'`: never; a function is called with the batch and may throw. */
export type Script = Partial<Error> | 'ok' | 'hang' | undefined;

/** An exporter in memory that answers as told, and remembers. */
export class ScriptedExporter implements LogRecordExporter {
  /** Records of each call, answered or not. */
  readonly calls: ReadableLogRecord[][] = [];
  /** Records that were answered with success. */
  readonly delivered: ReadableLogRecord[] = [];
  inFlight = 0;
  mostInFlight = 0;
  shutdowns = 0;
  /** How long each answer takes. */
  delayMillis = 0;
  answer: (records: readonly ReadableLogRecord[], call: number) => Script;

  constructor(answer: (records: readonly ReadableLogRecord[], call: number) => Script = () => 'ok') {
    this.answer = answer;
  }

  get bodies(): unknown[] {
    return this.delivered.map((record) => record.body);
  }

  export(records: ReadableLogRecord[], callback: (result: ExportResult) => void): void {
    this.calls.push([...records]);
    const script = this.answer(records, this.calls.length - 1);
    if (script === 'hang') return;
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const answer = (): void => {
      this.inFlight -= 1;
      if (script === 'ok') this.delivered.push(...records);
      const result: unknown = script === 'ok' ? { code: 0 } : { code: 1, error: script };
      callback(result as ExportResult);
    };
    if (this.delayMillis > 0) setTimeout(answer, this.delayMillis);
    else setImmediate(answer);
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    this.shutdowns += 1;
    return Promise.resolve();
  }
}

/** What the stock exporters fail with for a status. */
export function failure(code?: number | string, message = 'failed'): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}
