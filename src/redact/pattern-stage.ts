import { ownText } from '../support/own-text.ts';
import { reporterFor } from '../support/reporter.ts';
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

/** Of a match that is swallowed so much is kept: what comes next is a part of it, or not, by what stands before. */
const SWALLOWED_CHARS = 8_192;
/** A repetition goes on after its last rounds as after all. */
const LAST_ROUNDS = 256;

const reporter = reporterFor('redaction');

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
  /** Where a match begins that was too long and was replaced before it was over; all of it stands before `#from`. */
  #swallowed: number | undefined = undefined;

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
    const whole = this.#wholeCharacters(piece);
    if (whole === '') return '';
    this.#text += whole;
    if (this.#swallowed !== undefined) this.#swallow(this.#swallowed, this.#underWay(this.#swallowed));
    let out = '';
    if (this.#from < this.#text.length) {
      out = this.#replaceDecided(this.#underWay());
      if (this.#text.length - this.#from > this.#maxHeldChars) out += this.#giveUp();
    }
    // Nothing was joined to it yet, so it may be a small part of a text that would be kept with it.
    if (this.#text.length === whole.length) this.#text = ownText(this.#text);
    return out;
  }

  /** The text ends here: what was held back is decided. The next piece begins another text. */
  end(): string {
    this.#text += this.#half;
    this.#half = '';
    if (this.#swallowed !== undefined) this.#swallow(this.#swallowed, this.#text.length);
    const out = this.#replaceDecided(this.#text.length);
    this.#text = '';
    this.#from = 0;
    return out;
  }

  #wholeCharacters(piece: string): string {
    const text = this.#half + piece;
    const last = text.charCodeAt(text.length - 1);
    this.#half = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : '';
    return this.#half === '' ? text : text.slice(0, -1);
  }

  /** Where a match may be under way, from `at` on; the length of the text when none is. */
  #underWay(at = this.#from, text = this.#text): number {
    const { prefix } = this.#compiled;
    prefix.lastIndex = at;
    let index = prefix.exec(text)?.index ?? text.length;
    // V8 takes the second half of a pair for the end of the text when a search comes to it.
    while (index < text.length && isWithinPair(text, index) && prefix.unicode) {
      prefix.lastIndex = index + 1;
      index = prefix.exec(text)?.index ?? text.length;
    }
    return index;
  }

  /** Gives out the text before `end`, and what matches that begin there leave; `end` is where a match may be under way. */
  #replaceDecided(end: number): string {
    const { pattern } = this.#compiled;
    const isOver = end === this.#text.length;
    let out = '';
    let underWay = end;
    // Where one is under way at once nothing is decided: looking for it would cost the square of what is held back.
    while (this.#from < underWay) {
      pattern.lastIndex = this.#from;
      const match = pattern.exec(this.#text);
      if (match === null || match.index >= underWay) break;
      out += this.#text.slice(this.#from, match.index) + this.#replacementOf(match);
      this.#from = match.index + match[0].length;
      // What may have been under way was a part of this match.
      if (!isOver && this.#from > underWay) underWay = this.#underWay();
    }
    out += this.#text.slice(this.#from, underWay);
    this.#from = underWay;
    this.#forget(this.#from);
    return out;
  }

  /** Keeps what look-behind may see before this place. */
  #forget(place: number): void {
    const first = Math.max(0, place - this.#compiled.lookBehind);
    if (first === 0) return;
    this.#text = this.#text.slice(first);
    this.#from -= first;
  }

  /** A match under way is longer than what may be held back. */
  #giveUp(): string {
    if (this.#compiled.whenTooLong === 'release') {
      this.#counts.released += 1;
      // What matches by now is replaced all the same.
      return this.#replaceDecided(this.#text.length);
    }
    this.#counts.redacted += 1;
    const held = this.#text.slice(this.#from);
    this.#swallowAll(this.#from);
    return this.#replacementOf(Object.assign([held], { index: 0, input: held }) as unknown as RegExpExecArray);
  }

  /** Takes what belongs to the match that was replaced before it was over: it begins at `begun`, and one is under way at `underWay`. */
  #swallow(begun: number, underWay: number): void {
    // Also one that began within the first one.
    if (underWay < this.#from) return this.#swallowAll(underWay);
    this.#swallowed = undefined;
    this.#from = this.#endOfSwallowed(begun);
    this.#forget(this.#from);
  }

  #swallowAll(begun: number): void {
    this.#swallowed = begun;
    const longest = begun + SWALLOWED_CHARS;
    if (this.#text.length > longest + LAST_ROUNDS) {
      const shorter = this.#text.slice(0, longest) + this.#text.slice(-LAST_ROUNDS);
      // What may come next must not have become another.
      if (this.#underWay(begun, shorter) === begun) this.#text = shorter;
    }
    this.#from = this.#text.length;
    this.#forget(begun);
    this.#swallowed -= begun - Math.min(begun, this.#compiled.lookBehind);
  }

  /** Where the match ends that begins there: as it matches, or else where it was under way for the last time. */
  #endOfSwallowed(begun: number): number {
    const { pattern } = this.#compiled;
    pattern.lastIndex = begun;
    for (let match = pattern.exec(this.#text); match !== null; match = pattern.exec(this.#text)) {
      if (match.index >= this.#from) break;
      const end = match.index + match[0].length;
      if (end > this.#from) return end;
    }
    let end = this.#text.length;
    while (end > this.#from && this.#underWay(begun, this.#text.slice(0, end)) >= this.#from) end -= 1;
    return end;
  }

  /** The text is redacted whatever becomes of the replacement: without one the match is left out. */
  #replacementOf(match: RegExpExecArray): string {
    try {
      return this.#compiled.replace(match);
    } catch {
      // Without the cause's own words: they may hold what was to be redacted.
      reporter.limited(
        'replacement',
        `the replacement of ${String(this.#compiled.pattern)} failed; its match is left out`,
      );
      return '';
    }
  }
}

function isWithinPair(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00 && (text.charCodeAt(index - 1) & 0xfc00) === 0xd800;
}
