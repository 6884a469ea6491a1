import type { Attributes, Value } from './value.ts';

/** A time to the nanosecond: milliseconds since the epoch, and the nanoseconds within that millisecond. Both 0: not known. */
export interface NanoTime {
  readonly millis: number;
  readonly nanos: number;
}

/** Where records come from: what OTLP calls resource and scope. The records of a group share one object. */
export interface Origin {
  readonly resource: Attributes;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly scopeAttributes: Attributes;
}

/**
 * A log record from any source and language, complete except for what the bounds of `value.ts` cut. A field that the record does
 * not have is `''` or 0, as in protobuf, so that all records share one hidden class.
 */
export interface LogData {
  readonly millis: number;
  readonly nanos: number;
  readonly observedMillis: number;
  readonly observedNanos: number;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: Value;
  readonly attributes: Attributes;
  readonly droppedAttributes: number;
  /** Hexadecimal. */
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly origin: Origin;
}

export const NO_ATTRIBUTES: Attributes = Object.freeze({});

/** The origin of records whose source tells none. */
export const NO_ORIGIN: Origin = Object.freeze({
  resource: NO_ATTRIBUTES,
  scopeName: '',
  scopeVersion: '',
  scopeAttributes: NO_ATTRIBUTES,
});

/** A record with these fields; all others are empty. */
export function logData(known: Partial<LogData>): LogData {
  return {
    millis: known.millis ?? 0,
    nanos: known.nanos ?? 0,
    observedMillis: known.observedMillis ?? 0,
    observedNanos: known.observedNanos ?? 0,
    severityNumber: known.severityNumber ?? 0,
    severityText: known.severityText ?? '',
    eventName: known.eventName ?? '',
    body: known.body ?? null,
    attributes: known.attributes ?? NO_ATTRIBUTES,
    droppedAttributes: known.droppedAttributes ?? 0,
    traceId: known.traceId ?? '',
    spanId: known.spanId ?? '',
    flags: known.flags ?? 0,
    origin: known.origin ?? NO_ORIGIN,
  };
}

/** Nanoseconds since the epoch in decimal, as in OTLP's JSON; `'0'` for a time that is out of their range. */
export function toUnixNano({ millis, nanos }: NanoTime): string {
  const known = knownMillis(millis);
  const within = Number.isInteger(nanos) && nanos >= 0 && nanos < 1_000_000 ? nanos : 0;
  return known < 0 || known > LAST_UNIX_NANO_MILLIS ? '0' : (BigInt(known) * 1_000_000n + BigInt(within)).toString();
}

/** The last millisecond that 64 bits can count in nanoseconds. */
const LAST_UNIX_NANO_MILLIS = 18_446_744_073_708;
/** The last millisecond of a `Date`. */
const LAST_MILLIS = 8_640_000_000_000_000;

/** The time in whole milliseconds, or 0 if it is out of a `Date`'s range: a source may send any number. */
export function knownMillis(millis: number): number {
  return Math.abs(millis) <= LAST_MILLIS ? Math.floor(millis) : 0;
}
