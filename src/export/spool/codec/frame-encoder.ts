import type { HrTime, LogRecord } from '../../../otel/log-record.ts';
import { ATTRIBUTE } from '../../../otel/names.ts';
import { HEADER_BYTES, writeHeader } from './frame.ts';
import type { RecordResource, RecordScope, StoredBlobs } from './origin-codec.ts';
import { PayloadWriter } from './payload-writer.ts';
import type { WriterState } from './payload-writer.ts';
import { readSafely, toPlainValue } from './plain-value.ts';
import {
  RECORDS_FORMAT,
  STRUCTURE_START,
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

/** Number of records whose texts are joined, at a fifth of the cost of copying each. */
const SETTLED_RECORDS = 16;

/**
 * Collects records as the bytes of one frame, within `onEmit`: it keeps no record, and later changes by the caller have
 * no effect.
 */
export class FrameEncoder {
  readonly #writer: PayloadWriter;
  readonly #isKept: boolean;
  readonly #origins: StoredBlobs;
  readonly #uid: (() => string) | undefined;
  readonly #resources = new Map<RecordResource, number>();
  readonly #scopes = new Map<RecordScope, number>();
  #lastResource: RecordResource | undefined;
  #lastScope: RecordScope | undefined;
  #count = 0;

  /**
   * @param uid Gives each record a `log.record.uid`.
   * @param isKept Whether records are collected beyond the tick: then the collected text must not keep other strings
   * alive.
   */
  constructor(origins: StoredBlobs, uid: (() => string) | undefined, isKept = false) {
    this.#writer = new PayloadWriter(STRUCTURE_START, 65_536, isKept);
    this.#origins = origins;
    this.#uid = uid;
    this.#isKept = isKept;
  }

  get count(): number {
    return this.#count;
  }

  /** Approximate number of collected bytes. */
  get size(): number {
    return this.#writer.size;
  }

  /**
   * Adds a record. Replaces a value that cannot be written by a text that says so. Throws only if the record cannot be
   * read at all.
   *
   * @param maxAddedBytes A larger record is not added to others; then it returns `false`.
   */
  add(record: LogRecord, sessionId?: string, entryId?: string, maxAddedBytes: number = Infinity): boolean {
    const state = this.#writer.save();
    try {
      this.#record(record, record.body, record.attributes ?? {}, sessionId, entryId);
    } catch {
      // A getter threw, or a value is cyclic or too deep: write a plain copy of the record instead.
      this.#rollBack(state);
      this.#addPlain(record, state, sessionId, entryId);
    }
    if (this.#count > 0 && this.#writer.sizeSince(state) > maxAddedBytes) {
      this.#rollBack(state);
      return false;
    }
    this.#count += 1;
    if (this.#isKept && this.#count % SETTLED_RECORDS === 0) this.#writer.settle();
    return true;
  }

  #addPlain(record: LogRecord, state: WriterState, sessionId: string | undefined, entryId: string | undefined): void {
    const body = toPlainValue(readSafely(() => record.body));
    try {
      this.#record(record, body, toPlainValue(record.attributes ?? {}) as object, sessionId, entryId);
    } catch (error) {
      this.#rollBack(state);
      throw error;
    }
  }

  #rollBack(state: WriterState): void {
    this.#writer.restore(state);
    this.#lastResource = undefined;
  }

  /** Returns the finished frame and empties the encoder; `undefined` if nothing was added. */
  finish(ordinal: number, writtenMillis: number): Buffer | undefined {
    if (this.#count === 0) return undefined;
    const writer = this.#writer;
    const structureLength = writer.at - STRUCTURE_START;
    const { encoding, byteLength } = writer.measurePool();
    writer.ensure(byteLength);
    writer.writePool(encoding);
    for (const resource of this.#resources.keys()) appendBlob(writer, this.#origins.resource(resource));
    for (const scope of this.#scopes.keys()) appendBlob(writer, this.#origins.scope(scope));
    const frame = writer.bytes.subarray(0, writer.at);
    frame[HEADER_BYTES] = RECORDS_FORMAT;
    frame[HEADER_BYTES + 1] = encoding;
    frame.writeUInt16LE(this.#resources.size, HEADER_BYTES + 2);
    frame.writeUInt32LE(structureLength, HEADER_BYTES + 4);
    frame.writeUInt32LE(byteLength, HEADER_BYTES + 8);
    frame.writeDoubleLE(writtenMillis, HEADER_BYTES + 12);
    frame.writeUInt16LE(this.#scopes.size, HEADER_BYTES + 20);
    writeHeader(frame, this.#count, ordinal);
    this.#reset();
    return frame;
  }

  /** From now on the bytes that `finish` returned may be overwritten. */
  #reset(): void {
    this.#count = 0;
    this.#writer.reset();
    this.#resources.clear();
    this.#scopes.clear();
    this.#lastResource = undefined;
  }

  #record(
    record: LogRecord,
    body: unknown,
    attributes: object,
    sessionId: string | undefined,
    entryId: string | undefined,
  ): void {
    const writer = this.#writer;
    const { severityNumber, severityText, eventName, spanContext, droppedAttributesCount, hrTime, hrTimeObserved } =
      record;
    writer.beginRecord();
    writer.ensure(64);
    const isNewOrigin = record.resource !== this.#lastResource || record.instrumentationScope !== this.#lastScope;
    const isSameTime = hrTime[0] === hrTimeObserved[0] && hrTime[1] === hrTimeObserved[1];
    const isOddTime = !isPlainTime(hrTime) || !isPlainTime(hrTimeObserved);
    writer.byte(
      (severityNumber === undefined ? 0 : HAS_SEVERITY_NUMBER) |
        (severityText === undefined ? 0 : HAS_SEVERITY_TEXT) |
        (eventName === undefined ? 0 : HAS_EVENT_NAME) |
        (spanContext === undefined ? 0 : HAS_SPAN) |
        (droppedAttributesCount === 0 ? 0 : HAS_DROPPED) |
        (sessionId === undefined ? 0 : HAS_SESSION) |
        (isNewOrigin ? IS_NEW_ORIGIN : 0) |
        (isSameTime ? 0 : HAS_OBSERVED),
    );
    writer.byte((isOddTime ? IS_ODD_TIME : 0) | (entryId === undefined ? 0 : HAS_ENTRY_ID));
    if (isNewOrigin) this.#origin(record.resource, record.instrumentationScope);
    this.#time(hrTime, isOddTime);
    if (!isSameTime) this.#time(hrTimeObserved, isOddTime);
    if (severityNumber !== undefined) writer.value(severityNumber);
    if (severityText !== undefined) writer.sharedText(severityText);
    if (eventName !== undefined) writer.sharedText(eventName);
    if (spanContext !== undefined) this.#span(spanContext);
    if (droppedAttributesCount !== 0) writer.value(droppedAttributesCount);
    if (sessionId !== undefined) writer.sharedText(sessionId);
    if (entryId !== undefined) writer.text(entryId);
    writer.value(body);
    this.#attributes(attributes);
  }

  #attributes(attributes: object): void {
    const uid = this.#uid;
    if (uid === undefined || (attributes as Record<string, unknown>)[ATTRIBUTE.recordUid] !== undefined) {
      this.#writer.properties(attributes);
    } else {
      // The id is set here, so that every resend has the same one, and on a copy, because the record belongs to the
      // SDK.
      this.#writer.properties({ ...attributes, [ATTRIBUTE.recordUid]: uid() });
    }
  }

  #time(time: HrTime, isOdd: boolean): void {
    if (isOdd) {
      this.#writer.double(time[0]);
      this.#writer.double(time[1]);
    } else {
      this.#writer.uint32(time[0]);
      this.#writer.uint32(time[1]);
    }
  }

  #origin(resource: RecordResource, scope: RecordScope): void {
    let resourceIndex = this.#resources.get(resource);
    if (resourceIndex === undefined) this.#resources.set(resource, (resourceIndex = this.#resources.size));
    let scopeIndex = this.#scopes.get(scope);
    if (scopeIndex === undefined) this.#scopes.set(scope, (scopeIndex = this.#scopes.size));
    this.#writer.varint(resourceIndex);
    this.#writer.varint(scopeIndex);
    this.#lastResource = resource;
    this.#lastScope = scope;
  }

  #span(span: NonNullable<LogRecord['spanContext']>): void {
    const writer = this.#writer;
    writer.sharedText(span.traceId);
    writer.sharedText(span.spanId);
    writer.byte(span.traceFlags);
    const { isRemote, traceState } = span;
    writer.byte((isRemote === undefined ? 0 : isRemote ? 1 : 2) | (traceState === undefined ? 0 : 4));
    if (traceState !== undefined) writer.text(traceState.serialize());
  }
}

function appendBlob(writer: PayloadWriter, blob: Buffer): void {
  writer.ensure(4 + blob.length);
  writer.uint32(blob.length);
  writer.bytes.set(blob, writer.at);
  writer.at += blob.length;
}

function isPlainTime(time: HrTime): boolean {
  return time[0] >>> 0 === time[0] && time[1] >>> 0 === time[1];
}
