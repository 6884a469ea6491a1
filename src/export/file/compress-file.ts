import { createHash } from 'node:crypto';
import { closeSync, constants, createReadStream, createWriteStream, lstatSync, renameSync, unlinkSync } from 'node:fs';
import type { ReadStream, Stats } from 'node:fs';
import { lstat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import { tryLock } from '../erasure/directory-lock.ts';
import { makePlainFile, openPlainFile } from '../plain-file.ts';

export interface Compression {
  readonly path: string;
  /** The file that gets the compressed content first: a name that nobody else uses. */
  readonly temporary: string;
  readonly mode: number;
  readonly signal: AbortSignal;
  /** The file's stats when it was found to be quiet. */
  readonly quiet?: Stats;
}

/**
 * Replaces `path` by `path`.gz, which it writes under the temporary name, reads back, compares and renames. It removes
 * the original only then, and only if neither file was written to or replaced meanwhile and no session is being erased.
 *
 * @returns Whether the file was replaced.
 */
export async function compressFile({ path, temporary, mode, signal, quiet }: Compression): Promise<boolean> {
  const target = `${path}.gz`;
  const before = quiet ?? (await lstat(path));
  const targetBefore = statsOf(target);
  const hasTarget = targetBefore !== undefined;
  if (hasTarget && (await isSameContent(path, target, signal))) {
    // An earlier process was killed between the rename and the removal.
    await unlink(path);
    return false;
  }
  // Created before the `try`, so that a file that another process created is not removed.
  closeSync(makePlainFile(temporary, mode).fd);
  try {
    await gzipTo(path, hasTarget ? [target] : [], temporary, mode, signal);
    const expected = before.size + (hasTarget ? await unpackedBytes(target, signal) : 0);
    if ((await unpackedBytes(temporary, signal)) !== expected) return false;
    const unlock = tryLock(dirname(path));
    if (unlock === undefined) return false;
    try {
      if (!isSame(before, statsOf(path)) || !isSame(targetBefore, statsOf(target))) return false;
      renameSync(temporary, target);
      unlinkSync(path);
      return true;
    } finally {
      unlock();
    }
  } finally {
    // The file still exists unless it was renamed.
    await unlink(temporary).catch(ignoreMissing);
  }
}

/** Writes the existing gzip members, then the file as one more: a file may be written again after it was compressed. */
async function gzipTo(
  path: string,
  members: readonly string[],
  temporary: string,
  mode: number,
  signal: AbortSignal,
): Promise<void> {
  // An erasure removes such files; then the mode is that of a new one.
  const append = { flags: 'a', mode, signal };
  for (const member of members) {
    await pipeline(readFrom(member), createWriteStream(temporary, append), { signal });
  }
  await pipeline(readFrom(path), createGzip(), createWriteStream(temporary, append), { signal });
}

async function isSameContent(path: string, compressedPath: string, signal: AbortSignal): Promise<boolean> {
  const [plain, unpacked] = [createHash('sha256'), createHash('sha256')];
  await pipeline(readFrom(path), plain, { signal });
  await pipeline(readFrom(compressedPath), createGunzip(), unpacked, { signal });
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
  await pipeline(readFrom(path), createGunzip(), count, { signal });
  return bytes;
}

function readFrom(path: string): ReadStream {
  return createReadStream(path, { fd: openPlainFile(path, constants.O_RDONLY).fd });
}

/** `undefined` if there is no such file. */
function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isSame(before: Stats | undefined, after: Stats | undefined): boolean {
  return before?.ino === after?.ino && before?.size === after?.size && before?.mtimeMs === after?.mtimeMs;
}

/** Whether the file is gone, because another process was faster. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
