import { setField, toJsonValue } from '../entry/body.ts';
import type { JsonValue } from '../entry/body.ts';
import { isTimestamp } from '../entry/timestamp.ts';
import { hrTimeToMillis } from '../otel/log-record.ts';
import type { HrTime, LogRecord } from '../otel/log-record.ts';
import { isApplicationAttribute } from '../otel/names.ts';
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
