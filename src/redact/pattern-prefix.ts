import { RegExpParser } from '@eslint-community/regexpp';
import type { AST } from '@eslint-community/regexpp';

/** What a pattern looks at, as far as it matters to text that comes in pieces. */
export interface PatternPrefix {
  /**
   * An expression for the start of a match that the end of the text cuts off. Where it does not match, more text changes
   * nothing about whether and how the pattern matches there.
   */
  readonly source: string;
  /** So many UTF-16 units before a match decide whether it is one: look-behind, `\b`, `^`. */
  readonly lookBehind: number;
}

/** The text behind a match that look-behind may see. */
const LONGEST_LOOK_BEHIND = 64;
/** A pattern is repeated in its own expression once for each level of its repetitions. */
const LONGEST_SOURCE = 100_000;

/** The end of the text that is there. */
const END = '(?![^])';

/**
 * Finds out when a match may be under way.
 *
 * Each part of a pattern gives an expression for "the end of the text inside of it". A sequence: the end inside its first part,
 * or that part and then the end inside the rest. A repetition: fewer rounds, and the end inside the next one. Look-ahead,
 * `$` and `\b` look at what follows, so the end is inside of them when they stand before it.
 *
 * @throws Error with the reason, for a pattern that cannot be analysed.
 */
export function prefixOf(pattern: RegExp): PatternPrefix {
  const { source, flags, unicode } = pattern;
  if (flags.includes('y')) throw new Error('the flag `y` makes matches depend on where the last one ended');
  if (flags.includes('v')) throw new Error('the flag `v` is not supported: use `u`');
  const parsed = new RegExpParser().parsePattern(source, 0, source.length, unicode);
  const analysis = new Analysis(unicode ? 2 : 1);
  const prefix = analysis.inAlternatives(parsed.alternatives);
  if (analysis.lengthOf(parsed.alternatives).least === 0) throw new Error('it matches the empty text');
  if (prefix === undefined || prefix.length > LONGEST_SOURCE) throw new Error('its repetitions are nested too deep');
  return { source: prefix, lookBehind: analysis.lookBehind };
}

/** In UTF-16 units. */
interface Length {
  readonly least: number;
  readonly most: number;
}

const NO_LENGTH: Length = { least: 0, most: 0 };

class Analysis {
  lookBehind = 0;
  readonly #unitsOfCharacter: number;

  constructor(unitsOfCharacter: number) {
    this.#unitsOfCharacter = unitsOfCharacter;
  }

  /** The end of the text inside one of them; `undefined`: none of them depends on what follows. */
  inAlternatives(alternatives: readonly AST.Alternative[]): string | undefined {
    return oneOf(alternatives.map(({ elements }) => this.#inSequence(elements)));
  }

  #inSequence(elements: readonly AST.Element[]): string | undefined {
    let rest: string | undefined;
    for (const element of elements.toReversed()) {
      rest = oneOf([this.#inElement(element), rest === undefined ? undefined : sourceOf(element) + rest]);
    }
    return rest;
  }

  #inElement(element: AST.Element): string | undefined {
    switch (element.type) {
      case 'Character':
      case 'CharacterClass':
      case 'CharacterSet':
        return END;
      case 'Quantifier':
        return this.#inRepetition(element);
      case 'CapturingGroup':
      case 'Group':
        return this.inAlternatives(element.alternatives);
      case 'Assertion':
        return this.#inAssertion(element);
      case 'Backreference':
        throw new Error(`the back-reference ${element.raw} is not supported`);
      default:
        throw new Error(`${element.raw} is not supported`);
    }
  }

  #inRepetition({ element, max }: AST.Quantifier): string | undefined {
    const inside = this.#inElement(element);
    if (inside === undefined || max === 0) return undefined;
    if (max === 1) return inside;
    return `(?:${sourceOf(element)}){0,${max === Infinity ? '' : max - 1}}${inside}`;
  }

  #inAssertion(assertion: AST.Assertion): string | undefined {
    switch (assertion.kind) {
      case 'start':
        this.#looksBack(1);
        return undefined;
      case 'word':
        this.#looksBack(1);
        return END;
      case 'end':
        return END;
      case 'lookahead':
        return this.inAlternatives(assertion.alternatives);
      case 'lookbehind': {
        const { most } = this.lengthOf(assertion.alternatives);
        if (most > LONGEST_LOOK_BEHIND) {
          throw new Error(`the look-behind ${assertion.raw} may be longer than ${LONGEST_LOOK_BEHIND} characters`);
        }
        // What stands in it may look further back by one.
        this.#looksBack(most + 1);
        this.inAlternatives(assertion.alternatives);
        return undefined;
      }
    }
  }

  #looksBack(units: number): void {
    this.lookBehind = Math.max(this.lookBehind, units);
  }

  lengthOf(alternatives: readonly AST.Alternative[]): Length {
    const lengths = alternatives.map(({ elements }) => {
      const each = elements.map((element) => this.#lengthOf(element));
      return { least: sum(each.map(({ least }) => least)), most: sum(each.map(({ most }) => most)) };
    });
    return {
      least: Math.min(...lengths.map(({ least }) => least)),
      most: Math.max(...lengths.map(({ most }) => most)),
    };
  }

  #lengthOf(element: AST.Element): Length {
    switch (element.type) {
      case 'Quantifier': {
        const { least, most } = this.#lengthOf(element.element);
        return { least: least * element.min, most: most === 0 ? 0 : most * element.max };
      }
      case 'CapturingGroup':
      case 'Group':
        return this.lengthOf(element.alternatives);
      case 'Assertion':
        return NO_LENGTH;
      default:
        return { least: 1, most: this.#unitsOfCharacter };
    }
  }
}

/** The source of a part, without captures: its place in the prefix would give them other numbers, and names twice. */
function sourceOf(element: AST.Element): string {
  switch (element.type) {
    case 'CapturingGroup':
      return `(?:${sourceOfAll(element.alternatives)})`;
    case 'Group':
      return `${element.raw.slice(0, element.raw.indexOf(':') + 1)}${sourceOfAll(element.alternatives)})`;
    case 'Quantifier':
      return sourceOf(element.element) + element.raw.slice(element.element.raw.length);
    case 'Assertion':
      if (element.kind !== 'lookahead' && element.kind !== 'lookbehind') return element.raw;
      return `(?${element.kind === 'lookbehind' ? '<' : ''}${element.negate ? '!' : '='}${sourceOfAll(element.alternatives)})`;
    default:
      return element.raw;
  }
}

function sourceOfAll(alternatives: readonly AST.Alternative[]): string {
  return alternatives.map(({ elements }) => elements.map(sourceOf).join('')).join('|');
}

function oneOf(sources: readonly (string | undefined)[]): string | undefined {
  const known = [...new Set(sources.filter((source) => source !== undefined))];
  return known.length > 1 ? `(?:${known.join('|')})` : known[0];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
