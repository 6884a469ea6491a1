import type { HrTime, LogRecord } from '../../../otel/log-record.ts';
import { ATTRIBUTE } from '../../../otel/names.ts';
import { FRAME_BYTES, writeFrame } from './frame.ts';
import type { OriginEncoder, Resource, Scope } from './origin-codec.ts';
import { PayloadWriter } from './payload-writer.ts';
import type { WriterMark } from './payload-writer.ts';
import { readSafely, toPlainValue } from './plain-value.ts';
import {
  VERSION,
  START,
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
} from './record-format.ts';

/** Collects records as bytes, within `onEmit`: no record is kept, and what the caller changes later is not seen. */
export class EntryEncoder {
  readonly #writer: PayloadWriter = new PayloadWriter(START, 65_536);
  readonly #origins: OriginEncoder;
  readonly #uid: (() => string) | undefined;
  readonly #resources = new Map<Resource, number>();
  readonly #scopes = new Map<Scope, number>();
  #lastResource: Resource | undefined;
  #lastScope: Scope | undefined;
  #count = 0;

  /** @param uid Gives each record a `log.record.uid`. */
  constructor(origins: OriginEncoder, uid: (() => string) | undefined) {
    this.#origins = origins;
    this.#uid = uid;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes collected, roughly. */
  get size(): number {
    return this.#writer.size;
  }

  /** Adds a record; what cannot be written in it is replaced by a text that says so. Throws only when nothing can be read. */
  add(record: LogRecord, sessionId?: string, entryId?: string): void {
    const mark = this.#writer.mark();
    try {
      this.#record(record, record.body, record.attributes ?? {}, sessionId, entryId);
    } catch {
      // A getter, a cycle or too much depth: once more, from a copy that can be written.
      this.#rollBack(mark);
      this.#addPlain(record, mark, sessionId, entryId);
    }
    this.#count += 1;
  }

  #addPlain(record: LogRecord, mark: WriterMark, sessionId: string | undefined, entryId: string | undefined): void {
    const body = toPlainValue(readSafely(() => record.body));
    try {
      this.#record(record, body, toPlainValue(record.attributes ?? {}) as object, sessionId, entryId);
    } catch (error) {
      this.#rollBack(mark);
      throw error;
    }
  }

  #rollBack(mark: WriterMark): void {
    this.#writer.restore(mark);
    this.#lastResource = undefined;
  }

  /** The entry with its frame, and an empty encoder. `undefined` when nothing was added. */
  finish(ordinal: number, writtenMillis: number): Buffer | undefined {
    if (this.#count === 0) return undefined;
    const writer = this.#writer;
    const structureLength = writer.at - START;
    const { encoding, byteLength } = writer.measurePool();
    writer.ensure(byteLength);
    writer.writePool(encoding);
    for (const resource of this.#resources.keys()) appendBlob(writer, this.#origins.resource(resource));
    for (const scope of this.#scopes.keys()) appendBlob(writer, this.#origins.scope(scope));
    const entry = writer.bytes.subarray(0, writer.at);
    entry[FRAME_BYTES] = VERSION;
    entry[FRAME_BYTES + 1] = encoding;
    entry.writeUInt16LE(this.#resources.size, FRAME_BYTES + 2);
    entry.writeUInt32LE(structureLength, FRAME_BYTES + 4);
    entry.writeUInt32LE(byteLength, FRAME_BYTES + 8);
    entry.writeDoubleLE(writtenMillis, FRAME_BYTES + 12);
    entry.writeUInt16LE(this.#scopes.size, FRAME_BYTES + 20);
    writeFrame(entry, this.#count, ordinal);
    this.#reset();
    return entry;
  }

  /** The bytes of the last `finish` are overwritten from here on. */
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
      // A copy, since the record belongs to the SDK; made here so that every resend has the same id.
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

  #origin(resource: Resource, scope: Scope): void {
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
