import type { EnabledOptions, LogRecord, LogRecordProcessor } from '../../otel/log-record.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import { reporterFor } from '../../support/reporter.ts';
import { watchStdout } from '../../support/stdout-errors.ts';
import { hasColours } from '../../support/terminal-colours.ts';
import { jsonLine } from '../json-line.ts';
import { sessionIdOfRecord } from '../line-parts.ts';
import { consoleLines } from './console-lines.ts';
import { stdoutTerminal } from './terminal.ts';

const reporter = reporterFor('console');

/**
 * Format of lines on stdout. `'pretty'`: time of day, level, session, message and attributes, for a person at a
 * terminal; coloured if colours are allowed. `'plain'`: the same with the date and without colours, for `docker logs`.
 * `'json'`: the JSON line of the daily file.
 */
export type ConsoleFormat = 'pretty' | 'plain' | 'json';

/**
 * Writes leveled logs as lines to stdout. Leaves chunks of a chat to the stream handler; if that shows them on a
 * terminal, no line begins within one of theirs.
 *
 * A closed stdout (`| head -1`) ends the output, but not the process.
 */
export class ConsoleLogRecordProcessor implements LogRecordProcessor {
  readonly #lineOf: (record: LogRecord) => string;
  /** Counts records that were not printed: those after shutdown, and those that could not be read. */
  readonly lost: LossCounters = new LossCounters();
  #isOpen = true;
  readonly #stopWatching: () => void;
  #shutdown: Promise<void> | undefined;

  constructor(format: ConsoleFormat) {
    const style = { hasColours: format === 'pretty' && hasColours(), hasDate: format === 'plain' };
    this.#lineOf = format === 'json' ? (record) => `${jsonLine(record)}\n` : (record) => consoleLines(record, style);
    this.#stopWatching = watchStdout(this.#onError);
  }

  onEmit(record: LogRecord): void {
    if (this.#shutdown !== undefined) this.lost.add('after_shutdown');
    if (!this.#isOpen) return;
    const read = this.#read(record);
    if (read === undefined) return;
    try {
      stdoutTerminal().lines(read.lines, read.sessionId);
    } catch (error) {
      this.#onError(error);
    }
  }

  #read(record: LogRecord): { readonly lines: string; readonly sessionId: string | undefined } | undefined {
    try {
      if ((record.severityNumber ?? 0) === 0) return undefined;
      return { lines: this.#lineOf(record), sessionId: sessionIdOfRecord(record) };
    } catch (error) {
      // An unreadable record has nothing to do with stdout: the next one is printed.
      this.lost.add('internal_error');
      reporter.limited('unreadable', 'a record could not be read', error);
      return undefined;
    }
  }

  /**
   * Whether a record of this severity would be printed: it has a severity, and neither a shutdown nor a closed stdout
   * has ended the output.
   */
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

  readonly #onError = (error: unknown): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    reporter.warn('stdout cannot be written to; no more lines are printed', error);
  };
}
