import { ownText } from '../support/own-text.ts';
import { reporterFor } from '../support/reporter.ts';
import type { PatternPrefix } from './pattern-prefix.ts';

/** What happens to an unfinished match that is longer than what may be held back. */
export type WhenTooLong = 'redact' | 'release';

/** A validated and analysed pattern. */
export interface CompiledPattern {
  /** The pattern, with the flag `g`. */
  readonly pattern: RegExp;
  /** Matches the start of a match that the end of the text cuts off; with the flag `g`. */
  readonly prefix: RegExp;
  readonly lookBehind: PatternPrefix['lookBehind'];
  /** Returns the text that replaces a match. */
  readonly replace: (match: RegExpExecArray) => string;
  readonly whenTooLong: WhenTooLong;
}

/** How often an unfinished match was too long. */
export interface TooLongCounts {
  redacted: number;
  released: number;
}

/** How much of a swallowed match is kept: the text before decides whether what comes next is a part of it. */
const SWALLOWED_CHARS = 8_192;
/** After its last rounds a repetition goes on as after all of them. */
const LAST_ROUNDS = 256;

const reporter = reporterFor('redaction');

/**
 * Replaces the matches of one pattern in a text that comes in pieces: its joined output is the joined text with all
 * matches replaced.
 *
 * It holds back what could still become a match, and nothing else.
 */
export class PatternStage {
  readonly #compiled: CompiledPattern;
  readonly #maxHeldChars: number;
  readonly #counts: TooLongCounts;
  /** Emitted text that may still decide about a match after it, followed by the text that is held back. */
  #text = '';
  /** Where the held text begins. */
  #from = 0;
  /** The first half of a surrogate pair, which can be matched only with the second half. */
  #half = '';
  /** Start of a match that was too long and was replaced before it ended; all of it is before `#from`. */
  #swallowed: number | undefined = undefined;

  constructor(compiled: CompiledPattern, maxHeldChars: number, counts: TooLongCounts) {
    this.#compiled = compiled;
    this.#maxHeldChars = maxHeldChars;
    this.#counts = counts;
  }

  /** Number of UTF-16 units held back. */
  get held(): number {
    return this.#text.length - this.#from + this.#half.length;
  }

  /** @returns The decided text that was not emitted before. */
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
    // Nothing was joined to the piece yet, so it may be a small part of a text that it would keep alive.
    if (this.#text.length === whole.length) this.#text = ownText(this.#text);
    return out;
  }

  /** Ends the text and returns what was held back. The next piece begins another text. */
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

  /** Where a match may be in progress, from `at` on; the length of the text if none is. */
  #underWay(at = this.#from, text = this.#text): number {
    const { prefix } = this.#compiled;
    prefix.lastIndex = at;
    let index = prefix.exec(text)?.index ?? text.length;
    // V8 takes the second half of a pair for the end of the text when a search reaches it.
    while (index < text.length && isWithinPair(text, index) && prefix.unicode) {
      prefix.lastIndex = index + 1;
      index = prefix.exec(text)?.index ?? text.length;
    }
    return index;
  }

  /** Emits the text before `end`, where a match may be in progress, with the matches that begin in it replaced. */
  #replaceDecided(end: number): string {
    const { pattern } = this.#compiled;
    const isOver = end === this.#text.length;
    let out = '';
    let underWay = end;
    // If a match is in progress from the start, nothing is decided: looking for it would take quadratic time.
    while (this.#from < underWay) {
      pattern.lastIndex = this.#from;
      const match = pattern.exec(this.#text);
      if (match === null || match.index >= underWay) break;
      out += this.#text.slice(this.#from, match.index) + this.#replacementOf(match);
      this.#from = match.index + match[0].length;
      // What may have been in progress was a part of this match.
      if (!isOver && this.#from > underWay) underWay = this.#underWay();
    }
    out += this.#text.slice(this.#from, underWay);
    this.#from = underWay;
    this.#forget(this.#from);
    return out;
  }

  /** Drops the text before this place, except what look-behind may see. */
  #forget(place: number): void {
    const first = Math.max(0, place - this.#compiled.lookBehind);
    if (first === 0) return;
    this.#text = this.#text.slice(first);
    this.#from -= first;
  }

  /** Handles a match in progress that is longer than what may be held back. */
  #giveUp(): string {
    if (this.#compiled.whenTooLong === 'release') {
      this.#counts.released += 1;
      // What matches so far is still replaced.
      return this.#replaceDecided(this.#text.length);
    }
    this.#counts.redacted += 1;
    const held = this.#text.slice(this.#from);
    this.#swallowAll(this.#from);
    return this.#replacementOf(Object.assign([held], { index: 0, input: held }) as unknown as RegExpExecArray);
  }

  /**
   * Drops text that belongs to the match that was replaced before it ended: it begins at `begun`, and a match is in
   * progress at `underWay`.
   */
  #swallow(begun: number, underWay: number): void {
    // Also a match that began within the first one.
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
      // Shorten the text only if that does not change what may come next.
      if (this.#underWay(begun, shorter) === begun) this.#text = shorter;
    }
    this.#from = this.#text.length;
    this.#forget(begun);
    this.#swallowed -= begun - Math.min(begun, this.#compiled.lookBehind);
  }

  /** Where the match that begins there ends: where it matches, or else where it was last in progress. */
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

  /** Returns the replacement; if it fails, the match is left out, so the text is redacted anyway. */
  #replacementOf(match: RegExpExecArray): string {
    try {
      return this.#compiled.replace(match);
    } catch {
      // Without the error's own text, which may hold what was to be redacted.
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
