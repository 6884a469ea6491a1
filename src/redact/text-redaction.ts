import { PatternStage } from './pattern-stage.ts';
import type { CompiledPattern, TooLongCounts } from './pattern-stage.ts';

/** A longer piece is taken in parts: looking for what is under way costs the square of what is looked at, at worst. */
const LONGEST_PART = 256;

/** Redacts a text that comes in pieces: what it gives, joined, is the redaction of the joined text. */
export class TextRedaction {
  readonly #stages: readonly PatternStage[];

  constructor(patterns: readonly CompiledPattern[], maxHeldChars: number, counts: TooLongCounts) {
    this.#stages = patterns.map((pattern) => new PatternStage(pattern, maxHeldChars, counts));
  }

  /** UTF-16 units held back, since they may be a part of a match, or half a character. */
  get held(): number {
    return this.#stages.reduce((held, stage) => held + stage.held, 0);
  }

  /** @returns What is decided of the text so far and was not given before; perhaps nothing. */
  push(piece: string): string {
    if (piece.length <= LONGEST_PART) return this.#through(piece);
    let out = '';
    for (let from = 0; from < piece.length; from += LONGEST_PART) {
      out += this.#through(piece.slice(from, from + LONGEST_PART));
    }
    return out;
  }

  /** The text ends here. @returns What was held back. The next piece begins another text. */
  end(): string {
    let out = '';
    for (const stage of this.#stages) out = stage.push(out) + stage.end();
    return out;
  }

  #through(part: string): string {
    let out = part;
    for (const stage of this.#stages) {
      if (out === '') return '';
      out = stage.push(out);
    }
    return out;
  }
}
