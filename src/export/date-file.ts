import { mkdirSync, realpathSync } from 'node:fs';
import { EOL } from 'node:os';
import { resolve } from 'node:path';

import * as z from 'zod';

import { Episode, LossCounters, reporterFor } from '../diagnostics.ts';
import { environmentValue } from '../environment.ts';
import { SessionLogsError } from '../errors.ts';
import { functionOption, millis, parseOptions, positiveInteger } from '../options.ts';
import type { LogRecord, LogRecordProcessor } from '../otel.ts';
import { DayFile } from './day-file.ts';
import type { WriteFailure } from './day-file.ts';
import { LineFormatter } from './log-line.ts';
import { loadLog4js } from './log4js-event.ts';
import { countLines, PendingBytes } from './pending-bytes.ts';
import { sweepDayFiles } from './retention.ts';
import { TickFlush } from './tick.ts';

export interface DateFileLogRecordProcessorOptions {
  /** Made with mode 0700 when it is not there. @default LOGS_PATH, else 'logs' */
  readonly directory?: string | undefined;
  /** Days before today of which files are kept, by the date in their name. @default 7 */
  readonly retentionDays?: number | undefined;
  /** Whether the files of past days are compressed with gzip. @default false */
  readonly compress?: boolean | undefined;
  /** Bytes of lines that wait while the file cannot be written; newer ones are dropped and counted. @default 268,435,456 (256 MiB) */
  readonly maxPendingBytes?: number | undefined;
  /** Whether each batch of lines is synced to the disk, within the event loop: only a power cut asks for it. @default false */
  readonly fsync?: boolean | undefined;
  /** The clock that decides on the day. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** Counters of a {@link DateFileLogRecordProcessor}; never reset. */
export interface DateFileStats {
  /** Lines handed to the operating system. */
  readonly written: number;
  /** Lines and bytes that wait for the file to be writable again. */
  readonly pendingLines: number;
  readonly pendingBytes: number;
  readonly lost: Readonly<Record<string, number>>;
}

const optionsSchema = z.strictObject({
  directory: z.string('a path').min(1, 'a path').optional(),
  retentionDays: positiveInteger().default(7),
  compress: z.boolean('a boolean').default(false),
  maxPendingBytes: positiveInteger().default(256 * 1024 * 1024),
  fsync: z.boolean('a boolean').default(false),
  now: functionOption<() => number>().default(() => Date.now),
});

const flushSchema = z.strictObject({ timeoutMillis: millis().optional() });

/** Written within the tick too: in a tight loop nothing asynchronous runs, so this is what bounds memory. */
const BATCH_CHARS = 64 * 1024;
const FIRST_RETRY_MILLIS = 50;
const LAST_RETRY_MILLIS = 5000;
const FLUSH_MILLIS = 30_000;
const SHUTDOWN_MILLIS = 10_000;

const DIRECTORIES_KEY = Symbol.for('otel-session-logs.date-file-directories.v1');
const holder = globalThis as { [DIRECTORIES_KEY]?: Set<string> };
/** Directories in use in this process, by all copies of this package. */
const directories: Set<string> = (holder[DIRECTORIES_KEY] ??= new Set());

/**
 * Writes each record as a line of the daily file `session-logs.2026-11-23.log`, through log4js' `dateFile` appender.
 *
 * Lines are written synchronously, as one batch at the end of each event-loop tick: `process.exit`, an uncaught error
 * and `shutdown()` lose nothing, a SIGKILL the open tick. A file that is removed or moved is made again; while the disk
 * is full or the directory cannot be written lines wait, bounded, and the application goes on. What is lost is counted in
 * `stats()`; what was already in a removed file is not countable. Control characters cannot forge a line. Attributes are
 * not written. Files are made 0600; the date is the local day of writing, times are UTC.
 *
 * @throws TypeError for a wrong option; SessionLogsError `directory_in_use` for a second one on the same directory in
 * this process, `directory_unusable` when it cannot be made or written.
 */
export class DateFileLogRecordProcessor implements LogRecordProcessor {
  /** Absolute, without symbolic links. */
  readonly directory: string;
  readonly #options: z.output<typeof optionsSchema>;
  readonly #reporter = reporterFor('date-file');
  readonly #formatter = new LineFormatter();
  readonly #lost = new LossCounters();
  readonly #pending: PendingBytes;
  readonly #tick: TickFlush;
  readonly #outage = new Episode(this.#reporter);
  #file: DayFile | undefined;
  #day = '';
  #dayStart = 0;
  #dayEnd = 0;
  #lines: string[] = [];
  #chars = 0;
  #written = 0;
  #retryMillis = FIRST_RETRY_MILLIS;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #whenDrained = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(options: DateFileLogRecordProcessorOptions = {}) {
    this.#options = parseOptions('DateFileLogRecordProcessor', optionsSchema, options);
    const wanted = resolve(this.#options.directory ?? environmentValue('LOGS_PATH') ?? 'logs');
    this.directory = makeDirectory(wanted);
    if (directories.has(this.directory)) {
      throw new SessionLogsError('directory_in_use', `this process writes daily files to ${wanted} already`);
    }
    loadLog4js();
    this.#file = openFirst(this.directory, this.#today(), this.#reporter);
    directories.add(this.directory);
    this.#pending = new PendingBytes(this.#options.maxPendingBytes);
    this.#tick = new TickFlush((isExiting) => this.#write(isExiting));
    this.#sweep();
  }

