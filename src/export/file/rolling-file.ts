import { EOL } from 'node:os';

import type { LossCounters } from '../../support/loss-counters.ts';
import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { sleep, startWorkTimer, stopWorkTimer, workNow } from '../../support/timers.ts';
import type { WorkTimer } from '../../support/timers.ts';
import type { CurrentLink } from './current-link.ts';
import type { DailyFileDirectory } from './daily-file-directory.ts';
import { openDayFile } from './day-file.ts';
import type { DayFile, WriteFailure } from './day-file.ts';
import type { LocalDay } from './local-day.ts';
import type { MarkedLines } from './marked-lines.ts';
import { countLines, PendingBytes } from './pending-bytes.ts';
import type { LineFinder } from './pending-bytes.ts';

const LINE_FEED = 10;
const FIRST_BACKOFF_MILLIS = 50;
const LAST_BACKOFF_MILLIS = 5_000;
/** The most bytes that are written per turn of the event loop after an outage: about a millisecond of writing. */
const CATCH_UP_BYTES = 1024 * 1024;

export interface RollingFileSettings {
  readonly directory: DailyFileDirectory;
  readonly maxPendingBytes: number;
  /** The size at which the day's next file begins; `Infinity` for no limit. */
  readonly maxFileBytes: number;
  readonly link: CurrentLink | undefined;
  /** Whether every write is synced to the disk. */
  readonly fsync: boolean;
  readonly clock: LocalDay;
  readonly reporter: Reporter;
  readonly lost: LossCounters;
  readonly marked: MarkedLines;
  /** Called when the first file of this process, or the file of a new day, was opened. */
  readonly onNewDay: () => void;
}

