import { bodyToText } from '../../entry/body.ts';
import { withoutColours, withoutTerminalControls } from '../../entry/terminal-text.ts';
import { isoTimestamp } from '../../entry/timestamp.ts';
import type { EnabledOptions, LogRecord, LogRecordProcessor } from '../../otel/log-record.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import { reporterFor } from '../../support/reporter.ts';
import { sessionIdOfRecord } from '../file/log-line.ts';
import { escapeControls, levelOf, recordMillis } from '../line-parts.ts';

const reporter = reporterFor('console');

const COLOURS: Readonly<Record<string, number>> = { TRACE: 90, DEBUG: 36, INFO: 32, WARN: 33, ERROR: 31, FATAL: 35 };

/**
 * Writes leveled logs as lines to stdout for a person at a terminal, in colour unless `NO_COLOR` is set. Chunks of a chat
 * are left to the stream handler.
 *
 * Text is written without control characters. A closed stdout (`| head -1`) ends the output, but not the process.
 */
export class ConsoleLogRecordProcessor implements LogRecordProcessor {
  readonly #hasColours: boolean = (process.env['NO_COLOR'] ?? '') === '';
  /** Records that were not printed: those after shutdown, and those that could not be read. */
  readonly lost: LossCounters = new LossCounters();
  #isOpen = true;
  #shutdown: Promise<void> | undefined;

  constructor() {
    // Without a listener, a closed pipe would end the process with an uncaught error.
    process.stdout.on('error', this.#onError);
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
    process.stdout.off('error', this.#onError);
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
    const session = sessionId === undefined ? '' : ` [${escapeControls(sessionId)}]`;
    // Further lines of a message are indented, so that none looks like a record of its own.
    const message = withoutTerminalControls(withoutColours(bodyToText(record.body))).replaceAll('\n', '\n    ');
    return `${this.#paint(90, time)} ${this.#paint(COLOURS[level] ?? 0, level.padEnd(5))}${this.#paint(90, session)} ${message}\n`;
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
