import { withoutColours } from '../entry/terminal-text.ts';
import { hrTimeToMillis } from '../otel/log-record.ts';
import type { HrTime, LogRecord } from '../otel/log-record.ts';

// Control characters with DEL and the C1 block, and the two line separators of Unicode: they could end a line, or
// control the terminal on which the file is read.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const EVERY_CONTROL = new RegExp(CONTROL, 'g');

/** Writes every control character as `\uXXXX`, so that no message can forge a line. */
export function escapeControls(text: string): string {
  return CONTROL.test(text) ? text.replace(EVERY_CONTROL, escapeControl) : text;
}

/** As {@link escapeControls}, without the colour codes that loggers for terminals put into their texts. */
export function escapeText(text: string): string {
  return CONTROL.test(text) ? escapeControls(withoutColours(text)) : text;
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

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

/** The last millisecond of the year 9999. */
const LAST_MILLIS = 253_402_300_799_999;

/** The record's Timestamp in milliseconds, else its ObservedTimestamp (0 means unknown in OTLP), else the current time. */
export function recordMillis(record: Pick<LogRecord, 'hrTime' | 'hrTimeObserved'>): number {
  return usableMillis(record.hrTime) ?? usableMillis(record.hrTimeObserved) ?? Date.now();
}

function usableMillis(time: HrTime | undefined): number | undefined {
  if (time === undefined) return undefined;
  const millis = Math.floor(hrTimeToMillis(time));
  return millis > 0 && millis <= LAST_MILLIS ? millis : undefined;
}
