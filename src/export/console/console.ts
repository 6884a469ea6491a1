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
 * What a line on stdout is. `'pretty'`: time of day, level, session, message and attributes, for a person at a terminal;
 * coloured where colours may be. `'plain'`: the same with the date and without colours, for `docker logs`. `'json'`: the
 * JSON line of the daily file.
 */
export type ConsoleFormat = 'pretty' | 'plain' | 'json';

/**
 * Writes leveled logs as lines to stdout. Chunks of a chat are left to the stream handler; where that shows them on a
 * terminal, lines do not begin within theirs.
 *
 * A closed stdout (`| head -1`) ends the output, but not the process.
 */
export class ConsoleLogRecordProcessor implements LogRecordProcessor {
  readonly #lineOf: (record: LogRecord) => string;
  /** Records that were not printed: those after shutdown, and those that could not be read. */
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
      // A record that cannot be read has nothing to do with stdout: the next one is printed.
      this.lost.add('internal_error');
      reporter.limited('unreadable', 'a record could not be read', error);
      return undefined;
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

  readonly #onError = (error: unknown): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    reporter.warn('stdout cannot be written; no more lines are printed', error);
  };
}
