import { types } from 'node:util';

import type { HrTime, ReadableLogRecord } from '../../otel/log-record.ts';

/** An OTLP message in JSON form, where 64-bit integers and non-finite numbers are strings (proto3 JSON mapping). */
export type OtlpJsonValue = Readonly<Record<string, unknown>>;

/** A logs request in OTLP's JSON form, like a line that the Collector's file exporter writes. */
export interface OtlpJsonLogs {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: readonly OtlpJsonValue[] };
    readonly schemaUrl?: string;
    readonly scopeLogs: readonly {
      readonly scope: OtlpJsonValue;
      readonly schemaUrl?: string;
      readonly logRecords: readonly OtlpJsonValue[];
    }[];
  }[];
}

const MAX_INT64 = 2n ** 63n;

/**
 * Converts records to one OTLP JSON request, grouped by resource and scope.
 *
 * Unlike the stock exporter's JSON, the request is never rejected because of a value: NaN and infinities become the
 * strings that proto3 requires, integers beyond 64 bits become doubles, and such a `bigint` becomes text.
 */
export function toOtlpJson(records: readonly ReadableLogRecord[]): OtlpJsonLogs {
  return {
    resourceLogs: Array.from(
      groupBy(records, (record) => record.resource),
      ([resource, ofResource]) => ({
        resource: { attributes: toKeyValues(resource.attributes) },
        ...schemaUrlOf(resource as { readonly schemaUrl?: string }),
        scopeLogs: Array.from(
          groupBy(ofResource, (record) => record.instrumentationScope),
          ([scope, ofScope]) => ({
            scope: {
              name: scope.name,
              ...(scope.version === undefined ? {} : { version: scope.version }),
              ...(scope.attributes === undefined ? {} : { attributes: toKeyValues(scope.attributes) }),
            },
            ...schemaUrlOf(scope),
            logRecords: ofScope.map(toLogRecord),
          }),
        ),
      }),
    ),
  };
}

/** Does what `Map.groupBy` does, which Node 20 does not have. */
function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function schemaUrlOf(origin: { readonly schemaUrl?: string }): { readonly schemaUrl?: string } {
  return origin.schemaUrl === undefined ? {} : { schemaUrl: origin.schemaUrl };
}

function toLogRecord(record: ReadableLogRecord): OtlpJsonValue {
  const { severityNumber, severityText, eventName, spanContext, droppedAttributesCount } = record;
  return {
    timeUnixNano: toNanos(record.hrTime),
    observedTimeUnixNano: toNanos(record.hrTimeObserved),
    ...(severityNumber === undefined ? {} : { severityNumber }),
    ...(severityText === undefined ? {} : { severityText }),
    ...(eventName === undefined ? {} : { eventName }),
    body: toAnyValue(record.body),
    attributes: toKeyValues(record.attributes),
    ...(droppedAttributesCount === 0 ? {} : { droppedAttributesCount }),
    ...(spanContext === undefined
      ? {}
      : { traceId: spanContext.traceId, spanId: spanContext.spanId, flags: spanContext.traceFlags }),
  };
}

function toKeyValues(attributes: object): OtlpJsonValue[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: toAnyValue(value) }));
}

function toAnyValue(value: unknown): OtlpJsonValue {
  switch (typeof value) {
    case 'string': {
      return { stringValue: value };
    }
    case 'boolean': {
      return { boolValue: value };
    }
    case 'number': {
      return toNumberValue(value);
    }
    case 'bigint': {
      const isInt64 = value >= -MAX_INT64 && value < MAX_INT64;
      return isInt64 ? { intValue: value.toString() } : { stringValue: value.toString() };
    }
    case 'object': {
      return value === null ? {} : toObjectValue(value);
    }
    default: {
      return {};
    }
  }
}

function toNumberValue(value: number): OtlpJsonValue {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return { intValue: String(value) };
  return { doubleValue: Number.isFinite(value) ? value : String(value) };
}

function toObjectValue(value: object): OtlpJsonValue {
  if (types.isUint8Array(value)) return { bytesValue: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(toAnyValue) } };
  return { kvlistValue: { values: toKeyValues(value) } };
}

function toNanos(time: HrTime): string {
  const [seconds, nanos] = time.map((part) => (Number.isFinite(part) ? BigInt(Math.trunc(part)) : 0n)) as [
    bigint,
    bigint,
  ];
  return (seconds * 1_000_000_000n + nanos).toString();
}
