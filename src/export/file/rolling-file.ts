import { EOL } from 'node:os';

import type { LossCounters } from '../../support/loss-counters.ts';
import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { sleep, startTimer } from '../../support/timers.ts';
import type { DailyFileDirectory } from './daily-file-directory.ts';
import { DayFile } from './day-file.ts';
import type { WriteFailure } from './day-file.ts';
import type { LocalDay } from './local-day.ts';
import { countLines, PendingBytes } from './pending-bytes.ts';

const FIRST_BACKOFF_MILLIS = 50;
const LAST_BACKOFF_MILLIS = 5_000;
/** The most bytes that are written per event-loop turn after an outage: about a millisecond of writing. */
const CATCH_UP_BYTES = 1024 * 1024;

export interface RollingFileSettings {
  readonly directory: DailyFileDirectory;
  readonly maxPendingBytes: number;
  /** Whether every write is synced to the disk. */
  readonly fsync: boolean;
  readonly clock: LocalDay;
  readonly reporter: Reporter;
  readonly lost: LossCounters;
  /** Called when the first file of this process, or the file of another day, was opened. */
  readonly onNewDay: () => void;
}

/**
 * Writes lines at once and in order to the file of the current day, and changes to a new file with the day. Never throws.
 *
 * While the file cannot be written, lines are kept as bytes up to `maxPendingBytes` and tried again after 50 ms to
 * 5 s; when that is full the newest lines are lost, counted `file_queue_full`. One report is made when such an outage
 * begins, and one when everything is written.
 */
