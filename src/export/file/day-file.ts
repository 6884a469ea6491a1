import { closeSync, constants, fdatasyncSync, fstatSync, lstatSync, readSync, writeSync } from 'node:fs';
import { EOL } from 'node:os';
import { join } from 'node:path';

import type { Reporter } from '../../support/reporter.ts';
import { openPlainFile } from '../plain-file.ts';
import type { DailyFileDirectory } from './daily-file-directory.ts';
import { Log4jsAppender } from './log4js-appender.ts';

const LINE_FEED = 10;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

/** A write that failed, in whole or in part. */
export interface WriteFailure {
  /** All bytes of the write. */
  readonly bytes: Buffer;
  /** How many of them are in the file. */
  readonly written: number;
  readonly error: unknown;
}

/**
 * The open file of one day. Whole lines are written before the call returns.
 *
 * The descriptor is our own and appends, since other processes may write the same file. A new file gets the mode that is
 * set, less the umask; an existing one keeps its mode. What is no regular file is not opened, nor waited for.
 */
export class DayFile {
  readonly day: string;
  readonly path: string;
  readonly #directory: DailyFileDirectory;
  readonly #reporter: Reporter;
  readonly #fd: number;
  readonly #device: number;
  readonly #inode: number;
  #appender: Log4jsAppender | undefined;
  /** The file ends within a line, ours or one of a process that was killed: the next line must not be appended to it. */
  #endsWithinLine: boolean;
  /** The size of the file after a write failed within a line; -1 when none did. */
  #cutSize = -1;

  /** @throws when the directory cannot be made or used, or the file cannot be opened for writing. */
  constructor(directory: DailyFileDirectory, day: string, reporter: Reporter) {
    this.day = day;
    this.path = join(directory.path, directory.names.ofDay(day));
    this.#directory = directory;
    this.#reporter = reporter;
    directory.ensure();
    const { fd, stats } = openPlainFile(this.path, APPEND, directory.mode);
    this.#fd = fd;
    try {
      this.#device = stats.dev;
      this.#inode = stats.ino;
      this.#endsWithinLine = stats.size > 0 && lastByteOf(this.path, stats.size) !== LINE_FEED;
      this.#appender = this.#openAppender();
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  #openAppender(): Log4jsAppender {
    const { path, names, mode } = this.#directory;
    return new Log4jsAppender({ filename: join(path, `${names.base}.log`), day: this.day, mode });
  }

  /** Whether the path still leads to this file: it was not removed, moved or replaced. */
  isInPlace(): boolean {
    try {
      // Not through a link, which would not be opened again.
      const stats = lstatSync(this.path, { throwIfNoEntry: false });
      return stats !== undefined && stats.ino === this.#inode && stats.dev === this.#device;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Else the directory may no longer be searched: only this descriptor can still write.
      return code !== 'ENOTDIR' && code !== 'ELOOP';
    }
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
      if (this.#appender.send(text, take)) return true;
      this.#reporter.limited('log4js', 'the log4js appender did not pass its lines on; they are written without it');
    } catch (error) {
      this.#reporter.limited('log4js', 'the log4js appender failed; its lines are written without it', error);
    }
    void this.#closeAppender();
    return false;
  }

  /** Whether a line that was cut here can go on where it stopped, since nothing was written after it. */
  canContinueLine(): boolean {
    try {
      return this.#cutSize >= 0 && fstatSync(this.#fd).size === this.#cutSize;
    } catch {
      // The line is then written again from its start.
      return false;
    }
  }

  /** Writes bytes. `continuesLine`: they are the rest of a line that was cut here. */
  write(bytes: Buffer, continuesLine: boolean): WriteFailure | undefined {
    let written = 0;
    try {
      if (this.#endsWithinLine && !continuesLine) {
        writeSync(this.#fd, EOL);
        this.#endsWithinLine = false;
      }
      while (written < bytes.length) {
        const count = writeSync(this.#fd, bytes, written);
        if (count === 0) throw new Error('the write wrote nothing');
        written += count;
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
      // The size is unknown: the line is written again from its start.
    }
  }

  /** Syncs the file to the disk, and waits for it. @throws when that fails. */
  sync(): void {
    fdatasyncSync(this.#fd);
  }

  /** Closes the descriptor at once. Resolves when the one of log4js is closed too. */
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
    // We may write the file but not read it: its last line is taken to be complete.
    return LINE_FEED;
  }
}
