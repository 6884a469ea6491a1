const MAX_INT = 2 ** 63;

/**
 * Whether a number is exported as its text: NaN, an infinity, or an integer beyond 64 bits. In the JSON of OTLP any of these
 * makes a Collector reject the whole request. A `bigint` is always exported as its text, since exporters leave it out.
 */
export function isSentAsText(value: number): boolean {
  return !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) >= MAX_INT);
}
