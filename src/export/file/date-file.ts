import { EOL } from 'node:os';

import type { ErasedPart, SessionEraser } from '../../entry/erasure.ts';
import { routedRecordOf } from '../../entry/routed-record.ts';
import type { DeliverySource } from '../../entry/routed-record.ts';
import { unclaimedErasers } from '../../entry/unclaimed-erasers.ts';
import { isBelow } from '../../otel/log-record.ts';
import type { EnabledOptions, LogRecord, LogRecordProcessor } from '../../otel/log-record.ts';
import { observeProcessor } from '../../otel/metrics.ts';
import { SessionLogsError } from '../../support/errors.ts';
import { LossCounters } from '../../support/loss-counters.ts';
import { timeoutOption } from '../../support/options.ts';
import { reporterFor } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { sleep, workNow } from '../../support/timers.ts';
import { EndOfTickWrite } from '../../support/end-of-tick-write.ts';
import { ClockWatch } from '../clock-watch.ts';
import { directoryFacts } from '../directory-facts.ts';
import { ErasureMarks } from '../erasure/erasure-marks.ts';
import { jsonLine } from '../json-line.ts';
import { isMissing } from './compress-file.ts';
import { CurrentLink } from './current-link.ts';
import { CustomFormatter } from './custom-format.ts';
import { givenRule, ruleOfFormat } from './custom-line-rule.ts';
import type { CustomLineRule } from './custom-line-rule.ts';
import { DailyFileDirectory } from './daily-file-directory.ts';
import { eraseInDailyFiles, fileSizes } from './daily-file-erasure.ts';
import { dateFileSettings } from './date-file-options.ts';
import type { DateFileLogRecordProcessorOptions, DateFileSettings } from './date-file-options.ts';
import { LocalDay } from './local-day.ts';
import { LineFormatter } from './log-line.ts';
import { LineMatcher } from './line-matcher.ts';
import { loadLog4js } from './log4js-appender.ts';
import { MarkedLines } from './marked-lines.ts';
import { Retention } from './retention.ts';
import { RollingFile } from './rolling-file.ts';
import { isToldByText } from './written-line.ts';

/** Counters of a {@link DateFileLogRecordProcessor}; never reset. */
export interface DateFileStats {
  /** Lines passed to the operating system. */
  readonly written: number;
  /** Lines, and their bytes, that wait until the file is writable again. */
  readonly pendingLines: number;
  readonly pendingBytes: number;
  /**
   * Lines for which a `format` function threw, did not return a string, or returned line breaks; in the first two cases
   * they were written as text.
   */
  readonly misformatted: number;
  readonly lost: Readonly<Record<string, number>>;
}

/** Returns the line of a record, without its line end. */
interface Formatter {
  format(record: LogRecord): string;
  readonly misformatted?: number;
}

function formatterOf({ format, attributes }: DateFileSettings, reporter: Reporter): Formatter {
  if (format === 'json') return { format: jsonLine };
  const text = new LineFormatter(attributes);
  return format === 'text' ? text : new CustomFormatter(format, text, reporter);
}

/**
 * Lines of this size are written within the tick: nothing asynchronous runs in a tight loop, so only this limits
 * memory.
 */
const BATCH_CHARS = 64 * 1024;
/** How much a flush writes per turn of the event loop after an outage, and how often it tries during one. */
const FLUSH_BYTES = 8 * 1024 * 1024;
const FLUSH_RETRY_MILLIS = 50;
const FLUSH_MILLIS = 30_000;
const SHUTDOWN_MILLIS = 10_000;

/**
 * Writes each record as a line of the daily file `session-logs.2026-11-23.log`, through the `dateFile` appender of
 * log4js.
 *
 * Lines are written synchronously, in one batch at the end of each tick of the event loop: `process.exit`, an uncaught
 * error and `shutdown()` lose nothing, and a SIGKILL loses only the lines of the current tick. A file that is removed
 * or moved is created again. While the disk is full or the directory cannot be written to, lines wait, up to a limit,
 * and the application goes on. `stats()` counts lost lines, except those in a removed file. Control characters cannot
 * forge a line. The date is the local day of writing; times are UTC.
 *
 * @throws TypeError for a wrong option; SessionLogsError `directory_in_use` for a second processor on the same
 * directory in this process; `directory_unusable` if the directory cannot be created or written to.
 */
export class DateFileLogRecordProcessor implements LogRecordProcessor, SessionEraser {
  readonly #settings: DateFileSettings;
  readonly #claim: DailyFileDirectory;
  readonly #reporter = reporterFor('date-file');
  readonly #formatter: Formatter;
  readonly #lost = new LossCounters();
  readonly #minimumSeverity: number;
  readonly #retention: Retention;
  readonly #file: RollingFile;
  readonly #tick: EndOfTickWrite;
  readonly #marks: ErasureMarks;
  #rule: CustomLineRule | undefined;
  #attachedTo: DeliverySource | undefined;
  #lines: string[] = [];
  #chars = 0;
  /** Time of `workNow()` before the first of the lines came. */
  #since = 0;
  #closing: Promise<void> | undefined;
  readonly #stopObserving: () => void;

