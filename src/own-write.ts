import type { OwnFacts } from './entry.ts';
import type { EmittedLogRecord, LogRecord } from './otel.ts';
import { ATTRIBUTE } from './otel.ts';

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
 * The write whose record this is. Within an emit of ours a processor may log through another logger; that record stands
 * under another scope. A provider that renames scopes is told by the record's text and session.
 */
export function ownWriteOf(record: LogRecord): OwnWrite | undefined {
  const { write } = underWay;
  if (write === undefined || record.instrumentationScope?.name === SCOPE_NAME) return write;
  const { body, eventName } = write.record;
  const isAlike =
    record.body === body &&
    record.eventName === eventName &&
    record.attributes[ATTRIBUTE.sessionId] === write.sessionId;
  return isAlike ? write : undefined;
}
