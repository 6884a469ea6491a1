import { PatternStage } from './pattern-stage.ts';
import type { CompiledPattern, TooLongCounts } from './pattern-stage.ts';
import type { TextRedactor } from './redacts-text.ts';

/** A longer piece is taken in parts, because looking for a match in progress takes quadratic time at worst. */
const LONGEST_PART = 256;

/** Redacts a text with one pattern after the other, each on the result of the one before it. */
export class PatternStages implements TextRedactor {
  readonly #stages: readonly PatternStage[];

  constructor(patterns: readonly CompiledPattern[], maxHeldChars: number, counts: TooLongCounts) {
    this.#stages = patterns.map((pattern) => new PatternStage(pattern, maxHeldChars, counts));
  }

  get held(): number {
    return this.#stages.reduce((held, stage) => held + stage.held, 0);
  }

  push(piece: string): string {
    if (piece.length <= LONGEST_PART) return this.#through(piece);
    let out = '';
    for (let from = 0; from < piece.length; from += LONGEST_PART) {
      out += this.#through(piece.slice(from, from + LONGEST_PART));
    }
    return out;
  }

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
