import { toUnixNano } from '../model/log-data.ts';
import type { LogData } from '../model/log-data.ts';
import type { Attributes, Value } from '../model/value.ts';

/**
 * Encodes records as one logs request in OTLP's JSON form: a line of a file that the Collector's `otlpjsonfile` receiver and this
 * viewer read. Consecutive records of one origin share it.
 */
export function encodeJsonLogs(records: readonly LogData[]): string {
  const groups: LogData[][] = [];
  for (const record of records) {
    const last = groups.at(-1);
    if (last?.[0]?.origin === record.origin) last.push(record);
    else groups.push([record]);
  }
  return JSON.stringify({
    resourceLogs: groups.map((group) => {
      const { resource, scopeName, scopeVersion, scopeAttributes } = (group[0] as LogData).origin;
      const scope = {
        name: scopeName,
        ...(scopeVersion === '' ? {} : { version: scopeVersion }),
        attributes: keyValues(scopeAttributes),
      };
      return {
        resource: { attributes: keyValues(resource) },
        scopeLogs: [{ scope, logRecords: group.map(logRecord) }],
      };
    }),
  });
}

function logRecord(data: LogData): Readonly<Record<string, unknown>> {
  return {
    timeUnixNano: toUnixNano(data),
    observedTimeUnixNano: toUnixNano({ millis: data.observedMillis, nanos: data.observedNanos }),
    ...(data.severityNumber === 0 ? {} : { severityNumber: data.severityNumber }),
    ...(data.severityText === '' ? {} : { severityText: data.severityText }),
    ...(data.eventName === '' ? {} : { eventName: data.eventName }),
    body: anyValue(data.body),
    attributes: keyValues(data.attributes),
    ...(data.droppedAttributes === 0 ? {} : { droppedAttributesCount: data.droppedAttributes }),
    ...(data.traceId === '' ? {} : { traceId: data.traceId, spanId: data.spanId, flags: data.flags }),
  };
}

function keyValues(attributes: Attributes): unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Value): Readonly<Record<string, unknown>> {
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { boolValue: value };
    case 'bigint':
      return { intValue: value.toString() };
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) return { intValue: String(value) };
      return { doubleValue: Number.isFinite(value) && !Object.is(value, -0) ? value : numberText(value) };
    default:
      return value === null ? {} : objectValue(value);
  }
}

/** JSON writes -0 as 0. */
function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function objectValue(value: Uint8Array | readonly Value[] | Attributes): Readonly<Record<string, unknown>> {
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return { arrayValue: { values: (value as readonly Value[]).map(anyValue) } };
  return { kvlistValue: { values: keyValues(value as Attributes) } };
}
