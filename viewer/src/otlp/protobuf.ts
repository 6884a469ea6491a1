import { NO_ATTRIBUTES } from '../model/log-data.ts';
import type { LogData, Origin } from '../model/log-data.ts';
import type { DecodedLogs } from './decoded-logs.ts';
import { boundedText, MAX_DEPTH, MAX_FIELDS, setField, TRUNCATED } from '../model/value.ts';
import type { Attributes, Value } from '../model/value.ts';
import { BYTES, FIXED32, FIXED64, MalformedProtobufError, ProtobufReader, VARINT } from './protobuf-reader.ts';

/** A field with its wire type. A known field of another type is skipped, like an unknown one. */
function tag(field: number, type: number): number {
  return (field << 3) | type;
}

const NO_FIELDS = Object.freeze({});

/**
 * Decodes `ExportLogsServiceRequest` of OTLP (https://github.com/open-telemetry/opentelemetry-proto) straight into records,
 * without a message object for each level. Skips unknown fields.
 *
 * One decoder serves any number of requests, and remembers texts that repeat.
 */
export class ProtobufLogsDecoder {
  readonly #shared: (string | undefined)[] = [];

  /**
   * @param maxRecords Further records are rejected: an empty one takes two bytes of the request, but a hundred times that here.
   * @throws MalformedProtobufError if the bytes are not such a message.
   */
  decode(bytes: Buffer, maxRecords: number = Number.POSITIVE_INFINITY): DecodedLogs {
    const records: LogData[] = [];
    const decoding = new Decoding(new ProtobufReader(bytes, this.#shared), records, maxRecords);
    try {
      decoding.request(bytes.length);
    } catch (error) {
      if (error instanceof MalformedProtobufError) throw error;
      // `pbf` met the end of the bytes, a number of more than ten bytes, or a group.
      throw new MalformedProtobufError(error instanceof Error ? error.message : 'the bytes are not protobuf', {
        cause: error,
      });
    }
    return { records, rejected: decoding.rejected };
  }
}

class Decoding {
  readonly #reader: ProtobufReader;
  readonly #records: LogData[];
  readonly #maxRecords: number;
  rejected = 0;
  /** How many fields of the current record were dropped because of the bound. */
  #dropped = 0;

  constructor(reader: ProtobufReader, records: LogData[], maxRecords: number) {
    this.#reader = reader;
    this.#records = records;
    this.#maxRecords = maxRecords;
  }

  request(end: number): void {
    const reader = this.#reader;
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      if (tag(field, reader.type) === tag(1, BYTES)) this.#resourceLogs(reader.readEnd(end));
    }
    reader.checkEnd(end);
  }

  /** Finds the resource first, since it may come after its records. */
  #resourceLogs(end: number): void {
    const reader = this.#reader;
    const start = reader.pos;
    let resource: Attributes = NO_ATTRIBUTES;
    const scopes: number[] = [];
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      const found = tag(field, reader.type);
      if (found === tag(1, BYTES)) resource = this.#attributesOf(reader.readEnd(end), 1);
      else if (found === tag(2, BYTES)) {
        const scopeEnd = reader.readEnd(end);
        scopes.push(reader.pos, scopeEnd);
        reader.pos = scopeEnd;
      }
    }
    reader.checkEnd(end);
    for (let at = 0; at < scopes.length; at += 2)
      this.#scopeLogs(scopes[at] ?? start, scopes[at + 1] ?? start, resource);
    reader.pos = end;
  }

  #scopeLogs(start: number, end: number, resource: Attributes): void {
    const reader = this.#reader;
    const first = this.#records.length;
    let scope: Omit<Origin, 'resource'> | undefined;
    let origin: Origin = { resource, scopeName: '', scopeVersion: '', scopeAttributes: NO_ATTRIBUTES };
    reader.pos = start;
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      const found = tag(field, reader.type);
      if (found === tag(1, BYTES)) {
        scope = this.#scope(reader.readEnd(end));
        origin = { resource, ...scope };
      } else if (found === tag(2, BYTES)) {
        const recordEnd = reader.readEnd(end);
        if (this.#records.length < this.#maxRecords) this.#records.push(this.#record(recordEnd, origin));
        else {
          this.rejected += 1;
          reader.pos = recordEnd;
        }
      }
    }
    reader.checkEnd(end);
    if (scope === undefined || this.#records[first]?.origin === origin) return;
    // The scope came after its records.
    for (let at = first; at < this.#records.length; at += 1) {
      this.#records[at] = { ...(this.#records[at] as LogData), origin };
    }
  }

  #scope(end: number): Omit<Origin, 'resource'> {
    const reader = this.#reader;
    const attributes: Record<string, Value> = {};
    let [scopeName, scopeVersion] = ['', ''];
    let count = 0;
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      const found = tag(field, reader.type);
      if (found === tag(1, BYTES)) scopeName = reader.readSharedText(end);
      else if (found === tag(2, BYTES)) scopeVersion = reader.readSharedText(end);
      else if (found === tag(3, BYTES)) count += this.#keyValue(reader.readEnd(end), attributes, count, 1);
    }
    reader.checkEnd(end);
    return { scopeName, scopeVersion, scopeAttributes: count === 0 ? NO_ATTRIBUTES : attributes };
  }

  // oxlint-disable-next-line max-lines-per-function -- one case for each field; methods in between cost a tenth of the speed
  #record(end: number, origin: Origin): LogData {
    const reader = this.#reader;
    let [millis, nanos, observedMillis, observedNanos] = [0, 0, 0, 0];
    let [severityNumber, dropped, flags, count] = [0, 0, 0, 0];
    let [severityText, eventName, traceId, spanId] = ['', '', '', ''];
    let body: Value = null;
    let attributes: Record<string, Value> = NO_FIELDS;
    this.#dropped = 0;
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      switch ((field << 3) | reader.type) {
        case (1 << 3) | FIXED64: {
          millis = reader.readUnixNano();
          nanos = reader.nanos;
          break;
        }
        case (11 << 3) | FIXED64: {
          observedMillis = reader.readUnixNano();
          observedNanos = reader.nanos;
          break;
        }
        case (2 << 3) | VARINT: {
          severityNumber = reader.readVarint(true);
          break;
        }
        case (3 << 3) | BYTES: {
          severityText = reader.readSharedText(end);
          break;
        }
        case (5 << 3) | BYTES: {
          body = this.#value(reader.readEnd(end), 0);
          break;
        }
        case (6 << 3) | BYTES: {
          if (count === 0) attributes = {};
          count += this.#keyValue(reader.readEnd(end), attributes, count, 1);
          break;
        }
        case (7 << 3) | VARINT: {
          dropped = reader.readVarint();
          break;
        }
        case (8 << 3) | FIXED32: {
          flags = reader.readFixed32();
          break;
        }
        case (9 << 3) | BYTES: {
          traceId = reader.readId(end, 16);
          break;
        }
        case (10 << 3) | BYTES: {
          spanId = reader.readId(end, 8);
          break;
        }
        case (12 << 3) | BYTES: {
          eventName = reader.readSharedText(end);
          break;
        }
      }
    }
    reader.checkEnd(end);
    const droppedAttributes = dropped + this.#dropped;
    return {
      millis,
      nanos,
      observedMillis,
      observedNanos,
      severityNumber,
      severityText,
      eventName,
      body,
      attributes,
      droppedAttributes,
      traceId,
      spanId,
      flags,
      origin,
    };
  }

  /** Reads the attributes of a resource, or the fields of a `KeyValueList`: both have them in field 1. */
  #attributesOf(end: number, depth: number): Attributes {
    const reader = this.#reader;
    const attributes: Record<string, Value> = {};
    let count = 0;
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      if (tag(field, reader.type) === tag(1, BYTES)) {
        count += this.#keyValue(reader.readEnd(end), attributes, count, depth);
      }
    }
    reader.checkEnd(end);
    return attributes;
  }

  /** Reads an attribute into its owner. @returns 1; 0 if the level is full, and the attribute only counted. */
  #keyValue(end: number, owner: Record<string, Value>, count: number, depth: number): number {
    const reader = this.#reader;
    if (count >= MAX_FIELDS) {
      this.#dropped += 1;
      reader.pos = end;
      return 0;
    }
    let key = '';
    let value: Value = null;
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      const found = tag(field, reader.type);
      if (found === tag(1, BYTES)) key = reader.readSharedText(end);
      else if (found === tag(2, BYTES)) value = this.#value(reader.readEnd(end), depth);
    }
    reader.checkEnd(end);
    setField(owner, key, value);
    return 1;
  }

  #value(end: number, depth: number): Value {
    const reader = this.#reader;
    if (depth > MAX_DEPTH) {
      reader.pos = end;
      return TRUNCATED;
    }
    let value: Value = null;
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      switch ((field << 3) | reader.type) {
        case (1 << 3) | BYTES: {
          value = boundedText(reader.readText(end));
          break;
        }
        case (2 << 3) | VARINT: {
          value = reader.readBoolean();
          break;
        }
        case (3 << 3) | VARINT: {
          value = reader.readInt64();
          break;
        }
        case (4 << 3) | FIXED64: {
          value = reader.readDouble();
          break;
        }
        case (5 << 3) | BYTES: {
          value = this.#list(reader.readEnd(end), depth + 1);
          break;
        }
        case (6 << 3) | BYTES: {
          value = this.#attributesOf(reader.readEnd(end), depth + 1);
          break;
        }
        case (7 << 3) | BYTES: {
          value = reader.readOwnBytes(end);
          break;
        }
      }
    }
    reader.checkEnd(end);
    return value;
  }

  #list(end: number, depth: number): Value[] {
    const reader = this.#reader;
    const list: Value[] = [];
    for (let field = reader.nextField(end); field !== 0; field = reader.nextField(end)) {
      if (tag(field, reader.type) !== tag(1, BYTES)) continue;
      const itemEnd = reader.readEnd(end);
      if (list.length < MAX_FIELDS) list.push(this.#value(itemEnd, depth));
      else {
        this.#dropped += 1;
        reader.pos = itemEnd;
      }
    }
    reader.checkEnd(end);
    return list;
  }
}