  constructor(options: DateFileLogRecordProcessorOptions = {}) {
    const settings = dateFileSettings(options);
    this.#settings = settings;
    void loadLog4js();
    this.#minimumSeverity = settings.minimumSeverity;
    const { retentionDays, compress, currentLink } = settings;
    const reporter = this.#reporter;
    this.#formatter = formatterOf(settings, reporter);
    this.#claim = new DailyFileDirectory({ ...settings, reporter });
    const clock = new LocalDay(settings.now);
    this.#retention = new Retention({
      directory: this.#claim,
      retentionDays,
      compress,
      watch: new ClockWatch(() => clock.now()),
      reporter,
    });
    this.#marks = new ErasureMarks(this.#claim.path, reporter, settings.fileMode);
    this.#file = new RollingFile({
      directory: this.#claim,
      maxPendingBytes: settings.maxPendingBytes,
      maxFileBytes: settings.maxFileBytes,
      link: currentLink === undefined ? undefined : new CurrentLink(this.#claim, currentLink, reporter),
      fsync: settings.fsync,
      clock,
      reporter,
      lost: this.#lost,
      marked: new MarkedLines({ marks: this.#marks, rule: () => this.#lineRule(), reporter }),
      onNewDay: () => void this.#retention.sweep(),
    });
    try {
      this.#file.open();
    } catch (error) {
      this.#claim.release();
      const message = `the daily file in ${this.#claim.path} cannot be written: ${(error as Error).message}`;
      throw new SessionLogsError('directory_unusable', message, { cause: error });
    }
    this.#tick = new EndOfTickWrite((isExiting) => this.#write(isExiting));
    this.#stopObserving = observeProcessor(settings.selfObsMeterProvider, 'DateFileLogRecordProcessor', () => {
      const { written, pendingLines, lost } = this.stats();
      return { processed: written, lost, queueSize: pendingLines };
    });
    directoryFacts.tell(this, () => ({ directory: this.directory, holds: 'daily files', error: this.#file.failure }));
    unclaimedErasers.add(this);
  }

  /** The absolute path of the directory, without symbolic links. */
  get directory(): string {
    return this.#claim.path;
  }

  /** Takes a record. Synchronous; never throws, never waits for the disk. */
  onEmit(record: LogRecord): void {
    try {
      if (isBelow(record.severityNumber, this.#minimumSeverity)) return;
      if (this.#closing !== undefined) return this.#countLate();
      const line = this.#formatter.format(record);
      if (this.#lines.length === 0) this.#begin(record);
      this.#lines.push(line);
      this.#chars += line.length + 1;
    } catch (error) {
      this.#lost.add('internal_error');
      this.#reporter.limited('format', 'a record could not be written as a line', error);
      return;
    }
    if (this.#chars >= BATCH_CHARS) this.#tick.now();
    else this.#tick.arm();
  }

  /** Begins a tick with its first line. */
  #begin(record: LogRecord): void {
    this.#since = workNow();
    const source = routedRecordOf(record)?.source;
    if (source === undefined || source === this.#attachedTo) return;
    this.#attachedTo = source;
    source.attachEraser?.(this);
  }

  #countLate(): void {
    this.#lost.add('after_shutdown');
    this.#reporter.limited('after_shutdown', 'records after shutdown are not written to the daily file');
  }

  /**
   * Whether a record of this severity would be written: it is not below `minimumSeverity`, and there was no shutdown.
   */
  enabled(options?: EnabledOptions): boolean {
    return this.#closing === undefined && !isBelow(options?.severityNumber, this.#minimumSeverity);
  }

  stats(): DateFileStats {
    return {
      written: this.#file.linesWritten,
      pendingLines: this.#file.pendingLines,
      pendingBytes: this.#file.pendingBytes,
      misformatted: this.#formatter.misformatted ?? 0,
      lost: this.#lost.toJSON(),
    };
  }

  /** @throws SessionLogsError `not_erasable` if lines of the session cannot be distinguished from others. */
  checkErasable(sessionId: string): void {
    const { format } = this.#settings;
    const rule = this.#lineRule();
    if (typeof format === 'function' ? rule?.tells(sessionId) === true : format === 'json' || isToldByText(sessionId))
      return;
    const why =
      typeof format !== 'function'
        ? "lines of text show `-` for records without a session. Use `format: 'json'`, which distinguishes them"
        : rule === undefined
          ? 'the lines that `format` makes do not show their session in a place that nothing else can imitate. Let it return JSON with the session id, or give the option `sessionOfLine`'
          : 'the lines that `format` makes do not distinguish this session from all others: the end of its id is not clear, or a text or an attribute can imitate it. Let it return JSON with the session after `...attributes`, or give the option `sessionOfLine`';
    throw new SessionLogsError('not_erasable', `the session cannot be erased in ${this.directory}: ${why}`);
  }

  /** The rule for reading lines of a function, found out once from lines of made-up records. */
  #lineRule(): CustomLineRule | undefined {
    const { format, sessionOfLine } = this.#settings;
    if (typeof format !== 'function') return undefined;
    return (this.#rule ??= sessionOfLine === undefined ? ruleOfFormat(format) : givenRule(sessionOfLine));
  }

  /**
   * Erases the session's lines in all files of this name in the directory, for everything that this process and others
   * logged before the call.
   *
   * @throws SessionLogsError `not_erasable`, see `checkErasable`; `erasure_incomplete` if a file cannot be read or
   * written; call it again to do the rest.
   */
  async eraseSession(sessionId: string): Promise<ErasedPart> {
    this.checkErasable(sessionId);
    const { path: directory, names } = this.#claim;
    const matcher = LineMatcher.of(sessionId, this.#lineRule());
    this.#tick.now();
    const waiting = this.#file.eraseWaiting(matcher);
    try {
      // Mark the session before looking at the files: what other processes write from then on, they erase.
      this.#marks.add(sessionId, 0);
    } catch (error) {
      // The directory was removed, with everything in it.
      if (isMissing(error)) return { file: { lines: waiting, files: 0 } };
      throw error;
    }
    const sizes = fileSizes(directory, names);
    const { lines, files } = await eraseInDailyFiles({ directory, names, matcher, sizes });
    return { file: { lines: lines + waiting, files } };
  }

  /**
   * Resolves when all lines so far have been passed to the operating system.
   *
   * @param options `timeoutMillis`: default 30,000.
   * @throws SessionLogsError `flush_timeout` with the number of lines pending.
   */
  async forceFlush(options: { timeoutMillis?: number } = {}): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    const timeoutMillis = timeoutOption('forceFlush', options) ?? FLUSH_MILLIS;
    if (await this.#drained(timeoutMillis)) return;
    throw this.#late('flush_timeout', timeoutMillis);
  }

  /**
   * Writes the remaining lines and closes the file. Idempotent.
   *
   * @param options `timeoutMillis`: default 10,000.
   * @throws SessionLogsError `shutdown_timeout` if lines are left, which are counted as `file_unwritable`.
   */
  shutdown(options: { timeoutMillis?: number } = {}): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    const timeoutMillis = timeoutOption('shutdown', options) ?? SHUTDOWN_MILLIS;
    return (this.#closing = this.#close(timeoutMillis));
  }

  async #close(timeoutMillis: number): Promise<void> {
    const isDrained = await this.#drained(timeoutMillis);
    const late = isDrained ? undefined : this.#late('shutdown_timeout', timeoutMillis);
    this.#stopObserving();
    unclaimedErasers.delete(this);
    this.#tick.close();
    this.#file.giveUp();
    const closed = this.#file.close();
    this.#claim.release();
    await Promise.all([closed, this.#retention.close()]);
    if (late !== undefined) throw late;
  }

  #late(code: 'flush_timeout' | 'shutdown_timeout', timeoutMillis: number): SessionLogsError {
    const pending = this.#file.pendingLines;
    const message = `${pending} lines could not be written to ${this.directory} within ${timeoutMillis} ms`;
    return new SessionLogsError(code, message, { pending, cause: this.#file.failure });
  }

  /** Resolves to whether all lines so far were written within the time. */
  async #drained(timeoutMillis: number): Promise<boolean> {
    this.#tick.now();
    const file = this.#file;
    const target = file.linesWritten + file.pendingLines;
    const deadline = workNow() + timeoutMillis;
    for (;;) {
      const before = file.linesWritten;
      file.catchUp(FLUSH_BYTES, true);
      if (file.linesWritten >= target) return true;
      const leftMillis = deadline - workNow();
      // Nothing waits, yet not everything was written: a shutdown gave the lines up meanwhile.
      if (leftMillis <= 0 || file.pendingLines === 0) return false;
      await sleep(file.linesWritten > before ? 0 : Math.min(FLUSH_RETRY_MILLIS, leftMillis));
    }
  }

  /** Writes the lines of the tick. This is the only place where lines leave the buffer. */
  #write(isExiting: boolean): void {
    const lines = this.#lines;
    if (lines.length > 0) {
      this.#lines = [];
      this.#chars = 0;
      try {
        this.#file.write(lines.join(EOL), lines.length, this.#since);
      } catch (error) {
        // The lines together exceed the longest possible string.
        this.#lost.add('internal_error', lines.length);
        this.#reporter.limited('write', `${lines.length} lines could not be joined and are lost`, error);
      }
    }
    // The last chance: report remaining lines now, because nobody can read `stats()` afterwards.
    if (isExiting && !this.#file.catchUp(Number.MAX_SAFE_INTEGER, true)) this.#file.giveUp();
  }
}
