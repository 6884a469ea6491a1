import { LoggerProvider } from '@opentelemetry/sdk-logs';
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';

/** Does nothing but keep the last record alive, as the others left it: see `harness.ts`. */
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

/**
 * A provider with these processors, and an empty one behind them. Without any it is what the rows call the SDK alone: the
 * difference is what a processor costs that is added to a provider.
 */
export function providerOf(...processors: readonly LogRecordProcessor[]): LoggerProvider {
  return new LoggerProvider({ processors: [...processors, new EmptyProcessor()] });
}
