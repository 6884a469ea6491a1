import type { PatternPrefix } from './pattern-prefix.ts';

/** What is done about an unfinished match that is longer than what may be held back. */
export type WhenTooLong = 'redact' | 'release';

/** A pattern that was checked and analysed. */
export interface CompiledPattern {
  /** With the flag `g`. */
  readonly pattern: RegExp;
  /** Of the start of a match that the end of the text cuts off; with the flag `g`. */
  readonly prefix: RegExp;
  readonly lookBehind: PatternPrefix['lookBehind'];
  /** The text in the place of a match. */
  readonly replace: (match: RegExpExecArray) => string;
  readonly whenTooLong: WhenTooLong;
}

/** How often something else was done than replacing a match. */
export interface TooLongCounts {
  redacted: number;
  released: number;
}

/** Of a match that is swallowed so much stands for all of it: a repetition goes on after its last rounds as after all. */
const SWALLOWED_CHARS = 256;

/**
 * Replaces what one pattern matches in a text that comes in pieces: what it gives, joined, is the replacement in the joined
 * text.
 *
 * It holds back what could still become a match, and nothing else.
 */
export class PatternStage {
  readonly #compiled: CompiledPattern;
  readonly #maxHeldChars: number;
  readonly #counts: TooLongCounts;
  /** What was given out and may still decide about a match behind it, and what is held back. */
  #text = '';
  /** Where that which is held back begins. */
  #from = 0;
  /** The first half of a surrogate pair: what it matches is known with the second one. */
  #half = '';
  /** What stands for a match that was too long and was replaced before it was over. */
  #swallowed: string | undefined = undefined;

  constructor(compiled: CompiledPattern, maxHeldChars: number, counts: TooLongCounts) {
    this.#compiled = compiled;
    this.#maxHeldChars = maxHeldChars;
    this.#counts = counts;
  }

  /** UTF-16 units held back. */
  get held(): number {
    return this.#text.length - this.#from + this.#half.length;
  }

  /** @returns What is decided of the text so far and was not given out before. */
  push(piece: string): string {
    const rest = this.#swallow(this.#wholeCharacters(piece), false);
    if (rest === '') return '';
    this.#text += rest;
    const out = this.#replaceDecided(this.#underWay());
    return this.#text.length - this.#from > this.#maxHeldChars ? out + this.#giveUp() : out;
  }

  /** The text ends here: what was held back is decided. The next piece begins another text. */
  end(): string {
    this.#text += this.#swallow(this.#half, true);
    this.#half = '';
    const out = this.#replaceDecided(this.#text.length);
    this.#text = '';
    this.#from = 0;
    this.#swallowed = undefined;
    return out;
  }

  #wholeCharacters(piece: string): string {
    const text = this.#half + piece;
    const last = text.charCodeAt(text.length - 1);
    this.#half = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : '';
    return this.#half === '' ? text : text.slice(0, -1);
  }

  /** Where a match may be under way, from `at` on; the length of the text when none is. */
  #underWay(at = this.#from): number {
    const { prefix } = this.#compiled;
    prefix.lastIndex = at;
    return prefix.exec(this.#text)?.index ?? this.#text.length;
  }

  /** Gives out the text before `end`, and what matches that begin there leave; `end` is where a match may be under way. */
  #replaceDecided(end: number): string {
    const { pattern, replace } = this.#compiled;
    const isOver = end === this.#text.length;
    let out = '';
    let underWay = end;
    for (;;) {
      pattern.lastIndex = this.#from;
      const match = this.#from < this.#text.length ? pattern.exec(this.#text) : null;
      if (match === null || match.index >= underWay) break;
      out += this.#text.slice(this.#from, match.index) + replace(match);
      this.#from = match.index + match[0].length;
      // What may have been under way was a part of this match.
      if (!isOver && this.#from > underWay) underWay = this.#underWay();
    }
    out += this.#text.slice(this.#from, underWay);
    this.#from = underWay;
    this.#forget();
    return out;
  }

  /** Keeps what look-behind may see. */
  #forget(): void {
    const first = Math.max(0, this.#from - this.#compiled.lookBehind);
    if (first === 0) return;
    this.#text = this.#text.slice(first);
    this.#from -= first;
  }

  /** A match under way is longer than what may be held back. */
  #giveUp(): string {
    const held = this.#text.slice(this.#from);
    this.#from = this.#text.length;
    this.#forget();
    if (this.#compiled.whenTooLong === 'release') {
      this.#counts.released += 1;
      return held;
    }
    this.#counts.redacted += 1;
    this.#swallowed = shortened(held);
    const { replace } = this.#compiled;
    return replace(Object.assign([held], { index: 0, input: held }) as unknown as RegExpExecArray);
  }

  /** Takes what belongs to a match that was replaced before it was over. @returns What comes after it. */
  #swallow(piece: string, isOver: boolean): string {
    const begun = this.#swallowed;
    if (begun === undefined) return piece;
    const { pattern, prefix } = this.#compiled;
    const text = begun + piece;
    prefix.lastIndex = 0;
    if (!isOver && prefix.exec(text)?.index === 0) {
      this.#swallowed = shortened(text);
      return '';
    }
    this.#swallowed = undefined;
    pattern.lastIndex = 0;
    const match = pattern.exec(text);
    const end = match?.index === 0 ? match[0].length : 0;
    const taken = Math.max(0, end - begun.length);
    // What was swallowed stands before the rest.
    this.#text = (begun + piece.slice(0, taken)).slice(-Math.max(1, this.#compiled.lookBehind));
    this.#from = this.#text.length;
    return piece.slice(taken);
  }
}

function shortened(text: string): string {
  return text.length <= 2 * SWALLOWED_CHARS ? text : text.slice(0, SWALLOWED_CHARS) + text.slice(-SWALLOWED_CHARS);
}
