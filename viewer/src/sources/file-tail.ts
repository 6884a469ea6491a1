import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { createReadStream } from 'node:fs';

import { LineSplitter } from './line-splitter.ts';

const READ_BYTES = 256 * 1024;

/** Takes lines. `isPast`: they stood there when the file was first seen. */
export type TakeLines = (lines: readonly string[], isPast: boolean) => void;

/** Reads the lines of a file, and those that are appended later. A file that becomes shorter, or another one, is read anew. */
export class FileTail {
  readonly path: string;
  readonly #take: TakeLines;
  readonly #lines = new LineSplitter();
  readonly #isPacked: boolean;
  #offset = 0;
  #inode = 0;
  #isPast = true;

  constructor(path: string, take: TakeLines) {
    this.path = path;
    this.#take = take;
    this.#isPacked = path.endsWith('.gz');
  }

  /** Reads what is new. A packed file is read once. Rejects with the error of the file system. */
  async read(signal: AbortSignal): Promise<void> {
    const stats = await stat(this.path);
    if (!stats.isFile()) return;
    if (this.#inode !== stats.ino || stats.size < this.#offset) {
      this.#inode = stats.ino;
      this.#offset = 0;
      this.#lines.reset();
    }
    if (this.#isPacked) {
      if (this.#offset === 0) await this.#readPacked(signal);
      this.#offset = stats.size;
    } else if (stats.size > this.#offset) await this.#readPlain(signal);
    this.#isPast = false;
  }

  async #readPlain(signal: AbortSignal): Promise<void> {
    const file = await open(this.path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      while (!signal.aborted) {
        const bytesRead = await readAt(file, buffer, this.#offset);
        if (bytesRead === 0) break;
        this.#offset += bytesRead;
        this.#take(this.#lines.take(buffer.subarray(0, bytesRead)), this.#isPast);
      }
    } finally {
      await file.close();
    }
  }

  async #readPacked(signal: AbortSignal): Promise<void> {
    const unpacked = createReadStream(this.path, { signal }).pipe(createGunzip());
    for await (const chunk of unpacked) this.#take(this.#lines.take(chunk as Buffer), true);
    const last = this.#lines.end();
    if (last !== undefined) this.#take([last], true);
  }
}

async function readAt(file: FileHandle, buffer: Buffer, position: number): Promise<number> {
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
  return bytesRead;
}
