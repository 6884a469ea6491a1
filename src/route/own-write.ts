import { isCut, valueLengthLimit } from '../otel/attribute-limits.ts';
import type { OwnFacts } from '../entry/entry.ts';
import type { LogRecord } from '../otel/log-record.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { ATTRIBUTE } from '../otel/names.ts';

/** The name of the instrumentation scope of this package's own records. */
export const SCOPE_NAME = 'otel-session-logs';

/**
 * One write of this package through a provider: its record, and whether that reached the session processor.
 *
 * The SDK keeps a limited number of attributes and may cut their values, so facts that routing depends on do not travel
 * in them. They are kept here during the synchronous emit instead.
 */
export interface OwnWrite {
  /** The router of the instance that writes. */
  readonly owner: object;
  /** The record as emitted, after the owner's redaction. */
  readonly record: EmittedLogRecord;
  /** The session that the writer knows, valid or not; `undefined` if the router has to find it. */
  readonly sessionId: unknown;
  readonly facts: OwnFacts;
  /** Whether the record reached the owner. */
  hasArrived: boolean;
}

const UNDER_WAY = Symbol.for('otel-session-logs.own-write.v1');
const holder = globalThis as { [UNDER_WAY]?: { write: OwnWrite | undefined } };
// One place for all copies of this package in the process.
const underWay = (holder[UNDER_WAY] ??= { write: undefined });

/** Emits the record of the write, synchronously. Another write may run within it, by a processor that logs. */
export function emitOwnWrite(write: OwnWrite, logger: { emit(record: EmittedLogRecord): void }): void {
  const outer = underWay.write;
  underWay.write = write;
  try {
    logger.emit(write.record);
  } finally {
    underWay.write = outer;
  }
}

/**
 * Returns the write that emitted this record. Within an emit, a processor may log through another logger, derive a
 * record from this one, or pass on one that it kept back; a provider may rename scopes, and a processor may change the
 * record. So three of four have to agree: scope, text, session and marks.
 */
export function ownWriteOf(record: LogRecord): OwnWrite | undefined {
  const { write } = underWay;
  if (write === undefined) return undefined;
  const emitted = write.record;
  let agreeing = record.instrumentationScope?.name === SCOPE_NAME ? 1 : 0;
  if (record.body === emitted.body) agreeing += 1;
  const before = emitted.attributes?.[ATTRIBUTE.sessionId];
  if (keeps(record, record.attributes[ATTRIBUTE.sessionId], before)) agreeing += 1;
  if (agreeing === 2 && hasMarks(record, emitted)) agreeing += 1;
  return agreeing === 3 ? write : undefined;
}

function hasMarks(record: LogRecord, emitted: EmittedLogRecord): boolean {
  if (record.eventName !== emitted.eventName) return false;
  return [ATTRIBUTE.logType, ATTRIBUTE.streamId].every((key) => {
    const before = emitted.attributes?.[key];
    return before === undefined || keeps(record, record.attributes[key], before);
  });
}

/** Whether the attribute is as emitted, as far as the SDK's limits allow. */
function keeps(record: LogRecord, value: unknown, before: unknown): boolean {
  if (value === before) return true;
  return value === undefined ? record.droppedAttributesCount > 0 : isCut(value, before, valueLengthLimit(record));
}
