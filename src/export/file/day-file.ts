import { closeSync, constants, fdatasyncSync, fstatSync, lstatSync, readdirSync, readSync, writeSync } from 'node:fs';
import { EOL } from 'node:os';
import { join } from 'node:path';

import type { Reporter } from '../../support/reporter.ts';
import { makePlainFile, openPlainFile } from '../plain-file.ts';
import type { PlainFile } from '../plain-file.ts';
import type { DailyFileDirectory } from './daily-file-directory.ts';
import { Log4jsAppender } from './log4js-appender.ts';

const LINE_FEED = 10;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

/** A write that failed, in whole or in part. */
export interface WriteFailure {
  /** All bytes that were to be written. */
  readonly bytes: Buffer;
  /** How many of them were written. */
  readonly written: number;
  readonly error: unknown;
}

/** The day and number of a file, and its largest size. */
export interface DayFilePlace {
  readonly day: string;
  readonly number: number;
  readonly maxBytes: number;
}

/**
 * Opens a day's current file: without a size limit the only one, else the last numbered one, or the next if that has no
 * room for `bytes`. Processes that share the directory find the same file.
 *
 * @throws like {@link DayFile}.
 */
export function openDayFile(
  directory: DailyFileDirectory,
  { day, maxBytes }: Omit<DayFilePlace, 'number'>,
  bytes: number,
  reporter: Reporter,
): DayFile {
  directory.ensure();
  let number = maxBytes === Infinity ? 0 : directory.names.lastNumber(day, readdirSync(directory.path));
  for (;;) {
    const file = new DayFile(directory, { day, number, maxBytes }, reporter);
    if (file.hasRoomFor(bytes)) return file;
    void file.close();
    number += 1;
  }
}

/**
 * An open file of one day. Writes whole lines before the call returns.
 *
 * Its own descriptor appends, because other processes may write the same file. A new file gets the configured mode; an
 * existing one keeps its mode. Anything but a regular file is neither opened nor waited for.
 */
export class DayFile {
  readonly day: string;
  readonly name: string;
  readonly path: string;
  readonly #mode: number;
  readonly #maxBytes: number;
  readonly #reporter: Reporter;
  readonly #fd: number;
  readonly #device: number;
  readonly #inode: number;
  /** Size of the file, including what other processes wrote, as far as known. */
  #size: number;
  #appender: Log4jsAppender | undefined;
  /** Whether the file ends within a line, of this process or a killed one: the next line must not be appended to it. */
  #endsWithinLine: boolean;
  /** The size of the file after a write failed within a line; -1 if none did. */
  #cutSize = -1;

