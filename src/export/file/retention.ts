import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import type { Reporter } from '../../support/reporter.ts';
import { daysBefore } from './local-day.ts';

/** Our files by name: the day, and `.gz` when it is compressed. Nothing else in the directory is touched. */
const OWN_FILE = /^session-logs\.(\d{4}-\d\d-\d\d)\.log(\.gz)?$/;
const TEMPORARY_FILE = /^\.session-logs\.\d{4}-\d\d-\d\d\.log\.gz\.\d+\.tmp$/;
/** A temporary file this old is that of a process that was killed. */
const ABANDONED_MILLIS = 3_600_000;
/** Another process may be a moment behind with its roll: a file is compressed once nobody wrote for this long. */
const QUIET_MILLIS = 2_000;

export interface RetentionSettings {
  readonly directory: string;
  readonly retentionDays: number;
  readonly compress: boolean;
  readonly reporter: Reporter;
}

/**
 * Removes the files whose day is more than `retentionDays` days ago, so that every line stays at least that long, and
 * compresses those of past days when asked. Beside the writing, never instead of it; what fails is reported and left
 * for the next sweep.
 */
export class Retention {
  readonly #settings: RetentionSettings;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #later: NodeJS.Timeout | undefined;

  constructor(settings: RetentionSettings) {
    this.#settings = settings;
  }

  /** Starts a sweep as of `today`, after the one that runs. */
  sweep(today: string): void {
    clearTimeout(this.#later);
    this.#running = this.#running.then(() => this.#sweep(today));
  }

  /** Stops a sweep that runs; a file that is being compressed stays as it was. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#later);
    await this.#running;
  }

  async #sweep(today: string): Promise<void> {
    const { directory, reporter } = this.#settings;
    try {
      for (const name of await readdir(directory)) {
        if (this.#stop.signal.aborted) return;
        await this.#visit(name, today);
      }
    } catch (error) {
      if (isMissing(error)) return;
      reporter.limited('sweep', `the old files in ${directory} could not be looked through`, error);
    }
  }

  async #visit(name: string, today: string): Promise<void> {
    const path = join(this.#settings.directory, name);
    const own = OWN_FILE.exec(name);
    try {
      if (own !== null) await this.#visitOwn(path, own[1] ?? '', own[2] === '.gz', today);
      else if (TEMPORARY_FILE.test(name)) await removeAbandoned(path);
    } catch (error) {
      // Another process may have been faster, or a shutdown wants us to stop.
      if (isMissing(error) || this.#stop.signal.aborted) return;
      this.#settings.reporter.limited('sweep', `${path} could not be removed or compressed`, error);
    }
  }

  async #visitOwn(path: string, day: string, isCompressed: boolean, today: string): Promise<void> {
    if (day >= today) return;
    const oldestKept = daysBefore(today, this.#settings.retentionDays);
    const isTooOld = oldestKept !== undefined && day < oldestKept;
    if (!isTooOld && (isCompressed || !this.#settings.compress)) return;
    const stats = await lstat(path);
    // Directories and links of that name are not ours.
    if (!stats.isFile()) return;
    if (isTooOld) return await unlink(path);
    const quietMillis = Date.now() - stats.mtimeMs;
    if (quietMillis >= 0 && quietMillis < QUIET_MILLIS) this.#sweepLater(today, QUIET_MILLIS - quietMillis);
    else await compressFile(path, this.#stop.signal);
  }

  #sweepLater(today: string, millis: number): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.sweep(today), millis + 1);
    this.#later.unref();
  }
}

let temporaryFiles = 0;

/**
 * Puts `path`.gz in the place of `path`: written beside it, read back and compared, renamed, and only then is the
 * original removed, provided that nobody wrote to it or replaced it meanwhile.
 */
async function compressFile(path: string, signal: AbortSignal): Promise<void> {
  const target = `${path}.gz`;
  const cut = target.lastIndexOf('/session-logs.') + 1;
  temporaryFiles += 1;
  const temporary = `${target.slice(0, cut)}.${target.slice(cut)}.${process.pid}${temporaryFiles}.tmp`;
  const before = await stat(path);
  try {
    const parts = (await exists(target)) ? [target] : [];
    if (parts.length > 0 && (await isSameContent(path, target, signal))) {
      // A process was killed between the rename and the removal.
      await unlink(path);
      return;
    }
    await gzipTo(path, parts, temporary, signal);
    const expected = before.size + (parts.length === 0 ? 0 : await unpackedBytes(target, signal));
    if ((await unpackedBytes(temporary, signal)) !== expected) return;
    const after = await stat(path);
    if (after.ino !== before.ino || after.size !== before.size || after.mtimeMs !== before.mtimeMs) return;
    await rename(temporary, target);
    await unlink(path);
  } finally {
    // Still there unless it was renamed.
    await unlink(temporary).catch(ignoreMissing);
  }
}

/** Existing members first: a file that was compressed and written again becomes one more gzip member. */
async function gzipTo(path: string, members: readonly string[], temporary: string, signal: AbortSignal): Promise<void> {
  const options = { mode: 0o600, signal };
  let flags = 'wx';
  for (const member of members) {
    await pipeline(createReadStream(member), createWriteStream(temporary, { ...options, flags }), { signal });
    flags = 'a';
  }
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, { ...options, flags }), { signal });
}

async function isSameContent(path: string, compressedPath: string, signal: AbortSignal): Promise<boolean> {
  const [plain, unpacked] = [createHash('sha256'), createHash('sha256')];
  await pipeline(createReadStream(path), plain, { signal });
  await pipeline(createReadStream(compressedPath), createGunzip(), unpacked, { signal });
  return plain.digest('hex') === unpacked.digest('hex');
}

/** The size of what a gzip file holds; gunzip checks every member's checksum. */
async function unpackedBytes(path: string, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  const count = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      bytes += chunk.length;
      callback();
    },
  });
  await pipeline(createReadStream(path), createGunzip(), count, { signal });
  return bytes;
}

async function removeAbandoned(path: string): Promise<void> {
  const stats = await lstat(path);
  if (Date.now() - stats.mtimeMs > ABANDONED_MILLIS) await unlink(path);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    ignoreMissing(error);
    return false;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
