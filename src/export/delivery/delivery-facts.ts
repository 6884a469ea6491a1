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

const FACTS = Symbol.for('otel-session-logs.delivery-facts.v1');
const holder = globalThis as { [FACTS]?: WeakMap<object, () => DeliveryFacts> };
/** Shared by all copies of this package in the process, and not a part of the public interface. */
const factsOf = (holder[FACTS] ??= new WeakMap());

/** Registers how to ask a processor. */
export function tellDeliveryFacts(processor: object, facts: () => DeliveryFacts): void {
  factsOf.set(processor, facts);
}

/** The facts of an exporting processor of this package; `undefined` for any other. */
export function deliveryFactsOf(processor: unknown): DeliveryFacts | undefined {
  return typeof processor === 'object' && processor !== null ? factsOf.get(processor)?.() : undefined;
}