  onEmit(record: LogRecord): void {
    if (this.#closing !== undefined) {
      this.#lost.add('after_shutdown');
      return;
    }
    try {
      const line = this.#formatter.format(record);
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

  /** True until shutdown. */
  enabled(): boolean {
    return this.#closing === undefined;
  }

  stats(): DateFileStats {
    return {
      written: this.#written,
      pendingLines: this.#pending.lines,
      pendingBytes: this.#pending.bytes,
      lost: this.#lost.toJSON(),
    };
  }

  /**
   * Resolves when all lines so far are handed to the operating system.
   *
   * @param options `timeoutMillis` defaults to 30,000.
   * @throws SessionLogsError `flush_timeout` with the number of lines pending.
   */
  async forceFlush(options: { timeoutMillis?: number } = {}): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    const { timeoutMillis = FLUSH_MILLIS } = parseOptions('forceFlush', flushSchema, options);
    this.#tick.now();
    if (await this.#drained(timeoutMillis)) return;
    throw this.#late('flush_timeout', timeoutMillis);
  }

  /**
   * Writes what is left and closes the file; idempotent.
   *
   * @param options `timeoutMillis` defaults to 10,000.
   * @throws SessionLogsError `shutdown_timeout` when lines are left; they are counted `file_unwritable`.
   */
  shutdown(options: { timeoutMillis?: number } = {}): Promise<void> {
    return (this.#closing ??= this.#close(options));
  }

  async #close(options: { timeoutMillis?: number }): Promise<void> {
    const { timeoutMillis = SHUTDOWN_MILLIS } = parseOptions('shutdown', flushSchema, options);
    this.#tick.now();
    const isDrained = await this.#drained(timeoutMillis);
    const late = isDrained ? undefined : this.#late('shutdown_timeout', timeoutMillis);
    this.#tick.close();
    clearTimeout(this.#retryTimer);
    this.#lost.add('file_unwritable', this.#pending.clear());
    this.#file?.close();
    this.#file = undefined;
    directories.delete(this.directory);
    if (late !== undefined) throw late;
  }

  #late(code: 'flush_timeout' | 'shutdown_timeout', timeoutMillis: number): SessionLogsError {
    const pending = this.#pending.lines;
    return new SessionLogsError(code, `${pending} lines could not be written within ${timeoutMillis} ms`, { pending });
  }

  /** Whether nothing waits any more within the time. */
  #drained(timeoutMillis: number): Promise<boolean> {
    if (this.#pending.isEmpty) return Promise.resolve(true);
    return new Promise((done) => {
      const settle = (isDrained: boolean): void => {
        clearTimeout(timer);
        this.#whenDrained.delete(onDrained);
        done(isDrained);
      };
      const onDrained = (): void => settle(true);
      const timer = setTimeout(settle, timeoutMillis, false);
      this.#whenDrained.add(onDrained);
      this.#retryMillis = FIRST_RETRY_MILLIS;
      this.#retry();
    });
  }

  /** Writes the lines of the tick: the only place where lines leave the buffer. */
  #write(isExiting: boolean): void {
    if (this.#lines.length > 0) {
      const text = this.#lines.join(EOL);
      const count = this.#lines.length;
      this.#lines = [];
      this.#chars = 0;
      if (this.#pending.isEmpty) this.#append(text, count);
      else this.#keep({ bytes: Buffer.from(text + EOL), written: 0, error: undefined });
    }
    if (isExiting && !this.#pending.isEmpty) this.#drain();
  }

  #append(text: string, count: number): void {
    let failure: WriteFailure | undefined;
    try {
      failure = this.#currentFile().append(text);
      if (failure === undefined && this.#options.fsync) this.#file?.sync();
    } catch (error) {
      failure = { bytes: Buffer.from(text + EOL), written: 0, error };
    }
    if (failure === undefined) this.#written += count;
    else this.#beginOutage(failure);
  }

  /** The open file of today, opened anew when the day, or the file under its path, is another. */
  #currentFile(): DayFile {
    const today = this.#today();
    const file = this.#file;
    if (file !== undefined && file.day === today && file.isInPlace()) return file;
    const isRoll = file !== undefined && file.day !== today;
    file?.close();
    this.#file = undefined;
    this.#file = new DayFile(this.directory, today, this.#reporter);
    if (isRoll) this.#sweep();
    return this.#file;
  }

  #beginOutage(failure: WriteFailure): void {
    this.#written += countLines(failure.bytes.subarray(0, failure.written));
    this.#keep(failure);
    this.#outage.begin(`the daily file in ${this.directory} cannot be written; lines wait`, failure.error);
    this.#retryMillis = FIRST_RETRY_MILLIS;
    this.#retryLater();
  }

  #keep(failure: WriteFailure): void {
    this.#lost.add('file_queue_full', this.#pending.add(failure.bytes, failure.written));
  }

