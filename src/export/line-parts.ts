import { setField, toJsonValue } from '../entry/body.ts';
import type { JsonValue } from '../entry/body.ts';
import { routedRecordOf } from '../entry/routed-record.ts';
import { isSessionId } from '../entry/session-id.ts';
import { isTimestamp } from '../entry/timestamp.ts';
import { wholeAttribute } from '../otel/attribute-limits.ts';
import { hrTimeToMillis } from '../otel/log-record.ts';
import type { HrTime, LogRecord } from '../otel/log-record.ts';
import { ATTRIBUTE, isApplicationAttribute } from '../otel/names.ts';
import { escapeControls } from '../support/terminal-text.ts';

/** The level of a record: `INFO`, `WARN`, ... by its severity number, else its severity text, else `CHAT`. */
export function levelOf(record: Pick<LogRecord, 'severityNumber' | 'severityText'>): string {
  const named = LEVELS[record.severityNumber ?? 0];
  if (named !== undefined) return named;
  const text = record.severityText;
  // A level is one word, since spaces delimit it in the line.
  if (typeof text === 'string' && text !== '') return escapeControls(text).replaceAll(' ', '_');
  return 'CHAT';
}

const LEVELS: readonly (string | undefined)[] = [
  undefined,
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [name, name, name, name]),
];

/** The session id of the record, whole even if a limit of the SDK cut the attribute; `undefined` if there is none. */
export function sessionIdOfRecord(record: LogRecord): string | undefined {
  const id = wholeAttribute(
    record,
    ATTRIBUTE.sessionId,
    record.attributes[ATTRIBUTE.sessionId],
    routedRecordOf(record)?.sessionId,
  );
  return isSessionId(id) ? id : undefined;
}

/** The record's Timestamp in milliseconds, else its ObservedTimestamp (0 means unknown in OTLP), else the current time. */
export function recordMillis(record: Pick<LogRecord, 'hrTime' | 'hrTimeObserved'>): number {
  return usableMillis(record.hrTime) ?? usableMillis(record.hrTimeObserved) ?? Date.now();
}

function usableMillis(time: HrTime | undefined): number | undefined {
  if (time === undefined) return undefined;
  const millis = Math.floor(hrTimeToMillis(time));
  return millis !== 0 && isTimestamp(millis) ? millis : undefined;
}

/**
 * The record's attributes, JSON-safe, without its session id and this package's own; `undefined` if there are none, as
 * for nearly every chunk.
 */
export function lineAttributes(record: Pick<LogRecord, 'attributes'>): Readonly<Record<string, JsonValue>> | undefined {
  const { attributes } = record;
  let others: Record<string, JsonValue> | undefined;
  for (const key in attributes) {
    if (!isApplicationAttribute(key)) continue;
    // An attribute named `__proto__` has become the prototype of the others.
    if (!Object.hasOwn(attributes, key)) continue;
    others ??= {};
    const value: unknown = attributes[key];
    setField(others, key, typeof value === 'string' ? value : toJsonValue(value));
  }
  return others;
}

/** The parts of an exception that a line has. */
export interface LineException {
  readonly type: JsonValue | undefined;
  readonly message: JsonValue | undefined;
  readonly stacktrace: JsonValue | undefined;
}

/** Splits the attributes into the exception and the others; each `undefined` if there is none. */
export function splitException(attributes: Readonly<Record<string, JsonValue>>): {
  readonly exception: LineException | undefined;
  readonly others: Readonly<Record<string, JsonValue>> | undefined;
} {
  const {
    [ATTRIBUTE.exceptionType]: type,
    [ATTRIBUTE.exceptionMessage]: message,
    [ATTRIBUTE.exceptionStacktrace]: stacktrace,
    ...others
  } = attributes;
  const hasException = type !== undefined || message !== undefined || stacktrace !== undefined;
  return {
    exception: hasException ? { type, message, stacktrace } : undefined,
    others: Object.keys(others).length === 0 ? undefined : others,
  };
}
