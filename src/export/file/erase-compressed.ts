import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
} from 'node:fs';
import { unlink } from 'node:fs/promises';
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import { giveTo, makePlainFile, openPlainFile } from '../plain-file.ts';
import { isMissing } from './compress-file.ts';
import type { LineMatcher } from './line-matcher.ts';
import { restOf } from './written-line.ts';

const LINE_FEED = 10;
const LONG_LINE_BYTES = 1024 * 1024;

/**
 * Erases lines in a gzip file of a past day: rewrites it under the temporary name and then replaces it. If the process
 * is killed, the old file stays. Erased lines look the same as in an uncompressed file, because both are compared if a
 * process was killed while it compressed one.
 *
 * Call it only while holding the lock of the directory.
 *
 * @returns The number of lines. Rejects with the error of the file system, or of a file that is damaged.
 */
export async function eraseCompressed(path: string, temporary: string, matcher: LineMatcher): Promise<number> {
  for (;;) {
    const before = lstatSync(path);
    if ((await linesIn(path, matcher)) === 0) return 0;
    const { fd } = makePlainFile(temporary, before.mode & 0o777);
    giveTo(before, fd);
    closeSync(fd);
    try {
      const lines = new ErasedLines(matcher);
      await pipeline(readFrom(path), createGunzip(), lines, createGzip(), createWriteStream(temporary, { flags: 'a' }));
      syncFile(temporary);
      const after = lstatSync(path);
      // A process that does not use the lock has replaced it.
      if (after.ino !== before.ino || after.size !== before.size || after.mtimeMs !== before.mtimeMs) continue;
      renameSync(temporary, path);
      return lines.erased;
    } finally {
      await unlink(temporary).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  }
}

async function linesIn(path: string, matcher: LineMatcher): Promise<number> {
  const lines = new ErasedLines(matcher);
  lines.resume();
  await pipeline(readFrom(path), createGunzip(), lines);
  return lines.erased;
}

function readFrom(path: string): ReturnType<typeof createReadStream> {
  return createReadStream(path, { fd: openPlainFile(path, constants.O_RDONLY).fd });
}

function syncFile(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Passes on all lines, but without the text of those to be erased. */
class ErasedLines extends Transform {
  readonly #matcher: LineMatcher;
  #carried: Buffer[] = [];
  #carriedBytes = 0;
  /** Whether it is within a line of another session. */
  #isPassing = false;
  erased = 0;

  constructor(matcher: LineMatcher) {
    super();
    this.#matcher = matcher;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const passed = this.#isPassing ? chunk.indexOf(LINE_FEED) + 1 || chunk.length : 0;
    if (passed > 0) this.push(chunk.subarray(0, passed));
    if (chunk[passed - 1] === LINE_FEED) this.#isPassing = false;
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > passed) {
      this.#pass(Buffer.concat([...this.#carried, chunk.subarray(passed, end)]));
      this.#carried = [];
      this.#carriedBytes = 0;
    }
    this.#carry(chunk.subarray(Math.max(passed, end)));
    done();
  }

  #carry(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#carried.push(bytes);
    this.#carriedBytes += bytes.length;
    // Checked once: when the line becomes long.
    const isLong = this.#carriedBytes >= LONG_LINE_BYTES && this.#carriedBytes - bytes.length < LONG_LINE_BYTES;
    if (!isLong || !this.#matcher.isToldByHead) return;
    const head = Buffer.concat(this.#carried);
    if (this.#matcher.find(head).length > 0) return;
    // The line is of another session and need not be held back.
    this.#isPassing = true;
    this.#carried = [];
    this.#carriedBytes = 0;
    this.push(head);
  }

  override _flush(done: TransformCallback): void {
    this.#pass(Buffer.concat(this.#carried));
    done();
  }

  /** Passes on whole lines, in a copy of their bytes. */
  #pass(bytes: Buffer): void {
    for (const { start, end, kind } of this.#matcher.find(bytes)) {
      this.erased += 1;
      bytes.write(kind.marked, start + kind.markAt);
      restOf(kind, end - start).copy(bytes, start + kind.markAt + 1);
    }
    if (bytes.length > 0) this.push(bytes);
  }
}
