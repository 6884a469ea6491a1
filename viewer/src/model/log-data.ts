import type { Attributes, Value } from './value.ts';

/** A time to the nanosecond: milliseconds since the epoch, and the nanoseconds within the last of them. 0, 0: not known. */
export interface NanoTime {
  readonly millis: number;
  readonly nanos: number;
}

/** Where records come from: what OTLP calls resource and scope. One object for all records of a group. */
export interface Origin {
  readonly resource: Attributes;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly scopeAttributes: Attributes;
}

/**
 * A log record, of whatever source and language, with nothing left out but what the bounds of `value.ts` cut. `''` and 0 stand
 * for what a record does not have, as in protobuf: so all records share one hidden class.
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

/** Of records whose source says nothing of it. */
export const NO_ORIGIN: Origin = Object.freeze({
  resource: NO_ATTRIBUTES,
  scopeName: '',
  scopeVersion: '',
  scopeAttributes: NO_ATTRIBUTES,
});

/** A record with what is known of it. */
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

/** Decimal nanoseconds since the epoch, as OTLP's JSON has them; `'0'` for a time that this cannot say. */
export function toUnixNano({ millis, nanos }: NanoTime): string {
  const known = knownMillis(millis);
  const within = Number.isInteger(nanos) && nanos >= 0 && nanos < 1_000_000 ? nanos : 0;
  return known < 0 || known > LAST_UNIX_NANO_MILLIS ? '0' : (BigInt(known) * 1_000_000n + BigInt(within)).toString();
}

/** The last millisecond whose nanoseconds are a 64-bit integer. */
const LAST_UNIX_NANO_MILLIS = 18_446_744_073_708;
/** The last millisecond that a `Date` has. */
const LAST_MILLIS = 8_640_000_000_000_000;

/** Whole milliseconds that a `Date` has; 0 for what is none. What a source says may be anything. */
export function knownMillis(millis: number): number {
  return Math.abs(millis) <= LAST_MILLIS ? Math.floor(millis) : 0;
}
