/** V8 copies a shorter part of a text, and makes no reference to the whole of it. */
const SHORTEST_SLICE = 13;

/** What is stored here is done: a compiler may not leave it out. */
const flattened = new Uint16Array(1);

/** Whether the text may be a part of a longer one, or be made of parts. */
export function mayBePart(text: string): boolean {
  return text.length >= SHORTEST_SLICE;
}

/**
 * The same text as a string that holds only itself: for whatever is kept beyond the call that brought it.
 *
 * A part of a text (`slice`, `split`, a match, what a parser cuts out of a chunk) refers to the whole of it in V8: 40
 * characters out of a network chunk keep its 64 KiB alive, and a text put together with `+` keeps its parts. Nothing in
 * JavaScript tells such a string from another, so each of 13 characters or more is copied: in 80 to 100 ns up to 300
 * characters, then about 0.1 ns for each, on Node 20 to 24. A shorter one is returned as it is.
 *
 * The copy has the width of the original, one or two bytes for each UTF-16 unit, and every unit, lone surrogates included.
 *
 * @example
 * this.#sessions.set(ownText(sessionId), session);
 */
export function ownText(text: string): string {
  return mayBePart(text) ? ownJoin(text.slice(0, 1), text.slice(1)) : text;
}

/** Two texts as one that holds only itself; neither is empty. */
export function ownJoin(head: string, tail: string): string {
  // What `+` makes is a pair of references. Looked into, it becomes one flat text in place of the pair, at less than half
  // of what a way through a Buffer costs, and no encoding takes part.
  const own = head + tail;
  flattened[0] = own.charCodeAt(0);
  return own;
}

/** A longer text is no name that comes again. */
export const LONGEST_SHARED = 256;
const MAX_SHARED = 1_000;

/**
 * Own copies of names that come again and again (of answers, traces, spans, events): one of each for all that keep it,
 * which is found faster than another is made. Bounded to 1,000; then it begins anew.
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