  /** @throws if the file cannot be opened for writing. */
  constructor(directory: DailyFileDirectory, { day, number, maxBytes }: DayFilePlace, reporter: Reporter) {
    this.day = day;
    this.name = directory.names.of(day, number);
    this.path = join(directory.path, this.name);
    this.#mode = directory.fileMode;
    this.#maxBytes = maxBytes;
    this.#reporter = reporter;
    const { fd, stats } = openForLines(this.path, this.#mode);
    this.#fd = fd;
    this.#size = stats.size;
    try {
      this.#device = stats.dev;
      this.#inode = stats.ino;
      this.#endsWithinLine = stats.size > 0 && lastByteOf(this.path, stats.size) !== LINE_FEED;
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** Size in bytes, including what other processes wrote, as far as known. */
  get size(): number {
    return this.#size;
  }

  #openAppender(): Log4jsAppender | undefined {
    return Log4jsAppender.open({ path: this.path, day: this.day, mode: this.#mode });
  }

  /** Whether the path still leads to this file, which was not removed, moved or replaced. */
  isInPlace(): boolean {
    try {
      // Does not follow a link, which would not be opened again either.
      const stats = lstatSync(this.path, { throwIfNoEntry: false });
      this.#size = stats?.size ?? this.#size;
      return stats !== undefined && stats.ino === this.#inode && stats.dev === this.#device;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Otherwise the directory may no longer be searchable: then only this descriptor can still write.
      return code !== 'ENOTDIR' && code !== 'ELOOP';
    }
  }

  /**
   * Whether this many bytes can still be written. An empty file has room for anything, because a line has to go
   * somewhere.
   */
  hasRoomFor(bytes: number): boolean {
    return bytes === 0 || this.#size === 0 || this.#size + bytes <= this.#maxBytes;
  }

  /**
   * Returns the first of these lines that fit here: at least one if the file is empty, or if the first is the rest of a
   * line that was cut here.
   */
  fitting(lines: Buffer, continuesLine: boolean): Buffer {
    const room = this.#maxBytes - this.#size;
    if (lines.length <= room) return lines;
    const end = room <= 0 ? 0 : lines.lastIndexOf(LINE_FEED, room - 1) + 1;
    if (end > 0) return lines.subarray(0, end);
    return lines.subarray(0, continuesLine || this.#size === 0 ? lines.indexOf(LINE_FEED) + 1 : 0);
  }

  /** Writes lines as one log4js event. The last line of `text` has no line end. */
  append(text: string): WriteFailure | undefined {
    let failure: WriteFailure | undefined;
    const take = (bytes: Buffer): void => {
      failure = this.write(bytes, false);
    };
    if (!this.#sendEvent(text, take)) take(Buffer.from(text + EOL));
    return failure;
  }

  #sendEvent(text: string, take: (bytes: Buffer) => void): boolean {
    try {
      this.#appender ??= this.#openAppender();
      if (this.#appender === undefined) return false;
      if (this.#appender.send(text, take)) return true;
      this.#reporter.limited('log4js', 'the log4js appender did not pass its lines on; they are written without it');
    } catch (error) {
      this.#reporter.limited('log4js', 'the log4js appender failed; its lines are written without it', error);
    }
    void this.#closeAppender();
    return false;
  }

  /** Whether a line that was cut here can continue, because nothing was written after it. */
  canContinueLine(): boolean {
    try {
      return this.#cutSize >= 0 && fstatSync(this.#fd).size === this.#cutSize;
    } catch {
      // Then the line is written again from its start.
      return false;
    }
  }

  /** Writes bytes. `continuesLine`: the bytes are the rest of a line that was cut here. */
  write(bytes: Buffer, continuesLine: boolean): WriteFailure | undefined {
    let written = 0;
    try {
      if (this.#endsWithinLine && !continuesLine) {
        this.#size += writeSync(this.#fd, EOL);
        this.#endsWithinLine = false;
      }
      while (written < bytes.length) {
        const count = writeSync(this.#fd, bytes, written);
        if (count === 0) throw new Error('the operating system wrote 0 bytes');
        written += count;
        this.#size += count;
      }
      this.#endsWithinLine = false;
      this.#cutSize = -1;
      return undefined;
    } catch (error) {
      if (written > 0) this.#noteCut(bytes[written - 1] !== LINE_FEED);
      return { bytes, written, error };
    }
  }

  #noteCut(isWithinLine: boolean): void {
    this.#endsWithinLine = isWithinLine;
    this.#cutSize = -1;
    try {
      if (isWithinLine) this.#cutSize = fstatSync(this.#fd).size;
    } catch {
      // The size is unknown: write the line again from its start.
    }
  }

  /** Syncs the file to the disk and waits for it. @throws if that fails. */
  sync(): void {
    fdatasyncSync(this.#fd);
  }

  /** Closes the descriptor at once. Resolves when that of log4js is closed too. */
  close(): Promise<void> {
    const closed = this.#closeAppender();
    try {
      closeSync(this.#fd);
    } catch (error) {
      this.#reporter.limited('close', `closing ${this.path} failed`, error);
    }
    return closed;
  }

  async #closeAppender(): Promise<void> {
    const appender = this.#appender;
    this.#appender = undefined;
    try {
      await appender?.close();
    } catch (error) {
      this.#reporter.limited('log4js', 'closing the log4js appender failed', error);
    }
  }
}

function openForLines(path: string, mode: number): PlainFile {
  try {
    return makePlainFile(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return openPlainFile(path, APPEND, mode);
  }
}

function lastByteOf(path: string, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  try {
    const { fd } = openPlainFile(path, constants.O_RDONLY);
    try {
      return readSync(fd, byte, 0, 1, size - 1) === 1 ? byte[0] : LINE_FEED;
    } finally {
      closeSync(fd);
    }
  } catch {
    // This process may write the file but not read it: assume that its last line is complete.
    return LINE_FEED;
  }
}