export class RollingFile {
  readonly #settings: RollingFileSettings;
  readonly #pending: PendingBytes;
  readonly #outage: Episode;
  #file: DayFile | undefined;
  #day: string | undefined;
  #linesWritten = 0;
  #lostInOutage = 0;
  #backoffMillis = 0;
  #nextTry = 0;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(settings: RollingFileSettings) {
    this.#settings = settings;
    this.#pending = new PendingBytes(settings.maxPendingBytes);
    this.#outage = new Episode(settings.reporter);
  }

  get linesWritten(): number {
    return this.#linesWritten;
  }

  get pendingLines(): number {
    return this.#pending.lines;
  }

  get pendingBytes(): number {
    return this.#pending.bytes;
  }

  /** During an outage: why the file could not be written. */
  failure: unknown;

  /** Writes a text of `lines` lines, whose last line has no line end. */
  write(text: string, lines: number): void {
    if (this.#pending.isEmpty && this.#mayTry()) {
      const file = this.#today();
      if (file !== undefined) {
        this.#append(file, text, lines);
        return;
      }
    }
    this.#keep(Buffer.from(text + EOL), 0);
    this.catchUp(CATCH_UP_BYTES);
  }

  #append(file: DayFile, text: string, lines: number): void {
    const failure = file.append(text);
    if (failure === undefined) {
      this.#linesWritten += lines;
      this.#succeeded(file);
      return;
    }
    this.#linesWritten += countLines(failure.bytes.subarray(0, failure.written));
    this.#keep(failure.bytes, failure.written);
    this.#failed(failure.error);
  }

  #keep(bytes: Buffer, written: number): void {
    const refused = this.#pending.add(bytes, written);
    this.#settings.lost.add('file_queue_full', refused);
    this.#lostInOutage += refused;
  }

  /**
   * Writes lines that wait, up to `maxBytes`. Returns whether none waits any more. `isForced`: also before the next try
   * of an outage is due.
   */
  catchUp(maxBytes: number, isForced = false): boolean {
    if (this.#pending.isEmpty) return true;
    if (!isForced && !this.#mayTry()) return false;
    const file = this.#today();
    if (file === undefined) return false;
    const failure = this.#writePending(file, maxBytes);
    if (failure !== undefined) {
      this.#failed(failure.error);
      return false;
    }
    if (!this.#pending.isEmpty) {
      this.#tryLater(0);
      return false;
    }
    this.#succeeded(file);
    return true;
  }

  #writePending(file: DayFile, maxBytes: number): WriteFailure | undefined {
    let budget = maxBytes;
    while (!this.#pending.isEmpty && budget > 0) {
      const continuesLine = this.#pending.isWithinLine && file.canContinueLine();
      if (!continuesLine) this.#pending.rewind();
      const bytes = this.#pending.first();
      const failure = file.write(bytes, continuesLine);
      const written = failure === undefined ? bytes.length : failure.written;
      this.#linesWritten += this.#pending.advance(written);
      if (failure !== undefined) return failure;
      budget -= written;
    }
    return undefined;
  }

  #mayTry(): boolean {
    return this.#backoffMillis === 0 || performance.now() >= this.#nextTry;
  }

  #today(): DayFile | undefined {
    const day = this.#settings.clock.today();
    const open = this.#file;
    if (open?.day === day && open.isInPlace()) return open;
    void this.#release();
    try {
      const file = this.#open(day);
      if (open?.day === day) {
        this.#outage.begin(`${open.path} was removed, moved or replaced: a new one is made; its lines are not counted`);
      }
      return file;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #open(day: string): DayFile {
    const file = new DayFile(this.#settings.directory, day, this.#settings.reporter);
    this.#file = file;
    if (this.#day !== day) {
      this.#day = day;
      this.#settings.onNewDay();
    }
    return file;
  }

  /** Opens today's file. @throws when that fails, which is an error of the caller at the start only. */
  open(): void {
    this.#open(this.#settings.clock.today());
  }

  #release(): Promise<void> | undefined {
    const closed = this.#file?.close();
    this.#file = undefined;
    return closed;
  }

  #sync(file: DayFile): void {
    try {
      file.sync();
    } catch (error) {
      // The lines are in the file: written again they would be there twice.
      this.#settings.reporter.limited('fsync', `${file.path} could not be synced to the disk`, error);
    }
  }

  #failed(error: unknown): void {
    this.failure = error;
    this.#outage.begin(
      `the daily file in ${this.#settings.directory.path} cannot be written: up to ` +
        `${this.#settings.maxPendingBytes} bytes of lines are kept and written later`,
      error,
    );
    // Other code closed the descriptor: its number may belong to another file by now.
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'EBADF') this.#file = undefined;
    this.#backoffMillis = Math.min(Math.max(this.#backoffMillis * 2, FIRST_BACKOFF_MILLIS), LAST_BACKOFF_MILLIS);
    this.#nextTry = performance.now() + this.#backoffMillis;
    this.#tryLater(this.#backoffMillis);
  }

  #tryLater(millis: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = startTimer(() => this.catchUp(CATCH_UP_BYTES, true), millis);
    // Lines that wait do not keep the process alive; a flush that waits for them does.
    this.#retry.unref();
  }

  #succeeded(file: DayFile): void {
    if (this.#settings.fsync) this.#sync(file);
    if (!this.#outage.isOpen) return;
    const lost = this.#lostInOutage === 0 ? 'no line was lost' : `${this.#lostInOutage} lines were lost`;
    this.#outage.end(`the daily file in ${this.#settings.directory.path} is written again; ${lost}`);
    this.#lostInOutage = 0;
    this.#backoffMillis = 0;
    this.failure = undefined;
    clearTimeout(this.#retry);
  }

  /** Gives up the lines that still wait and counts them as `file_unwritable`. Returns their number. */
  giveUp(): number {
    const lines = this.#pending.clear();
    if (lines > 0) {
      this.#settings.lost.add('file_unwritable', lines);
      this.#settings.reporter.error(
        `${lines} lines of the daily file in ${this.#settings.directory.path} could not be written and are lost`,
        this.failure,
      );
    }
    return lines;
  }

  /** Closes the file at once. Resolves when log4js has closed its descriptor, or after 100 ms. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const closed = this.#release();
    await Promise.race([closed, sleep(100, { keepsProcess: false })]);
  }
}
