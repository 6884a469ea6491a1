/** One log record as a collector got it, with its resource and scope beside it. */
export interface ReceivedRecord {
  readonly body: unknown;
  readonly attributes: Record<string, unknown>;
  readonly resource: Record<string, unknown>;
  readonly scope: { readonly name: string; readonly version?: string };
  /** Decimal nanoseconds. */
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  /** Hex, `''` for none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly droppedAttributesCount: number;
}

interface OtlpAnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: number | string;
  doubleValue?: number | string | null;
  arrayValue?: { values?: OtlpAnyValue[] };
  kvlistValue?: { values?: OtlpKeyValue[] };
  bytesValue?: string;
}

interface OtlpKeyValue {
  key: string;
  value?: OtlpAnyValue;
}

interface OtlpLogRecord {
  timeUnixNano?: string | number;
  observedTimeUnixNano?: string | number;
  severityNumber?: number;
  severityText?: string;
  eventName?: string;
  body?: OtlpAnyValue;
  attributes?: OtlpKeyValue[];
  droppedAttributesCount?: number;
  flags?: number;
  traceId?: string;
  spanId?: string;
}

/** An OTLP logs request as JSON has it. */
export interface OtlpLogsRequest {
  resourceLogs?: {
    resource?: { attributes?: OtlpKeyValue[] };
    scopeLogs?: { scope?: { name?: string; version?: string }; logRecords?: OtlpLogRecord[] }[];
  }[];
}

/** The records of a request in the order sent. */
export function flatten(request: OtlpLogsRequest): ReceivedRecord[] {
  const records: ReceivedRecord[] = [];
  for (const { resource, scopeLogs } of request.resourceLogs ?? []) {
    const resourceAttributes = toObject(resource?.attributes);
    for (const { scope, logRecords } of scopeLogs ?? []) {
      for (const record of logRecords ?? []) {
        records.push({
          body: toValue(record.body),
          attributes: toObject(record.attributes),
          resource: resourceAttributes,
          scope: {
            name: scope?.name ?? '',
            ...(scope?.version === undefined || scope.version === '' ? {} : { version: scope.version }),
          },
          timeUnixNano: String(record.timeUnixNano ?? '0'),
          observedTimeUnixNano: String(record.observedTimeUnixNano ?? '0'),
          severityNumber: record.severityNumber ?? 0,
          severityText: record.severityText ?? '',
          eventName: record.eventName ?? '',
          traceId: record.traceId ?? '',
          spanId: record.spanId ?? '',
          flags: record.flags ?? 0,
          droppedAttributesCount: record.droppedAttributesCount ?? 0,
        });
      }
    }
  }
  return records;
}

function toObject(pairs: readonly OtlpKeyValue[] | undefined): Record<string, unknown> {
  return Object.fromEntries((pairs ?? []).map(({ key, value }) => [key, toValue(value)]));
}

/** Integers beyond 2^53 come as `bigint`, bytes as `Buffer`, an empty value as `undefined`. */
function toValue(value: OtlpAnyValue | undefined): unknown {
  if (value === undefined) return undefined;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : BigInt(value.intValue);
  }
  if (value.doubleValue !== undefined) return value.doubleValue === null ? null : Number(value.doubleValue);
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(toValue);
  if (value.kvlistValue !== undefined) return toObject(value.kvlistValue.values);
  if (value.bytesValue !== undefined) return Buffer.from(value.bytesValue, 'base64');
  return undefined;
}

/** Decodes the protobuf form of a logs request into the JSON one. */
export function decodeProtobuf(bytes: Buffer): OtlpLogsRequest {
  const request: OtlpLogsRequest = { resourceLogs: [] };
  for (const field of fields(bytes)) {
    if (field.number === 1) request.resourceLogs?.push(resourceLogs(field.bytes));
  }
  return request;
}

interface Field {
  readonly number: number;
  /** Of a varint or fixed field. */
  readonly integer: bigint;
  /** Of a length-delimited field; of a fixed field its raw bytes. */
  readonly bytes: Buffer;
}

