import type { ExportVerdict } from './export-verdict.ts';

/** What a processor that exports tells `diagnose()`. */
export interface DeliveryFacts {
  readonly exporter: object;
  readonly exported: number;
  /** Records that wait. */
  readonly pending: number;
  readonly lastAnswer: LastAnswer | undefined;
  /** Of a spool. */
  readonly directory?: string;
  /** Why the spool cannot be written now. */
  readonly diskError?: unknown;
}

/** How the last export went. */
export interface LastAnswer {
  readonly verdict: ExportVerdict;
  readonly error?: unknown;
  /** On the clock of `performance.now()`. */
  readonly atMillis: number;
}

const FACTS = Symbol.for('otel-session-logs.delivery-facts.v1');
const holder = globalThis as { [FACTS]?: WeakMap<object, () => DeliveryFacts> };
/** One for all copies of this package in the process, and no part of what applications use. */
const factsOf = (holder[FACTS] ??= new WeakMap());

/** A processor says how to ask it. */
export function tellDeliveryFacts(processor: object, facts: () => DeliveryFacts): void {
  factsOf.set(processor, facts);
}

/** Of a processor that is one of ours and exports. */
export function deliveryFactsOf(processor: unknown): DeliveryFacts | undefined {
  return typeof processor === 'object' && processor !== null ? factsOf.get(processor)?.() : undefined;
}
