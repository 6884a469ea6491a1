import { isCut, valueLengthLimit } from '../otel/attribute-limits.ts';
import type { OwnFacts } from '../entry/entry.ts';
import type { LogRecord } from '../otel/log-record.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { ATTRIBUTE } from '../otel/names.ts';

/** The name of the scope under which our own records stand in a back end. */
export const SCOPE_NAME = 'otel-session-logs';

/**
 * One write of ours under way through a provider: what its record is, and whether it came to the session processor.
 *
 * The SDK keeps a limited number of attributes and may cut their values, so what routing depends on does not travel
 * with them. It stands beside the synchronous emit instead.
 */
export interface OwnWrite {
  /** The router of the instance that writes. */
  readonly owner: object;
  /** As it is emitted: the owner's redaction has seen it. */
  readonly record: EmittedLogRecord;
  /** The session that the writer knows, valid or not; `undefined`: for the router to find. */
  readonly sessionId: unknown;
  readonly facts: OwnFacts;
  /** The record came to the owner. */
  hasArrived: boolean;
}

const UNDER_WAY = Symbol.for('otel-session-logs.own-write.v1');
const holder = globalThis as { [UNDER_WAY]?: { write: OwnWrite | undefined } };
// One place for all copies of this package in the process.
const underWay = (holder[UNDER_WAY] ??= { write: undefined });

/** Runs a synchronous emit of the write. Within it another write may run, by a processor that logs. */
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
 * The write whose record this is. Within an emit of ours a processor may log through another logger, derive a record from
 * this one, or hand on one that it kept back; a provider may rename scopes, a processor change the record. So three of four
 * have to agree: scope, text, session and marks.
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

/** Whether the attribute is as emitted, as far as the SDK's limits let it. */
function keeps(record: LogRecord, value: unknown, before: unknown): boolean {
  if (value === before) return true;
  return value === undefined ? record.droppedAttributesCount > 0 : isCut(value, before, valueLengthLimit(record));
}