function* fields(bytes: Buffer): Generator<Field> {
  const none = Buffer.alloc(0);
  let at = 0;
  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('protobuf: the message ends inside a varint');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0: {
        yield { number, integer: varint(), bytes: none };
        break;
      }
      case 1: {
        yield { number, integer: bytes.readBigUInt64LE(at), bytes: bytes.subarray(at, at + 8) };
        at += 8;
        break;
      }
      case 2: {
        const length = Number(varint());
        yield { number, integer: 0n, bytes: bytes.subarray(at, at + length) };
        at += length;
        break;
      }
      case 5: {
        yield { number, integer: BigInt(bytes.readUInt32LE(at)), bytes: bytes.subarray(at, at + 4) };
        at += 4;
        break;
      }
      default: {
        throw new RangeError(`protobuf: wire type ${tag & 7}`);
      }
    }
  }
}

type ResourceLogs = NonNullable<OtlpLogsRequest['resourceLogs']>[number];
type ScopeLogs = NonNullable<ResourceLogs['scopeLogs']>[number];

function resourceLogs(bytes: Buffer): ResourceLogs {
  const attributes: OtlpKeyValue[] = [];
  const scopes: ScopeLogs[] = [];
  for (const field of fields(bytes)) {
    if (field.number === 2) scopes.push(scopeLogs(field.bytes));
    if (field.number !== 1) continue;
    for (const inner of fields(field.bytes)) if (inner.number === 1) attributes.push(keyValue(inner.bytes));
  }
  return { resource: { attributes }, scopeLogs: scopes };
}

function scopeLogs(bytes: Buffer): ScopeLogs {
  const scope: { name: string; version: string } = { name: '', version: '' };
  const logRecords: OtlpLogRecord[] = [];
  for (const field of fields(bytes)) {
    if (field.number === 2) logRecords.push(logRecord(field.bytes));
    if (field.number !== 1) continue;
    for (const inner of fields(field.bytes)) {
      if (inner.number === 1) scope.name = inner.bytes.toString();
      if (inner.number === 2) scope.version = inner.bytes.toString();
    }
  }
  return { scope, logRecords };
}

function logRecord(bytes: Buffer): OtlpLogRecord {
  const record: OtlpLogRecord = { attributes: [] };
  for (const { number, integer, bytes: value } of fields(bytes)) {
    if (number === 1) record.timeUnixNano = integer.toString();
    else if (number === 2) record.severityNumber = Number(integer);
    else if (number === 3) record.severityText = value.toString();
    else if (number === 5) record.body = anyValue(value);
    else if (number === 6) record.attributes?.push(keyValue(value));
    else if (number === 7) record.droppedAttributesCount = Number(integer);
    else if (number === 8) record.flags = Number(integer);
    else if (number === 9) record.traceId = value.toString('hex');
    else if (number === 10) record.spanId = value.toString('hex');
    else if (number === 11) record.observedTimeUnixNano = integer.toString();
    else if (number === 12) record.eventName = value.toString();
  }
  return record;
}

function keyValue(bytes: Buffer): OtlpKeyValue {
  const pair: OtlpKeyValue = { key: '' };
  for (const field of fields(bytes)) {
    if (field.number === 1) pair.key = field.bytes.toString();
    if (field.number === 2) pair.value = anyValue(field.bytes);
  }
  return pair;
}

function anyValue(bytes: Buffer): OtlpAnyValue {
  const value: OtlpAnyValue = {};
  for (const field of fields(bytes)) {
    if (field.number === 1) value.stringValue = field.bytes.toString();
    else if (field.number === 2) value.boolValue = field.integer !== 0n;
    else if (field.number === 3) value.intValue = BigInt.asIntN(64, field.integer).toString();
    else if (field.number === 4) value.doubleValue = field.bytes.readDoubleLE(0);
    else if (field.number === 5) value.arrayValue = { values: repeated(field.bytes).map(anyValue) };
    else if (field.number === 6) value.kvlistValue = { values: repeated(field.bytes).map(keyValue) };
    else if (field.number === 7) value.bytesValue = field.bytes.toString('base64');
  }
  return value;
}

function repeated(bytes: Buffer): Buffer[] {
  return [...fields(bytes)].filter((field) => field.number === 1).map((field) => field.bytes);
}
