import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { fileId } from './found-files.ts';
import type { SeenFile } from './found-files.ts';
import { LineSplitter } from './line-splitter.ts';

const READ_BYTES = 256 * 1024;
/** So many bytes at the start of a file tell whether it is still the one that was read. */
const HEAD_BYTES = 256;

/** What a tail gives its lines to. */
export interface LineSink {
  /** @param isPast The lines were there when the file was first read. */
  take(lines: readonly string[], isPast: boolean): void;
  /** Whether a line without a line end is a whole record. */
  isWhole(line: string): boolean;
  /** A line is too long, and so left out. */
  leftOut(): void;
}

/** `replaced`: another file has this name now. */
export type TailRead = 'nothing' | 'some' | 'replaced';

/** A line of a daily file up to its time: `erase` writes over what follows, and keeps the length of the line. */
const UP_TO_TIME = /^(?:\{"time":")?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
const LINE_FEED = 10;

/** The bytes, with nothing in them that `erase` may change. Changes them. */
function withoutErasable(head: Buffer): Buffer {
  const kept = UP_TO_TIME.exec(head.toString('latin1'))?.[0].length ?? head.length;
  for (let at = kept; at < head.length; at += 1) if (head[at] !== LINE_FEED) head[at] = 0;
  return head;
}

/** Reads the lines of a file, and those that are appended later. A file that shrinks or is written anew is read from its start. */
export class FileTail {
  #path: string;
  readonly #sink: LineSink;
  readonly #lines: LineSplitter;
  readonly isPacked: boolean;
  #offset = 0;
  #id = '';
  #size = -1;
  #modifiedNanos = 0n;
  #head: Buffer = Buffer.alloc(0);
  #isPast = true;
  #isRestPast = true;
  #isRestKnown = true;
  /** How many lines of a packed file were taken. */
  #packedLines = 0;
  /** Why a packed file could not be read to its end. */
  #failure: Error | undefined;

  /** @param after The file as it was: only what is appended is read. */
  constructor(path: string, sink: LineSink, after?: SeenFile) {
    this.#path = path;
    this.#sink = sink;
    this.#lines = new LineSplitter(() => sink.leftOut());
    this.isPacked = path.endsWith('.gz');
    if (after === undefined) return;
    this.#id = after.id;
    this.#offset = after.size;
    this.#isPast = false;
  }

  /** What tells the file from others, whatever its name; `''` before it was read. */
  get id(): string {
    return this.#id;
  }

  get path(): string {
    return this.#path;
  }

  /** The file has another name now. */
  moveTo(path: string): void {
    this.#path = path;
  }

  /** The file was written anew with the same lines: those that were taken are not taken again. */
  rewrittenAs(id: string): void {
    this.#id = id;
  }

  #forget(): void {
    this.#offset = 0;
    this.#head = Buffer.alloc(0);
    this.#lines.reset();
  }

  /** Reads what is new. A packed file is read again only when it has changed. Rejects with the error of the file system. */
  async read(signal: AbortSignal): Promise<TailRead> {
    const stats = await stat(this.#path, { bigint: true });
    if (!stats.isFile()) return 'nothing';
    const id = fileId(stats);
    if (this.#id !== '' && this.#id !== id) return 'replaced';
    this.#id = id;
    const size = Number(stats.size);
    if (size === this.#size && stats.mtimeNs === this.#modifiedNanos) return this.#readNothing();
    this.#size = size;
    this.#modifiedNanos = stats.mtimeNs;
    this.#isRestKnown = false;
    this.#failure = undefined;
    try {
      await this.#readNew(size, signal);
    } catch (error) {
      // Rights may change without a change of the file.
      if (this.#failure === undefined) this.#size = -1;
      throw error;
    }
    this.#isRestPast = this.#isPast;
    this.#isPast = false;
    return 'some';
  }

  /** The file stays as it is: a last line without a line end may be whole. */
  #readNothing(): TailRead {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isRestKnown) return 'nothing';
    this.#isRestKnown = true;
    const line = this.#lines.rest;
    if (line === '' || !this.#sink.isWhole(line)) return 'nothing';
    this.#lines.dropRest();
    this.#sink.take([line], this.#isRestPast);
    return 'some';
  }

  async #readNew(size: number, signal: AbortSignal): Promise<void> {
    const file = await open(this.#path, 'r');
    try {
      if (!this.isPacked) {
        if (size < this.#offset || !(await this.#beginsAsBefore(file))) this.#forget();
        return await this.#readPlain(file, size, signal);
      }
    } finally {
      await file.close();
    }
    await this.#readPacked(size, signal);
  }

  /** A file that is removed and written anew may be longer, and have the same id. */
  async #beginsAsBefore(file: FileHandle): Promise<boolean> {
    const head = Buffer.alloc(Math.min(HEAD_BYTES, this.#offset));
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const now = withoutErasable(head.subarray(0, bytesRead));
    const isSame = now.subarray(0, this.#head.length).equals(this.#head);
    this.#head = now;
    return isSame;
  }

  /** @param size Of the file when it was looked at: one that grows all the time must leave a turn to others. */
  async #readPlain(file: FileHandle, size: number, signal: AbortSignal): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, size - this.#offset)));
    while (this.#offset < size && !signal.aborted) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - this.#offset), this.#offset);
      if (bytesRead === 0) break;
      const bytes = buffer.subarray(0, bytesRead);
      if (this.#offset === 0) this.#head = withoutErasable(Buffer.from(bytes.subarray(0, HEAD_BYTES)));
      this.#offset += bytesRead;
      this.#sink.take(this.#lines.take(bytes), this.#isPast);
    }
  }

  /**
   * Reads a packed file. One that is cut, or still being packed, is read again once it has grown, without the lines that were
   * taken.
   */
  async #readPacked(size: number, signal: AbortSignal): Promise<void> {
    this.#offset = size;
    this.#lines.reset();
    let known = this.#packedLines;
    const take = (lines: readonly string[]): void => {
      const fresh = lines.slice(known);
      known -= lines.length - fresh.length;
      this.#packedLines += fresh.length;
      this.#sink.take(fresh, true);
    };
    const lines = this.#lines;
    try {
      // `pipe` alone would not pass on an error of the file: nobody would notice it, and the unpacking would never end.
      await pipeline(
        createReadStream(this.#path),
        createGunzip(),
        async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) take(lines.take(chunk));
        },
        { signal },
      );
    } catch (error) {
      this.#failure = error as Error;
      throw error;
    }
    const last = lines.end();
    if (last !== undefined) take([last]);
  }
}
