const MAX_INT = 2 ** 63;

/**
 * Whether a number is exported as text: NaN, an infinity, or an integer beyond 64 bits, which in OTLP's JSON make a
 * Collector reject the whole request. A `bigint` is always exported as text, because exporters leave it out.
 */
export function isSentAsText(value: number): boolean {
  return !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) >= MAX_INT);
}
