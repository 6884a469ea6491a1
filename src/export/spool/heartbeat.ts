import { closeSync, constants, writeSync } from 'node:fs';
import { join } from 'node:path';

import { startInterval } from '../../support/timers.ts';
import { openPlainFile, readPlainFile } from '../plain-file.ts';
import type { OwnerHost } from '../owner-host.ts';

/** Name of the file in an owner's directory that says where the owner runs, and changes while it lives. */
export const HEARTBEAT_NAME = 'h';

const INTERVAL_MILLIS = 10_000;
const GIVEN_UP = 'given up';
/** Each beat overwrites the previous one in place, so it needs no room on a full disk. */
const BEAT_DIGITS = 10;

/**
 * The sign of life for other hosts: a file of one line that says where the owner runs and counts its beats.
 *
 * It is best effort. If the disk cannot be written to, the next beat silently tries again: the spool reports failing
 * writes, and an owner that was taken for dead makes its directory again.
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

  /** Makes it beat by itself until it is stopped. */
  start(directory: string): void {
    this.#timer = startInterval(() => this.beat(directory), INTERVAL_MILLIS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Tells others not to wait for another beat. */
  giveUp(directory: string): void {
    this.#write(directory, GIVEN_UP, 0);
  }

  #write(directory: string, beat: string, flags: number): void {
    const { name, boot, key } = this.#host;
    const line = `${JSON.stringify({ host: name, boot, key, beat: beat.padStart(BEAT_DIGITS) })}\n`;
    try {
      // Opened each time, because over a network other hosts see a write only once the file is closed.
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

/** A heartbeat, as found on disk. */
export interface Beat {
  /** Changes with each beat. */
  readonly value: string;
  /** `undefined` if it does not say: versions up to 0.1.0 wrote none, and a power cut may leave an empty file. */
  readonly host: OwnerHost | undefined;
  readonly isGivenUp: boolean;
}

/** Reads an owner's last beat. Throws the error of the file system, unless there is no such file. */
export function readBeat(directory: string): Beat {
  const value = readValue(join(directory, HEARTBEAT_NAME));
  try {
    const { host: name, boot, key, beat } = JSON.parse(value) as Record<string, unknown>;
    if (typeof name === 'string' && typeof boot === 'string' && typeof key === 'string') {
      return { value, host: { name, boot, key }, isGivenUp: String(beat).trim() === GIVEN_UP };
    }
  } catch {
    // It is empty or damaged, or a newer version wrote it: only whether it changes counts.
  }
  return { value, host: undefined, isGivenUp: false };
}

function readValue(path: string): string {
  try {
    return readPlainFile(path).toString();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // An error without a code means a link or a pipe, which counts as no file.
    if (code === undefined || code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw error;
  }
}
