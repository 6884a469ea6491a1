/** V8 copies shorter slices of a text instead of referring to the whole. */
const SHORTEST_SLICE = 13;

/** Stores into this array force the work to be done: a compiler cannot leave it out. */
const flattened = new Uint16Array(1);

/** Whether the text may be a slice of a longer one, or made of parts. */
export function mayBePart(text: string): boolean {
  return text.length >= SHORTEST_SLICE;
}

/**
 * Copies a text into a string that keeps no other string alive. Use it for texts that are kept beyond the call.
 *
 * In V8, a part of a text (a `slice`, `split` or match, or what a parser cuts out of a chunk) refers to the whole text:
 * 40 characters of a network chunk keep its 64 KiB alive, and a text built with `+` keeps its parts. JavaScript cannot
 * recognize such a string, so every text of 13 characters or more is copied: in 80 to 100 ns up to 300 characters, then
 * about 0.1 ns for each, on Node 20 to 24. Shorter ones are returned as they are.
 *
 * The copy has the width of the original, one or two bytes for each UTF-16 unit, and every unit, lone surrogates
 * included.
 *
 * @example this.#sessions.set(ownText(sessionId), session);
 */
export function ownText(text: string): string {
  return mayBePart(text) ? ownJoin(text.slice(0, 1), text.slice(1)) : text;
}

/** Joins two texts, neither of them empty, into one that keeps neither alive. */
export function ownJoin(head: string, tail: string): string {
  // `+` makes a pair of references. Reading a character turns the pair into one flat text, at less than half the cost
  // of a Buffer and without any encoding.
  const own = head + tail;
  flattened[0] = own.charCodeAt(0);
  return own;
}

/** A longer text is not a recurring name. */
export const LONGEST_SHARED = 256;
const MAX_SHARED = 1_000;

/**
 * Shared copies of recurring names (of answers, traces, spans, events): looking one up is faster than making another.
 * Limited to 1,000 names; then it starts again.
 */
export class SharedTexts {
  readonly #texts = new Map<string, string>();

  ownOf(text: string | undefined): string | undefined {
    if (text === undefined || !mayBePart(text)) return text;
    if (text.length > LONGEST_SHARED) return ownText(text);
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_SHARED) this.#texts.clear();
    const own = ownText(text);
    this.#texts.set(own, own);
    return own;
  }

  clear(): void {
    this.#texts.clear();
  }
}
