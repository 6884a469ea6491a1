import { createTraceState } from '@opentelemetry/api';

import type { HrTime, ReadableLogRecord } from '../../../otel/log-record.ts';
import type { RecordResource, RecordScope, ResourcesAndScopes } from './origin-codec.ts';
import { MalformedPayloadError, PayloadReader } from './payload-reader.ts';
import {
  RECORDS_FORMAT,
  PREFIX_BYTES,
  HAS_SEVERITY_NUMBER,
  HAS_SEVERITY_TEXT,
  HAS_EVENT_NAME,
  HAS_SPAN,
  HAS_DROPPED,
  HAS_SESSION,
  IS_NEW_ORIGIN,
  HAS_OBSERVED,
  IS_ODD_TIME,
  HAS_ENTRY_ID,
} from './frame-format.ts';
import type { SessionEntry } from './frame-format.ts';

/** The records of a frame. */
export interface DecodedFrame {
  readonly records: ReadableLogRecord[];
  /** Each record's session entry; `undefined` for a record without a session. */
  readonly sessions: (SessionEntry | undefined)[];
  /** When the frame was written, in milliseconds since the epoch. */
  readonly writtenMillis: number;
}

/** @throws MalformedPayloadError if the payload has another format, or is damaged despite a correct checksum. */
export function decodeFrame(payload: Buffer, count: number, origins: ResourcesAndScopes): DecodedFrame {
  if (payload.length < PREFIX_BYTES) throw new MalformedPayloadError('the payload is cut');
  if (payload[0] !== RECORDS_FORMAT) throw new MalformedPayloadError(`unknown format ${payload[0]}`);
  const structureLength = payload.readUInt32LE(4);
  const poolLength = payload.readUInt32LE(8);
  const reader = new PayloadReader(
    payload,
    { start: PREFIX_BYTES, length: structureLength },
    { encoding: payload[1] as number, length: poolLength },
  );
  const blobs = splitBlobs(payload, PREFIX_BYTES + structureLength + poolLength);
  const resourceCount = payload.readUInt16LE(2);
  const table: Origins = {
    resources: blobs.slice(0, resourceCount).map((blob) => origins.resource(blob) as unknown as RecordResource),
    scopes: blobs.slice(resourceCount).map((blob) => origins.scope(blob)),
  };
  const decoder = new RecordDecoder(reader, table);
  const records: ReadableLogRecord[] = [];
  const sessions: (SessionEntry | undefined)[] = [];
  for (let i = 0; i < count; i += 1) {
    records.push(decoder.next());
    sessions.push(decoder.session);
  }
  return { records, sessions, writtenMillis: payload.readDoubleLE(12) };
}

/** Reads when a frame was written, without decoding it; `undefined` for a payload of another format. */
export function writtenMillisOf(payload: Buffer): number | undefined {
  return payload.length >= PREFIX_BYTES && payload[0] === RECORDS_FORMAT ? payload.readDoubleLE(12) : undefined;
}

interface Origins {
  readonly resources: readonly RecordResource[];
  readonly scopes: readonly RecordScope[];
}

function splitBlobs(payload: Buffer, from: number): Buffer[] {
  const blobs: Buffer[] = [];
  for (let at = from; at < payload.length;) {
    if (at + 4 > payload.length) throw new MalformedPayloadError('the payload is cut');
    const end = at + 4 + payload.readUInt32LE(at);
    if (end > payload.length) throw new MalformedPayloadError('the payload is cut');
    blobs.push(payload.subarray(at + 4, end));
    at = end;
  }
  return blobs;
}

class RecordDecoder {
  /** Session entry of the record that `next` returned last. */
  session: SessionEntry | undefined;
  readonly #reader: PayloadReader;
  readonly #origins: Origins;
  #resource: RecordResource | undefined;
  #scope: RecordScope | undefined;

  constructor(reader: PayloadReader, origins: Origins) {
    this.#reader = reader;
    this.#origins = origins;
  }

  next(): ReadableLogRecord {
    const reader = this.#reader;
    const flags = reader.byte();
    const moreFlags = reader.byte();
    if ((flags & IS_NEW_ORIGIN) !== 0) {
      this.#resource = this.#origins.resources[reader.varint()];
      this.#scope = this.#origins.scopes[reader.varint()];
    }
    if (this.#resource === undefined || this.#scope === undefined) {
      throw new MalformedPayloadError('a record has no resource or scope');
    }
    const hrTime = this.#time(moreFlags);
    const hrTimeObserved: HrTime = (flags & HAS_OBSERVED) === 0 ? [hrTime[0], hrTime[1]] : this.#time(moreFlags);
    const severityNumber = (flags & HAS_SEVERITY_NUMBER) === 0 ? undefined : reader.value();
    const severityText = (flags & HAS_SEVERITY_TEXT) === 0 ? undefined : reader.sharedText();
    const eventName = (flags & HAS_EVENT_NAME) === 0 ? undefined : reader.sharedText();
    const spanContext = (flags & HAS_SPAN) === 0 ? undefined : this.#span();
    const droppedAttributesCount = (flags & HAS_DROPPED) === 0 ? 0 : reader.value();
    const sessionId = (flags & HAS_SESSION) === 0 ? undefined : reader.sharedText();
    const entryId = (moreFlags & HAS_ENTRY_ID) === 0 ? undefined : reader.text();
    this.session = sessionId === undefined ? undefined : { sessionId, entryId };
    const body = reader.value();
    return {
      hrTime,
      hrTimeObserved,
      spanContext,
      severityText,
      severityNumber,
      body,
      eventName,
      resource: this.#resource,
      instrumentationScope: this.#scope,
      attributes: reader.properties(),
      droppedAttributesCount,
    } as ReadableLogRecord;
  }

  #time(moreFlags: number): HrTime {
    const reader = this.#reader;
    if ((moreFlags & IS_ODD_TIME) !== 0) return [reader.double(), reader.double()];
    return [reader.uint32(), reader.uint32()];
  }

  #span(): NonNullable<ReadableLogRecord['spanContext']> {
    const reader = this.#reader;
    const traceId = reader.sharedText();
    const spanId = reader.sharedText();
    const traceFlags = reader.byte();
    const more = reader.byte();
    return {
      traceId,
      spanId,
      traceFlags,
      ...((more & 3) === 0 ? {} : { isRemote: (more & 3) === 1 }),
      ...((more & 4) === 0 ? {} : { traceState: createTraceState(reader.text()) }),
    };
  }
}
