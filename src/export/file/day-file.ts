import { closeSync, fdatasyncSync, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { EOL } from 'node:os';
import { join } from 'node:path';

import type { Reporter } from '../../support/reporter.ts';
import { Log4jsEvent } from './log4js-event.ts';

const LINE_FEED = 10;
const NAME = 'session-logs';

/** `session-logs.2026-11-23.log`, as log4js names it. */
export function dayFileName(day: string): string {
  return `${NAME}.${day}.log`;
}

/** What a write left over. */
export interface WriteFailure {
  /** All bytes of the write. */
  readonly bytes: Buffer;
  /** How many of them are in the file. */
  readonly written: number;
  readonly error: unknown;
}

/**
 * The open file of one day: whole lines in, written before the call returns.
 *
 * The descriptor is our own and appends: other processes may write the same file. A new file gets mode 0600 and a new
 * directory 0700; what exists keeps its mode.
 */
export class DayFile {
  readonly day: string;
  readonly path: string;
  readonly #directory: string;
  readonly #reporter: Reporter;
  readonly #fd: number;
  readonly #device: number;
  readonly #inode: number;
  #event: Log4jsEvent | undefined;
  /** The file ends within a line, ours or that of a process that was killed: the next line must not be glued to it. */
  #endsWithinLine: boolean;
  /** The size after a line of ours was cut. */
  #cutSize = -1;

  /** @throws when the directory cannot be made or the file not be opened for writing. */
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
      this.#event = this.#openEvent();
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  #openEvent(): Log4jsEvent {
    return new Log4jsEvent({ filename: join(this.#directory, `${NAME}.log`), day: this.day });
  }

  /** Whether the path still leads to this file: not removed, moved or replaced. */
  isInPlace(): boolean {
    try {
      const stats = statSync(this.path, { throwIfNoEntry: false });
      return stats !== undefined && stats.ino === this.#inode && stats.dev === this.#device;
    } catch (error) {
      // A directory that may no longer be searched: the descriptor still writes, and nothing else would.
      return (error as NodeJS.ErrnoException).code !== 'ENOTDIR';
    }
  }

  /** Writes lines as one log4js event. `text` has no line end at its end. */
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
      this.#event ??= this.#openEvent();
      if (this.#event.send(text, take)) return true;
      this.#reporter.limited('log4js', 'the log4js appender did not pass its lines on; they are written without it');
    } catch (error) {
      this.#reporter.limited('log4js', 'the log4js appender failed; its lines are written without it', error);
    }
    void this.#closeEvent();
    return false;
  }

  /** Whether a line that was cut here can go on where it stopped: nobody wrote after it. */
  canContinueLine(): boolean {
    try {
      return this.#cutSize >= 0 && fstatSync(this.#fd).size === this.#cutSize;
    } catch {
      // Then the line is written again from its start.
      return false;
    }
  }

  /** Writes bytes; `continuesLine` when they are the rest of a line that was cut here. */
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
      if (written > 0) this.#markCut(bytes[written - 1] !== LINE_FEED);
      return { bytes, written, error };
    }
  }

  #markCut(isWithinLine: boolean): void {
    this.#endsWithinLine = isWithinLine;
    this.#cutSize = -1;
    try {
      if (isWithinLine) this.#cutSize = fstatSync(this.#fd).size;
    } catch {
      // Unknown: the line is written again from its start.
    }
  }

  /** Waits until what was written is on the disk. @throws when the disk refuses. */
  sync(): void {
    fdatasyncSync(this.#fd);
  }

  /** The descriptor is closed at once; resolves when log4js' is too. */
  close(): Promise<void> {
    const closed = this.#closeEvent();
    try {
      closeSync(this.#fd);
    } catch (error) {
      this.#reporter.limited('close', `closing ${this.path} failed`, error);
    }
    return closed;
  }

  async #closeEvent(): Promise<void> {
    const event = this.#event;
    this.#event = undefined;
    try {
      await event?.close();
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
    // A file that we may write and not read: taken to end as it should.
    return LINE_FEED;
  }
}
