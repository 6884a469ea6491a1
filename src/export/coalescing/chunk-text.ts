/** How many chunks are joined into one flat string at a time. */
const BLOCK = 64;

/**
 * Text that grows chunk by chunk. The caller passes chunks that are not slices of larger strings.
 *
 * Chunks are joined 64 at a time: a string that grows by `+=` would cost 32 bytes for each chunk.
 */
export class ChunkText {
  #blocks: string[] = [];
  /** Reused for every block: an array that grows anew for each block costs more than the chunks do. */
  readonly #open: string[] = [];
  #openCount = 0;
  #length = 0;

  /** Length in UTF-16 units. */
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

  /** Returns all of the text and empties this. */
  take(): string {
    if (this.#openCount > 0) this.#close();
    const text = this.#blocks.join('');
    this.#blocks = [];
    this.#length = 0;
    return text;
  }
}

/** The index at which to cut the text so that at most `max` units, but at least one code point, precede it. */
export function codePointCut(text: string, max: number): number {
  if (max >= text.length || !isPairAt(text, max - 1)) return Math.min(max, text.length);
  return max > 1 ? max - 1 : max + 1;
}

/** Whether the text ends with the first half of a surrogate pair; the next chunk may begin with the second half. */
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
