import { bodyToText } from '../../entry/body.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import type { LogRecord } from '../../otel/log-record.ts';
import { escapeBracketed, withoutColours, withoutTerminalControls } from '../../support/terminal-text.ts';
import { levelOf, lineAttributes, recordMillis, sessionIdOfRecord, splitException } from '../line-parts.ts';
import type { LineException } from '../line-parts.ts';

const COLOURS: Readonly<Record<string, number>> = { TRACE: 90, DEBUG: 36, INFO: 32, WARN: 33, ERROR: 31, FATAL: 35 };
const GREY = 90;

/** Style of lines for people. */
export interface ConsoleStyle {
  readonly hasColours: boolean;
  /** Whether the time has its date, for those who read a log later. */
  readonly hasDate: boolean;
}

/**
 * Returns the record as lines for people: time, level, `[session id]`, message and attributes as JSON; below, indented,
 * further lines of the message and the exception with its stack. The text has no control characters and no overrides of
 * text direction.
 */
export function consoleLines(record: LogRecord, { hasColours, hasDate }: ConsoleStyle): string {
  const paint = hasColours ? painted : plain;
  const level = levelOf(record);
  const sessionId = sessionIdOfRecord(record);
  const time = isoTimestamp(recordMillis(record));
  const session = sessionId === undefined ? '' : ` [${escapeBracketed(sessionId)}]`;
  const { exception, others } = splitException(lineAttributes(record) ?? {});
  const message = printable(withoutColours(bodyToText(record.body)));
  const head = `${paint(GREY, hasDate ? time : time.slice(11, 23))} ${paint(COLOURS[level] ?? 0, level.padEnd(5))}${paint(GREY, session)}`;
  const fields = others === undefined ? '' : ` ${paint(GREY, printable(JSON.stringify(others)))}`;
  return `${head} ${message}${fields}${exception === undefined ? '' : printable(`\n${textOf(exception)}`)}\n`;
}

function textOf({ type, message, stacktrace }: LineException): string {
  const parts = stacktrace === undefined ? [type, message].filter((part) => part !== undefined) : [stacktrace];
  return parts.map(bodyToText).join(': ');
}

/** Indents further lines, so that none looks like a record of its own. */
function printable(text: string): string {
  return withoutTerminalControls(text).replaceAll('\n', '\n    ');
}

function painted(colour: number, text: string): string {
  return text === '' ? '' : `\u001b[${colour}m${text}\u001b[0m`;
}

function plain(_colour: number, text: string): string {
  return text;
}
