import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';

/** The SDK alone: a processor that does nothing but keep the last record alive, see `harness.ts`. */
export class EmptyProcessor implements LogRecordProcessor {
  last: unknown;

  onEmit(record: unknown): void {
    this.last = record;
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
