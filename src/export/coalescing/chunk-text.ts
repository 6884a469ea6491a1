/** Chunks that are joined into one flat string at a time. */
const BLOCK = 64;

/**
 * Text that grows chunk by chunk; the caller sees to it that a chunk that stays holds only itself.
 *
 * Chunks are joined 64 at a time: a string grown by `+=` would cost 32 bytes a chunk for the rope.
 */
export class ChunkText {
  #blocks: string[] = [];
  /** Filled up and used again: an array that grows anew for each block costs more than the chunks do. */
  readonly #open: string[] = [];
  #openCount = 0;
  #length = 0;

  /** In UTF-16 units. */
  get length(): number {
    return this.#length;
  }

  add(chunk: string): void {
    if (chunk === '') return;
    this.#length += chunk.length;
    this.#open[this.#openCount] = chunk;
    this.#openCount += 1;
    if (this.#openCount === BLOCK) this.#close();
  }

  #close(): void {
    this.#blocks.push(this.#open.join(''));
    this.#open.fill('');
    this.#openCount = 0;
  }

  /** All of the text; nothing is left. */
  take(): string {
    if (this.#openCount > 0) this.#close();
    const text = this.#blocks.join('');
    this.#blocks = [];
    this.#length = 0;
    return text;
  }
}

/** Where to cut the text so that at most `max` units, but at least one code point, stand before the cut. */
export function codePointCut(text: string, max: number): number {
  if (max >= text.length || !isPairAt(text, max - 1)) return Math.min(max, text.length);
  return max > 1 ? max - 1 : max + 1;
}

/** Whether the text ends with the first half of a surrogate pair, whose second half may come with the next chunk. */
export function endsInHalf(text: string): boolean {
  return text !== '' && isHighSurrogate(text.charCodeAt(text.length - 1));
}

function isPairAt(text: string, index: number): boolean {
  const next = text.charCodeAt(index + 1);
  return isHighSurrogate(text.charCodeAt(index)) && next >= 0xdc00 && next <= 0xdfff;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
