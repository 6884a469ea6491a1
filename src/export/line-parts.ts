import { hrTimeToMillis } from '../otel/log-record.ts';
import type { HrTime, LogRecord } from '../otel/log-record.ts';

// Control characters with DEL and the C1 block, and the two line separators of Unicode: what could end a line, or
// drive the terminal of who reads the file.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const EVERY_CONTROL = new RegExp(CONTROL, 'g');

/** Text in which every control character is written as `\uXXXX`: no message can forge a line of its own. */
export function escapeControls(text: string): string {
  return CONTROL.test(text) ? text.replace(EVERY_CONTROL, escapeControl) : text;
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `INFO`, `WARN`, ... of a record with a severity, its text when it has no number, `CHAT` without either. */
export function levelOf(record: Pick<LogRecord, 'severityNumber' | 'severityText'>): string {
  const named = LEVELS[record.severityNumber ?? 0];
  if (named !== undefined) return named;
  const text = record.severityText;
  // A level is one word: what stands between two spaces of the line.
  if (typeof text === 'string' && text !== '') return escapeControls(text).replaceAll(' ', '_');
  return 'CHAT';
}

const LEVELS: readonly (string | undefined)[] = [
  undefined,
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [name, name, name, name]),
];

/** The last instant that has a four-digit year. */
const LAST_MILLIS = 253_402_300_799_999;

/** Milliseconds of the record's Timestamp, else of its ObservedTimestamp (0 means unknown in OTLP), else now. */
export function recordMillis(record: Pick<LogRecord, 'hrTime' | 'hrTimeObserved'>): number {
  return usableMillis(record.hrTime) ?? usableMillis(record.hrTimeObserved) ?? Date.now();
}

function usableMillis(time: HrTime | undefined): number | undefined {
  if (time === undefined) return undefined;
  const millis = Math.floor(hrTimeToMillis(time));
  return millis > 0 && millis <= LAST_MILLIS ? millis : undefined;
}
