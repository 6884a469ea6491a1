import { NO_ATTRIBUTES } from '../model/log-data.ts';
import type { LogData, Origin } from '../model/log-data.ts';
import { boundedText, MAX_DEPTH, MAX_FIELDS, setField, TRUNCATED } from '../model/value.ts';
import type { Attributes, Value } from '../model/value.ts';
import type { DecodedLogs } from './decoded-logs.ts';

/** The text is not a logs request of OTLP. */
export class MalformedJsonError extends Error {
  override readonly name = 'MalformedJsonError';
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Decodes a logs request of OTLP in its JSON form, https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: 64-bit
 * integers as text or number, ids in hexadecimal, bytes in base64. Ignores unknown fields.
 *
 * @param maxRecords Further records are rejected.
 * @throws MalformedJsonError if the text is not JSON, or not of this shape.
 */
export function decodeJsonLogs(text: string, maxRecords: number = Number.POSITIVE_INFINITY): DecodedLogs {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch (error) {
    throw new MalformedJsonError('the body is not JSON', { cause: error });
  }
  return readLogs(request, maxRecords);
}

/** Decodes such a request that is parsed already. @throws MalformedJsonError if it is not of this shape. */
export function readLogs(request: unknown, maxRecords: number = Number.POSITIVE_INFINITY): DecodedLogs {
  return new JsonDecoding(maxRecords).request(request);
}

class JsonDecoding {
  readonly #records: LogData[] = [];
  #rejected = 0;
  /** How many fields of the current record were dropped because of the bound. */
  #dropped = 0;
  readonly #maxRecords: number;

  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  request(request: unknown): DecodedLogs {
    for (const group of list(fields(request, 'the request')['resourceLogs'], 'resourceLogs')) {
      const { resource, scopeLogs } = fields(group, 'resourceLogs');
      const attributes = this.#attributes(optionalFields(resource)['attributes'], 0);
      for (const each of list(scopeLogs, 'scopeLogs')) this.#scopeLogs(fields(each, 'scopeLogs'), attributes);
    }
    return { records: this.#records, rejected: this.#rejected };
  }

  #scopeLogs({ scope, logRecords }: Fields, resource: Attributes): void {
    const { name, version, attributes } = optionalFields(scope);
    const origin: Origin = {
      resource,
      scopeName: text(name),
      scopeVersion: text(version),
      scopeAttributes: this.#attributes(attributes, 0),
    };
    for (const record of list(logRecords, 'logRecords')) {
      if (isFields(record) && this.#records.length < this.#maxRecords) this.#records.push(this.#record(record, origin));
      else this.#rejected += 1;
    }
  }

  #record(record: Fields, origin: Origin): LogData {
    this.#dropped = 0;
    const [millis, nanos] = unixNano(record['timeUnixNano']);
    const [observedMillis, observedNanos] = unixNano(record['observedTimeUnixNano']);
    const body = this.#value(record['body'], 0);
    const attributes = this.#attributes(record['attributes'], 1);
    return {
      millis,
      nanos,
      observedMillis,
      observedNanos,
      severityNumber: count(record['severityNumber']),
      severityText: text(record['severityText']),
      eventName: text(record['eventName']),
      body,
      attributes,
      droppedAttributes: count(record['droppedAttributesCount']) + this.#dropped,
      traceId: hexId(record['traceId'], 32),
      spanId: hexId(record['spanId'], 16),
      flags: count(record['flags']),
      origin,
    };
  }

  #attributes(pairs: unknown, depth: number): Attributes {
    if (!Array.isArray(pairs) || pairs.length === 0) return NO_ATTRIBUTES;
    const attributes: Record<string, Value> = {};
    const kept = Math.min(pairs.length, MAX_FIELDS);
    this.#dropped += pairs.length - kept;
    for (let at = 0; at < kept; at += 1) {
      const pair: unknown = pairs[at];
      if (isFields(pair)) setField(attributes, text(pair['key']), this.#value(pair['value'], depth));
    }
    return attributes;
  }

  #value(value: unknown, depth: number): Value {
    if (!isFields(value)) return null;
    if (depth > MAX_DEPTH) return TRUNCATED;
    const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value;
    if (typeof stringValue === 'string') return boundedText(stringValue);
    if (typeof boolValue === 'boolean') return boolValue;
    if (intValue !== undefined && intValue !== null) return integer(intValue);
    if (doubleValue !== undefined) return doubleValue === null ? Number.NaN : Number(doubleValue);
    if (isFields(arrayValue)) return this.#list(arrayValue['values'], depth + 1);
    if (isFields(kvlistValue)) return this.#attributes(kvlistValue['values'], depth + 1);
    if (typeof bytesValue === 'string') return new Uint8Array(Buffer.from(bytesValue, 'base64'));
    return null;
  }

  #list(values: unknown, depth: number): Value[] {
    if (!Array.isArray(values)) return [];
    this.#dropped += Math.max(0, values.length - MAX_FIELDS);
    return values.slice(0, MAX_FIELDS).map((value) => this.#value(value, depth));
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fields(value: unknown, what: string): Fields {
  if (isFields(value)) return value;
  throw new MalformedJsonError(`expected ${what} to be an object`);
}

function optionalFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The list. It is empty if it is missing or `null`, as some encoders write it. */
function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new MalformedJsonError(`expected ${what} to be a list`);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function count(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : 0;
}

/** The id in lower case if it has `length` hexadecimal digits, not all of them 0; `''` for anything else. */
export function hexId(value: unknown, length: number): string {
  if (typeof value !== 'string' || value.length !== length || !/^[\da-f]+$/i.test(value)) return '';
  return /^0+$/.test(value) ? '' : value.toLowerCase();
}

const UINT64 = /^\d{1,20}$/;
const INT64 = /^-?\d{1,19}$/;
const MAX_UINT64 = 18_446_744_073_709_551_615n;

/** Milliseconds, and the nanoseconds within that millisecond; both 0 for anything that is not a 64-bit integer. */
function unixNano(value: unknown): readonly [millis: number, nanos: number] {
  const digits = typeof value === 'number' && Number.isFinite(value) ? String(BigInt(Math.trunc(value))) : value;
  if (typeof digits !== 'string' || !UINT64.test(digits)) return [0, 0];
  if (digits.length === 20 && BigInt(digits) > MAX_UINT64) return [0, 0];
  return [Number(digits.slice(0, -6)), Number(digits.slice(-6))];
}

/** A number, or a `bigint` where a number would not be exact. */
function integer(value: unknown): Value {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  if (typeof value === 'string' && INT64.test(value)) return BigInt.asIntN(64, BigInt(value));
  return Number.isFinite(number) ? number : null;
}