/**
 * Writes lines at once and in their order to the file of the current day, and changes to a new file when the day changes or
 * the file has no room for the next line. Never throws.
 *
 * While the file cannot be written, lines are kept as bytes up to `maxPendingBytes` and tried again after 50 ms to 5 s;
 * beyond that, new lines are lost and counted as `file_queue_full`. It reports when such an outage begins and when
 * everything is written.
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
  #retry: WorkTimer | undefined;
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

  /** During an outage, why the file could not be written. */
  failure: unknown;

  /**
   * Writes a text of `lines` lines, the last one without a line end.
   *
   * @param since Time of `workNow()` before the first of them came.
   */
  write(text: string, lines: number, since: number): void {
    const { marked } = this.#settings;
    if (this.#pending.isEmpty) {
      this.#write(text, lines);
      marked.settle(since, this.#pending);
      return;
    }
    const fresh = marked.purge(this.#pending);
    const left = fresh.length === 0 ? undefined : marked.leftOf(text, since, fresh);
    if (left === undefined) this.#write(text, lines);
    else if (left.length > 0) this.#write(left.join(EOL), left.length);
    marked.settle(-Infinity, this.#pending);
  }

  #write(text: string, lines: number): void {
    if (this.#pending.isEmpty && this.#mayTry()) {
      if (this.#settings.maxFileBytes !== Infinity) return this.#writeWithinLimit(Buffer.from(text + EOL));
      const file = this.#current(0);
      if (file !== undefined) {
        this.#append(file, text, lines);
        return;
      }
    }
    this.#keep(Buffer.from(text + EOL), 0);
    this.#catchUp(CATCH_UP_BYTES, false);
  }

  #append(file: DayFile, text: string, lines: number): void {
    this.#settings.marked.note(file.path, file.size, text);
    const failure = file.append(text);
    if (failure === undefined) {
      this.#linesWritten += lines;
      this.#succeeded(file);
      return;
    }
    this.#cut(failure, failure.bytes);
  }

  /** Writes the lines, to as many files as they need. */
  #writeWithinLimit(lines: Buffer): void {
    let rest = lines;
    while (rest.length > 0) {
      const file = this.#current(rest.indexOf(LINE_FEED) + 1);
      if (file === undefined) {
        this.#keep(rest, 0);
        return;
      }
      const part = file.fitting(rest, false);
      this.#settings.marked.note(file.path, file.size, part);
      const failure = file.append(part.toString('utf8', 0, part.length - EOL.length));
      if (failure !== undefined) {
        this.#cut(failure, rest);
        return;
      }
      this.#linesWritten += countLines(part);
      this.#succeeded(file);
      rest = rest.subarray(part.length);
    }
  }

  /** Keeps the lines that a failed write has not written. */
  #cut(failure: WriteFailure, lines: Buffer): void {
    this.#linesWritten += countLines(lines.subarray(0, failure.written));
    this.#keep(lines, failure.written);
    this.#failed(failure.error);
  }

  #keep(bytes: Buffer, written: number): void {
    const refused = this.#pending.add(bytes, written);
    this.#settings.lost.add('file_queue_full', refused);
    this.#lostInOutage += refused;
  }

  /**
   * Writes waiting lines, up to `maxBytes`. Returns whether none is waiting any more. `isForced`: even before the next
   * try of an outage is due.
   */
  catchUp(maxBytes: number, isForced = false): boolean {
    if (this.#pending.isEmpty) return true;
    this.#settings.marked.purge(this.#pending);
    const isDone = this.#catchUp(maxBytes, isForced);
    this.#settings.marked.settle(-Infinity, this.#pending);
    return isDone;
  }

  #catchUp(maxBytes: number, isForced: boolean): boolean {
    if (this.#pending.isEmpty) return true;
    if (!isForced && !this.#mayTry()) return false;
    let budget = maxBytes;
    let file: DayFile | undefined;
    while (!this.#pending.isEmpty && budget > 0) {
      // The rest of a line belongs into the file where it began.
      file = this.#current(this.#pending.isWithinLine ? 0 : this.#pending.first().indexOf(LINE_FEED) + 1);
      if (file === undefined) return false;
      const written = this.#writePending(file);
      if (written === undefined) return false;
      budget -= written;
    }
    if (!this.#pending.isEmpty) {
      this.#tryLater(0);
      return false;
    }
    if (file !== undefined) this.#succeeded(file);
    return true;
  }

  /** Writes some of the waiting bytes and returns how many; `undefined` if that failed. */
  #writePending(file: DayFile): number | undefined {
    const continuesLine = this.#pending.isWithinLine && file.canContinueLine();
    if (!continuesLine) this.#pending.rewind();
    const bytes = file.fitting(this.#pending.first(), continuesLine);
    this.#settings.marked.note(file.path, file.size, bytes);
    const failure = file.write(bytes, continuesLine);
    this.#linesWritten += this.#pending.advance(failure === undefined ? bytes.length : failure.written);
    if (failure === undefined) return bytes.length;
    this.#failed(failure.error);
    return undefined;
  }

  #mayTry(): boolean {
    return this.#backoffMillis === 0 || workNow() >= this.#nextTry;
  }

  /** The current file, with room for this many bytes. */
  #current(bytes: number): DayFile | undefined {
    const day = this.#settings.clock.today();
    const open = this.#file;
    const isInPlace = open?.day === day && open.isInPlace();
    if (isInPlace && open.hasRoomFor(bytes)) return open;
    if (isInPlace && this.#settings.fsync) this.#sync(open);
    void this.#release();
    try {
      const file = this.#open(day, bytes);
      if (open?.day === day && !isInPlace) {
        this.#outage.begin(
          `${open.path} was removed, moved or replaced: a new file is created; the lines of the old one are not counted`,
        );
      }
      return file;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #open(day: string, bytes: number): DayFile {
    const { directory, maxFileBytes: maxBytes, link, reporter } = this.#settings;
    const file = openDayFile(directory, { day, maxBytes }, bytes, reporter);
    this.#file = file;
    link?.leadTo(file.name);
    if (this.#day !== day) {
      this.#day = day;
      this.#settings.onNewDay();
    }
    return file;
  }

  /** Opens today's file. @throws if that fails; only at the start does the error reach the caller. */
  open(): void {
    this.#open(this.#settings.clock.today(), 0);
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
      // The lines are in the file: do not write them twice.
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
    // Other code closed the descriptor; its number may belong to another file by now.
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'EBADF') this.#file = undefined;
    this.#backoffMillis = Math.min(Math.max(this.#backoffMillis * 2, FIRST_BACKOFF_MILLIS), LAST_BACKOFF_MILLIS);
    this.#nextTry = workNow() + this.#backoffMillis;
    this.#tryLater(this.#backoffMillis);
  }

  #tryLater(millis: number): void {
    if (this.#isClosed) return;
    stopWorkTimer(this.#retry);
    this.#retry = startWorkTimer(() => this.catchUp(CATCH_UP_BYTES, true), millis);
    // Waiting lines do not keep the process alive; a flush that waits for them does.
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
    stopWorkTimer(this.#retry);
  }

  /** Removes waiting lines and returns their number. */
  eraseWaiting(finder: LineFinder): number {
    return this.#pending.remove(finder);
  }

  /** Gives up the waiting lines and counts them as `file_unwritable`. Returns their number. */
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
    stopWorkTimer(this.#retry);
    const closed = this.#release();
    await Promise.race([closed, sleep(100, { keepsProcess: false })]);
  }
}