  #retryLater(): void {
    if (this.#retryTimer !== undefined) return;
    this.#retryTimer = setTimeout(() => this.#retry(), this.#retryMillis);
    // A script that ends must not wait for a disk; a flush that waits has a timer of its own.
    this.#retryTimer.unref();
    this.#retryMillis = Math.min(this.#retryMillis * 2, LAST_RETRY_MILLIS);
  }

  #retry(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    if (!this.#drain()) this.#retryLater();
  }

  /** Writes what waits, as far as the disk takes it. */
  #drain(): boolean {
    try {
      const before = this.#file;
      const file = this.#currentFile();
      if (this.#pending.isWithinLine && (file !== before || !file.canContinueLine())) this.#pending.rewind();
      while (!this.#pending.isEmpty) {
        const failure = file.write(this.#pending.first(), this.#pending.isWithinLine);
        this.#written += this.#pending.advance(failure === undefined ? this.#pending.first().length : failure.written);
        if (failure !== undefined) return false;
      }
    } catch {
      // The same outage, reported when it began.
      return false;
    }
    this.#outage.end(`the daily file in ${this.directory} is written again`);
    for (const resolve of this.#whenDrained) resolve();
    return true;
  }

  /** The local date, as in log4js and the original; made once a day. */
  #today(): string {
    const now = this.#options.now();
    if (now >= this.#dayStart && now < this.#dayEnd) return this.#day;
    const date = new Date(now);
    const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
    this.#dayStart = new Date(year, month, day).getTime();
    this.#dayEnd = new Date(year, month, day + 1).getTime();
    this.#day = `${year}-${String(month + 1).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
    return this.#day;
  }

  #sweep(): void {
    const { retentionDays, compress } = this.#options;
    void sweepDayFiles(this.directory, this.#today(), { retentionDays, compress }, this.#reporter);
  }
}

function makeDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return realpathSync(path);
  } catch (error) {
    throw new SessionLogsError('directory_unusable', `the directory ${path} cannot be made`, { cause: error });
  }
}

function openFirst(directory: string, today: string, reporter: ReturnType<typeof reporterFor>): DayFile {
  try {
    return new DayFile(directory, today, reporter);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SessionLogsError('directory_unusable', `${directory} cannot be written: ${reason}`, { cause: error });
  }
}
