import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { LineSplitter } from './line-splitter.ts';

const READ_BYTES = 256 * 1024;

/** Takes lines. `isPast`: they were there when the file was first read. */
export type TakeLines = (lines: readonly string[], isPast: boolean) => void;

/**
 * Reads the lines of a file, and those that are appended later. A file that shrinks or is replaced is read again from its start.
 */
export class FileTail {
  readonly path: string;
  readonly #take: TakeLines;
  readonly #lines = new LineSplitter();
  readonly #isPacked: boolean;
  #offset = 0;
  #inode = 0;
  #isPast = true;
  /** How many lines of a packed file were taken. */
  #packedLines = 0;
  /** Why a packed file could not be read to its end. */
  #failure: Error | undefined;

  constructor(path: string, take: TakeLines) {
    this.path = path;
    this.#take = take;
    this.#isPacked = path.endsWith('.gz');
  }

  /** Reads what is new. A packed file is read again only when its size has changed. Rejects with the error of the file system. */
  async read(signal: AbortSignal): Promise<void> {
    const stats = await stat(this.path);
    if (!stats.isFile()) return;
    if (this.#inode !== stats.ino || stats.size < this.#offset) {
      this.#inode = stats.ino;
      this.#offset = 0;
      this.#packedLines = 0;
      this.#lines.reset();
    }
    if (this.#isPacked) {
      if (this.#offset !== stats.size) {
        this.#offset = stats.size;
        this.#failure = undefined;
        await this.#readPacked(signal).catch((error: Error) => {
          this.#failure = error;
        });
      }
      if (this.#failure !== undefined) throw this.#failure;
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

  /**
   * Reads a packed file. One that is cut, or still being packed, is read again once it has grown, without the lines that were
   * taken.
   */
  async #readPacked(signal: AbortSignal): Promise<void> {
    this.#lines.reset();
    let known = this.#packedLines;
    const take = (lines: readonly string[]): void => {
      const fresh = lines.slice(known);
      known -= lines.length - fresh.length;
      this.#packedLines += fresh.length;
      this.#take(fresh, true);
    };
    const lines = this.#lines;
    // `pipe` alone would not pass on an error of the file: nobody would notice it, and the unpacking would never end.
    await pipeline(
      createReadStream(this.path),
      createGunzip(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) take(lines.take(chunk));
      },
      { signal },
    );
    const last = lines.end();
    if (last !== undefined) take([last]);
  }
}

async function readAt(file: FileHandle, buffer: Buffer, position: number): Promise<number> {
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
  return bytesRead;
}
