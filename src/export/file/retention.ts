import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import type { Reporter } from '../../support/reporter.ts';
import { daysBefore } from './local-day.ts';
import { startTimer } from '../../support/timers.ts';

/** The names of our files: the day, and `.gz` for a compressed file. No other file in the directory is touched. */
const OWN_FILE = /^session-logs\.(\d{4}-\d\d-\d\d)\.log(\.gz)?$/;
const TEMPORARY_FILE = /^\.session-logs\.\d{4}-\d\d-\d\d\.log\.gz\.\d+\.tmp$/;
/** A temporary file of this age was left by a process that was killed. */
const ABANDONED_MILLIS = 3_600_000;
/** Another process may roll a moment later, so a file is compressed only after this time without a write. */
const QUIET_MILLIS = 2_000;

export interface RetentionSettings {
  readonly directory: string;
  readonly retentionDays: number;
  readonly compress: boolean;
  readonly reporter: Reporter;
}

/**
 * Removes the files whose day is more than `retentionDays` days ago, so that every line is kept at least that long, and
 * optionally compresses those of past days. Writing never waits for it. A failure is reported, and the file is left for
 * the next sweep.
 */
export class Retention {
  readonly #settings: RetentionSettings;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #later: NodeJS.Timeout | undefined;

  constructor(settings: RetentionSettings) {
    this.#settings = settings;
  }

  /** Starts a sweep for the day `today`, after the running one. */
  sweep(today: string): void {
    clearTimeout(this.#later);
    this.#running = this.#running.then(() => this.#sweep(today));
  }

  /** Stops a running sweep. A file that is being compressed stays as it was. */
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
      reporter.limited('sweep', `the old files in ${directory} could not be listed`, error);
    }
  }

  async #visit(name: string, today: string): Promise<void> {
    const path = join(this.#settings.directory, name);
    const own = OWN_FILE.exec(name);
    try {
      if (own !== null) await this.#visitOwn(path, own[1] ?? '', own[2] === '.gz', today);
      else if (TEMPORARY_FILE.test(name)) await removeAbandoned(path);
    } catch (error) {
      // Another process was faster, or the shutdown stopped the sweep.
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
    // A directory or link of that name does not belong to us.
    if (!stats.isFile()) return;
    if (isTooOld) return await unlink(path);
    const quietMillis = Date.now() - stats.mtimeMs;
    if (quietMillis >= 0 && quietMillis < QUIET_MILLIS) this.#sweepLater(today, QUIET_MILLIS - quietMillis);
    else await compressFile(path, this.#stop.signal);
  }

  #sweepLater(today: string, millis: number): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#later);
    this.#later = startTimer(() => this.sweep(today), millis + 1);
    this.#later.unref();
  }
}

let temporaryFiles = 0;

/**
 * Replaces `path` by `path`.gz, which is written under a temporary name, read back, compared and renamed. The original is
 * removed only then, and only if it was not written to or replaced meanwhile.
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
      // An earlier process was killed between the rename and the removal.
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
    // The file still exists unless it was renamed.
    await unlink(temporary).catch(ignoreMissing);
  }
}

/** Writes the existing gzip members, then the file as one more: it was compressed before, and then written again. */
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

/** The uncompressed size of a gzip file. Gunzip checks the checksum of every member. */
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
