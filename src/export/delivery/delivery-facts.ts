import { ProcessorFacts } from '../processor-facts.ts';
import type { ExportVerdict } from './export-verdict.ts';

/** What an exporting processor tells `diagnose()`. */
export interface DeliveryFacts {
  readonly exporter: object;
  readonly exported: number;
  /** Number of waiting records. */
  readonly pending: number;
  readonly lastAnswer: LastAnswer | undefined;
}

/** The result of the last export. */
export interface LastAnswer {
  readonly verdict: ExportVerdict;
  readonly error?: unknown;
  /** Time on the clock of `performance.now()`. */
  readonly atMillis: number;
}

export const deliveryFacts: ProcessorFacts<DeliveryFacts> = new ProcessorFacts(
  Symbol.for('otel-session-logs.delivery-facts.v1'),
);
