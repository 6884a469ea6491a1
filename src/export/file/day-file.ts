import { closeSync, fdatasyncSync, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { EOL } from 'node:os';
import { join } from 'node:path';

import type { Reporter } from '../../support/reporter.ts';
import { Log4jsAppender } from './log4js-appender.ts';

const LINE_FEED = 10;
const NAME = 'session-logs';

/** `session-logs.2026-11-23.log`, as log4js names it. */
export function dayFileName(day: string): string {
  return `${NAME}.${day}.log`;
}

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
 * The descriptor is our own and appends, since other processes may write the same file. A new file gets mode 0600 and a
 * new directory 0700; existing ones keep their mode.
 */
export class DayFile {
  readonly day: string;
  readonly path: string;
  readonly #directory: string;
  readonly #reporter: Reporter;
  readonly #fd: number;
  readonly #device: number;
  readonly #inode: number;
  #appender: Log4jsAppender | undefined;
  /** The file ends within a line, ours or one of a process that was killed: the next line must not be appended to it. */
  #endsWithinLine: boolean;
  /** The size of the file after a write failed within a line; -1 when none did. */
  #cutSize = -1;

  /** @throws when the directory cannot be made, or the file cannot be opened for writing. */
  constructor(directory: string, day: string, reporter: Reporter) {
    this.day = day;
    this.path = join(directory, dayFileName(day));
    this.#directory = directory;
    this.#reporter = reporter;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#fd = openSync(this.path, 'a', 0o600);
    try {
      const stats = fstatSync(this.#fd);
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
    return new Log4jsAppender({ filename: join(this.#directory, `${NAME}.log`), day: this.day });
  }

  /** Whether the path still leads to this file: it was not removed, moved or replaced. */
  isInPlace(): boolean {
    try {
      const stats = statSync(this.path, { throwIfNoEntry: false });
      return stats !== undefined && stats.ino === this.#inode && stats.dev === this.#device;
    } catch (error) {
      // The directory may no longer be searched: only this descriptor can still write.
      return (error as NodeJS.ErrnoException).code !== 'ENOTDIR';
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
    const fd = openSync(path, 'r');
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
