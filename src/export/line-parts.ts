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

/** The session id in the record's attributes, whole even where a limit of the SDK cut it; `undefined` when there is none. */
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

/** The record's attributes but for its session and our own, JSON-safe; `undefined` when it has none, as nearly every chunk. */
export function lineAttributes(record: Pick<LogRecord, 'attributes'>): Readonly<Record<string, JsonValue>> | undefined {
  const { attributes } = record;
  let others: Record<string, JsonValue> | undefined;
  for (const key in attributes) {
    if (!isApplicationAttribute(key)) continue;
    // An attribute named `__proto__` is the prototype of the others.
    if (!Object.hasOwn(attributes, key)) continue;
    others ??= {};
    const value: unknown = attributes[key];
    setField(others, key, typeof value === 'string' ? value : toJsonValue(value));
  }
  return others;
}

/** What a line tells of an exception. */
export interface LineException {
  readonly type: JsonValue | undefined;
  readonly message: JsonValue | undefined;
  readonly stacktrace: JsonValue | undefined;
}

/** The exception among the attributes, and the other attributes; each `undefined` when there is none. */
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
