const LINE_FEED = 10;
const SHARED_CHUNK_BYTES = 64 * 1024;
/** A batch of this size gets its own chunk instead of being copied. */
const OWN_CHUNK_BYTES = 16 * 1024;

interface Chunk {
  buffer: Buffer;
  used: number;
}

/** Finds lines, in order. */
export interface LineFinder {
  find(bytes: Buffer): readonly { readonly start: number; readonly end: number }[];
}

/** Copies the bytes into a buffer of this length that is not a slice of another one. */
function ownBytes(bytes: Buffer, length: number): Buffer {
  const own = Buffer.allocUnsafeSlow(length);
  bytes.copy(own);
  return own;
}

/** The number of line ends in the bytes. */
export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) lines += 1;
  return lines;
}

/**
 * Whole lines that wait, in order and up to a limit of bytes, until the file can be written again. At the limit, new
 * lines are refused, and the caller gets their number.
 *
 * A line counts as written when its last byte is written. A line that an error cut can be continued, or begun again in
 * another file.
 */
export class PendingBytes {
  readonly #maxBytes: number;
  readonly #chunks: Chunk[] = [];
  /** Number of bytes of the first chunk that are written. */
  #offset = 0;
  #bytes = 0;
  #lines = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get lines(): number {
    return this.#lines;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /**
   * Keeps the whole lines that fit and returns the number of those that do not. The first `written` bytes are already
   * in the file, which is only possible if nothing waits yet.
   */
  add(lines: Buffer, written = 0): number {
    const cut = written > 0 ? lines.lastIndexOf(LINE_FEED, written - 1) + 1 : 0;
    const unfinished = cut === 0 ? lines : lines.subarray(cut);
    const kept = this.#fitting(unfinished);
    const count = countLines(kept);
    if (kept.length > 0) {
      this.#store(kept);
      this.#offset += written - cut;
      this.#bytes += kept.length - (written - cut);
      this.#lines += count;
    }
    return kept.length === unfinished.length ? 0 : countLines(unfinished) - count;
  }

  #fitting(lines: Buffer): Buffer {
    // The first part of a cut line is kept until the line is complete, because it may have to be written again.
    const room = this.#maxBytes - this.#bytes - (this.#offset - this.#lineStart());
    if (lines.length <= room) return lines;
    return room <= 0 ? lines.subarray(0, 0) : lines.subarray(0, lines.lastIndexOf(LINE_FEED, room - 1) + 1);
  }

  #store(lines: Buffer): void {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.buffer.length - last.used >= lines.length) {
      lines.copy(last.buffer, last.used);
      last.used += lines.length;
      return;
    }
    // Nothing more is added to this chunk, so give its free space back.
    if (last !== undefined && 2 * last.used < last.buffer.length) last.buffer = ownBytes(last.buffer, last.used);
    const isOwn = lines.length >= OWN_CHUNK_BYTES && 2 * lines.length >= lines.buffer.byteLength;
    const buffer = isOwn ? lines : ownBytes(lines, Math.max(lines.length, SHARED_CHUNK_BYTES));
    this.#chunks.push({ buffer, used: lines.length });
  }

  /** Returns the next bytes to write; empty if no line waits. */
  first(): Buffer {
    const chunk = this.#chunks[0];
    return chunk === undefined ? Buffer.alloc(0) : chunk.buffer.subarray(this.#offset, chunk.used);
  }

  /** Notes that the first `count` bytes of {@link first} were written. Returns how many lines that completed. */
  advance(count: number): number {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return 0;
    const lines = countLines(chunk.buffer.subarray(this.#offset, this.#offset + count));
    this.#offset += count;
    this.#bytes -= count;
    this.#lines -= lines;
    if (this.#offset === chunk.used) {
      this.#chunks.shift();
      this.#offset = 0;
    }
    return lines;
  }

  /** Whether the next bytes are the rest of a line. */
  get isWithinLine(): boolean {
    return this.#offset > 0 && this.#chunks[0]?.buffer[this.#offset - 1] !== LINE_FEED;
  }

  /** Goes back to the start of a line that was cut. */
  rewind(): void {
    const start = this.#lineStart();
    this.#bytes += this.#offset - start;
    this.#offset = start;
  }

  #lineStart(): number {
    const chunk = this.#chunks[0];
    return chunk === undefined || this.#offset === 0 ? 0 : chunk.buffer.lastIndexOf(LINE_FEED, this.#offset - 1) + 1;
  }

  /** Removes lines and returns their number. Of a cut line the rest is removed. */
  remove(finder: LineFinder): number {
    const lineStart = this.#lineStart();
    const chunks = this.#chunks.splice(0);
    const written = this.#offset;
    this.#offset = 0;
    let removed = 0;
    for (const [index, chunk] of chunks.entries()) {
      const from = index === 0 ? lineStart : 0;
      const bytes = chunk.buffer.subarray(from, chunk.used);
      const found = finder.find(bytes);
      removed += found.length;
      const kept = found.length === 0 ? bytes : without(bytes, found);
      if (kept.length === 0) continue;
      const isCutGone = found[0]?.start === 0;
      if (index === 0) this.#offset = isCutGone ? 0 : written - from;
      this.#chunks.push({ buffer: ownBytes(kept, kept.length), used: kept.length });
    }
    this.#lines -= removed;
    this.#bytes = this.#chunks.reduce((sum, { used }) => sum + used, 0) - this.#offset;
    return removed;
  }

  /** Drops all lines and returns their number. */
  clear(): number {
    const lines = this.#lines;
    this.#chunks.length = 0;
    this.#offset = 0;
    this.#bytes = 0;
    this.#lines = 0;
    return lines;
  }
}

function without(bytes: Buffer, lines: ReturnType<LineFinder['find']>): Buffer {
  const kept: Buffer[] = [];
  let from = 0;
  for (const { start, end } of lines) {
    kept.push(bytes.subarray(from, start));
    from = bytes.indexOf(LINE_FEED, end) + 1;
  }
  return Buffer.concat([...kept, bytes.subarray(from)]);
}
