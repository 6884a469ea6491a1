import { createHash } from 'node:crypto';
import { closeSync, constants, createReadStream, createWriteStream } from 'node:fs';
import type { ReadStream } from 'node:fs';
import { lstat, rename, unlink } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import { makePlainFile, openPlainFile } from '../plain-file.ts';

export interface Compression {
  readonly path: string;
  /** Where the compressed content is written first: a name that nobody else uses. */
  readonly temporary: string;
  readonly mode: number;
  readonly signal: AbortSignal;
}

/**
 * Replaces `path` by `path`.gz, which is written under the temporary name, read back, compared and renamed. The original
 * is removed only then, and only if it was not written to or replaced meanwhile.
 */
export async function compressFile({ path, temporary, mode, signal }: Compression): Promise<void> {
  const target = `${path}.gz`;
  const before = await lstat(path);
  const hasTarget = await exists(target);
  if (hasTarget && (await isSameContent(path, target, signal))) {
    // An earlier process was killed between the rename and the removal.
    await unlink(path);
    return;
  }
  // Made before the `try`: a file that another one has made is not removed.
  closeSync(makePlainFile(temporary, mode).fd);
  try {
    await gzipTo(path, hasTarget ? [target] : [], temporary, signal);
    const expected = before.size + (hasTarget ? await unpackedBytes(target, signal) : 0);
    if ((await unpackedBytes(temporary, signal)) !== expected) return;
    const after = await lstat(path);
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
  const append = { flags: 'a', signal };
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

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    ignoreMissing(error);
    return false;
  }
}

/** Whether another process was faster. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
