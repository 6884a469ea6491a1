import { bodyToText } from '../../entry/body.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import type { EnabledOptions, LogRecord, LogRecordProcessor } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import { reporterFor } from '../../support/reporter.ts';
import { escapeBracketed, withoutColours, withoutTerminalControls } from '../../support/terminal-text.ts';
import { watchStdout } from '../../support/stdout-errors.ts';
import { levelOf, lineAttributes, recordMillis, sessionIdOfRecord } from '../line-parts.ts';

const reporter = reporterFor('console');

const COLOURS: Readonly<Record<string, number>> = { TRACE: 90, DEBUG: 36, INFO: 32, WARN: 33, ERROR: 31, FATAL: 35 };

/**
 * Writes leveled logs as lines to stdout for a person at a terminal, in colour unless `NO_COLOR` is set. Chunks of a chat
 * are left to the stream handler.
 *
 * Attributes stand behind the message as JSON, an exception below it with its stack. Text is written without control
 * characters and overrides of its direction. A closed stdout (`| head -1`) ends the output, but not the process.
 */
export class ConsoleLogRecordProcessor implements LogRecordProcessor {
  readonly #hasColours: boolean = (process.env['NO_COLOR'] ?? '') === '';
  /** Records that were not printed: those after shutdown, and those that could not be read. */
  readonly lost: LossCounters = new LossCounters();
  #isOpen = true;
  readonly #stopWatching: () => void;
  #shutdown: Promise<void> | undefined;

  constructor() {
    this.#stopWatching = watchStdout(this.#onError);
  }

  onEmit(record: LogRecord): void {
    if (this.#shutdown !== undefined) this.lost.add('after_shutdown');
    if (!this.#isOpen) return;
    const line = this.#lineOf(record);
    if (line === undefined) return;
    try {
      process.stdout.write(line);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Whether a record of this severity would be printed: until shutdown or a closed stdout, and not without a severity. */
  enabled(options?: EnabledOptions): boolean {
    const severity: number | undefined = options?.severityNumber;
    return this.#isOpen && severity !== 0;
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    this.#isOpen = false;
    this.#stopWatching();
    return (this.#shutdown ??= Promise.resolve());
  }

  #lineOf(record: LogRecord): string | undefined {
    try {
      return (record.severityNumber ?? 0) === 0 ? undefined : this.#line(record);
    } catch (error) {
      // A record that cannot be read has nothing to do with stdout: the next one is printed.
      this.lost.add('internal_error');
      reporter.limited('unreadable', 'a record could not be read', error);
      return undefined;
    }
  }

  #line(record: LogRecord): string {
    const level = levelOf(record);
    const sessionId = sessionIdOfRecord(record);
    const time = isoTimestamp(recordMillis(record)).slice(11, 23);
    const session = sessionId === undefined ? '' : ` [${escapeBracketed(sessionId)}]`;
    const { attributes, exception } = attributesOf(record);
    const message = printable(withoutColours(bodyToText(record.body)));
    const head = `${this.#paint(90, time)} ${this.#paint(COLOURS[level] ?? 0, level.padEnd(5))}${this.#paint(90, session)}`;
    const fields = attributes === '' ? '' : ` ${this.#paint(90, printable(attributes))}`;
    return `${head} ${message}${fields}${exception === '' ? '' : printable(`\n${exception}`)}\n`;
  }

  #paint(colour: number, text: string): string {
    return this.#hasColours && text !== '' ? `\u001b[${colour}m${text}\u001b[0m` : text;
  }

  readonly #onError = (error: unknown): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    reporter.warn('stdout cannot be written; no more lines are printed', error);
  };
}

/** Further lines are indented, so that none looks like a record of its own. */
function printable(text: string): string {
  return withoutTerminalControls(text).replaceAll('\n', '\n    ');
}

/** The attributes as JSON, and the exception as lines; each `''` for none. */
function attributesOf(record: LogRecord): { attributes: string; exception: string } {
  const {
    [ATTRIBUTE.exceptionType]: type,
    [ATTRIBUTE.exceptionMessage]: message,
    [ATTRIBUTE.exceptionStacktrace]: stack,
    ...others
  } = lineAttributes(record) ?? {};
  const exception = stack === undefined ? [type, message].filter((part) => part !== undefined) : [stack];
  const attributes = Object.keys(others).length === 0 ? '' : JSON.stringify(others);
  return { attributes, exception: exception.map(bodyToText).join(': ') };
}
