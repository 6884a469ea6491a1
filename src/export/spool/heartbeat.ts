import { closeSync, constants, writeSync } from 'node:fs';
import { join } from 'node:path';

import { startInterval } from '../../support/timers.ts';
import { openPlainFile, readPlainFile } from '../plain-file.ts';
import type { OwnerHost } from '../owner-host.ts';

/** Name of the file in an owner's directory that says where the owner runs, and changes while it lives. */
export const HEARTBEAT_NAME = 'h';

const INTERVAL_MILLIS = 10_000;
const GIVEN_UP = 'given up';
/** Each beat overwrites the one before in its place, so it needs no room on a full disk. */
const BEAT_DIGITS = 10;

/**
 * The sign of life that other hosts see: a file of one line that says where the owner runs and counts its beats.
 *
 * It is best effort. Where the disk cannot be written the next beat tries again, without a word: failing writes are told
 * by the spool, and an owner that was taken for dead makes its directory again.
 */
export class Heartbeat {
  readonly #host: OwnerHost;
  #beats = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: OwnerHost) {
    this.#host = host;
  }

  /** Writes the next beat into the directory. */
  beat(directory: string): void {
    this.#beats += 1;
    this.#write(directory, String(this.#beats), constants.O_CREAT);
  }

  /** From here on it beats by itself, until it is stopped. */
  start(directory: string): void {
    this.#timer = startInterval(() => this.beat(directory), INTERVAL_MILLIS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Says that nobody needs to wait for another beat. */
  giveUp(directory: string): void {
    this.#write(directory, GIVEN_UP, 0);
  }

  #write(directory: string, beat: string, flags: number): void {
    const { name, boot, key } = this.#host;
    const line = `${JSON.stringify({ host: name, boot, key, beat: beat.padStart(BEAT_DIGITS) })}\n`;
    try {
      // Opened each time: over a network a write is seen by other hosts once the file is closed.
      const { fd } = openPlainFile(join(directory, HEARTBEAT_NAME), constants.O_WRONLY | flags);
      try {
        writeSync(fd, line, 0);
      } finally {
        closeSync(fd);
      }
    } catch {
      // A full or read-only disk, or the directory is gone.
    }
  }
}

/** What is found in place of an owner's heartbeat. */
export interface Beat {
  /** Another one after each beat. */
  readonly value: string;
  /** `undefined`: it does not say. Versions up to 0.1.0 wrote none, and a power cut may leave an empty file. */
  readonly host: OwnerHost | undefined;
  readonly isGivenUp: boolean;
}

/** Reads the last beat of an owner. Throws the error of the file system, unless there is no such file. */
export function readBeat(directory: string): Beat {
  const value = readValue(join(directory, HEARTBEAT_NAME));
  try {
    const { host: name, boot, key, beat } = JSON.parse(value) as Record<string, unknown>;
    if (typeof name === 'string' && typeof boot === 'string' && typeof key === 'string') {
      return { value, host: { name, boot, key }, isGivenUp: String(beat).trim() === GIVEN_UP };
    }
  } catch {
    // It is empty or damaged, or a newer version wrote it: what counts is whether it changes.
  }
  return { value, host: undefined, isGivenUp: false };
}

function readValue(path: string): string {
  try {
    return readPlainFile(path).toString();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Without a code it is a link or a pipe, which is as good as no file.
    if (code === undefined || code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw error;
  }
}
