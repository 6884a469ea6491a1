import { RegExpParser } from '@eslint-community/regexpp';
import type { AST } from '@eslint-community/regexpp';

/** The properties of a pattern that matter for text that comes in pieces. */
export interface PatternPrefix {
  /**
   * An expression for the start of a match that the end of the text cuts off. If it does not match at a place, more
   * text cannot change whether and how the pattern matches there.
   */
  readonly source: string;
  /** Number of UTF-16 units before a match that decide whether it is one: look-behind, `\b`, `^`. */
  readonly lookBehind: number;
}

/** The most text before a match that look-behind may see. */
const LONGEST_LOOK_BEHIND = 64;
/** Limit of the expression, in which a pattern is repeated once for each level of its repetitions. */
const LONGEST_SOURCE = 100_000;

/** Matches at the end of the text so far. */
const END = '(?![^])';

/**
 * Finds out when a match may be in progress.
 *
 * Each part of a pattern yields an expression for "the text ends inside this part". For a sequence: the text ends
 * inside its first part, or that part matches and the text ends inside the rest. For a repetition: fewer rounds match,
 * and the text ends inside the next one; a lazy one has no next round where the rest of the pattern matches.
 * Look-ahead, `$` and `\b` look at what follows, so the text ends inside them when they stand at its end.
 *
 * @throws Error with the reason, for a pattern that cannot be analysed.
 */
export function prefixOf(pattern: RegExp): PatternPrefix {
  const { source, flags, unicode } = pattern;
  if (flags.includes('y')) throw new Error('the flag `y` makes matches depend on where the last one ended');
  if (flags.includes('v')) throw new Error('the flag `v` is not supported; use `u`');
  const parsed = new RegExpParser().parsePattern(source, 0, source.length, unicode);
  const analysis = new Analysis(unicode ? 2 : 1);
  const prefix = analysis.inAlternatives(parsed.alternatives, '');
  if (analysis.lengthOf(parsed.alternatives).least === 0) throw new Error('it matches the empty text');
  if (prefix === undefined || prefix.length > LONGEST_SOURCE) throw new Error('its repetitions are nested too deep');
  return { source: prefix, lookBehind: analysis.lookBehind };
}

/** A length in UTF-16 units. */
interface Length {
  readonly least: number;
  readonly most: number;
}

const NO_LENGTH: Length = { least: 0, most: 0 };

class Analysis {
  lookBehind = 0;
  /** How far before its own position the content of a look-behind begins. */
  #behind = 0;
  readonly #unitsOfCharacter: number;

  constructor(unitsOfCharacter: number) {
    this.#unitsOfCharacter = unitsOfCharacter;
  }

  /**
   * The expression for a text that ends inside one of them; `undefined` if none depends on what follows.
   *
   * @param after What has to match after them for the whole to match; `undefined` if that varies.
   */
  inAlternatives(alternatives: readonly AST.Alternative[], after?: string): string | undefined {
    return oneOf(alternatives.map(({ elements }) => this.#inSequence(elements, after)));
  }

  #inSequence(elements: readonly AST.Element[], after: string | undefined): string | undefined {
    let inside: string | undefined;
    let following = after;
    for (const element of elements.toReversed()) {
      const source = sourceOf(element);
      const passed = inside === undefined ? undefined : passedSource(element, following) + inside;
      inside = oneOf([this.#inElement(element, following), passed]);
      following = following === undefined ? undefined : source + following;
    }
    return inside;
  }

  #inElement(element: AST.Element, after?: string): string | undefined {
    switch (element.type) {
      case 'Character':
      case 'CharacterClass':
      case 'CharacterSet':
        return END;
      case 'Quantifier':
        return this.#inRepetition(element, after);
      case 'CapturingGroup':
        return this.inAlternatives(element.alternatives, after);
      case 'Group':
        return this.#inGroup(element, after);
      case 'Assertion':
        return this.#inAssertion(element);
      case 'Backreference':
        throw new Error(`the back-reference ${element.raw} is not supported`);
      default:
        throw new Error(`${element.raw} is not supported`);
    }
  }

  #inGroup(group: AST.Group, after: string | undefined): string | undefined {
    if (group.modifiers === null) return this.inAlternatives(group.alternatives, after);
    // What follows the group must not get its modifiers.
    const inside = this.inAlternatives(group.alternatives);
    return inside === undefined ? undefined : `${openingOf(group)}${inside})`;
  }

  #inRepetition({ element, min, max, greedy }: AST.Quantifier, after: string | undefined): string | undefined {
    const inside = this.#inElement(element);
    if (inside === undefined || max === 0) return undefined;
    const round = `(?:${sourceOf(element)})`;
    const fewer = max === 1 ? inside : `${round}{0,${max === Infinity ? '' : max - 1}}${inside}`;
    if (greedy || after === undefined) return fewer;
    // A lazy one has no more rounds where the rest matches.
    const required = min === 0 ? undefined : `${round}{0,${min - 1}}${inside}`;
    if (min === max) return required;
    const more = `${round}{${min}}(?:(?!${after})${round}){0,${max === Infinity ? '' : max - min - 1}}`;
    return oneOf([required, `${more}(?!${after})${inside}`]);
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
        return this.inAlternatives(assertion.alternatives, assertion.negate ? undefined : '');
      case 'lookbehind':
        this.#inLookBehind(assertion);
        return undefined;
    }
  }

  #inLookBehind({ raw, alternatives }: AST.LookbehindAssertion): void {
    const { most } = this.lengthOf(alternatives);
    if (this.#behind + most > LONGEST_LOOK_BEHIND) {
      throw new Error(`the look-behind ${raw} may be longer than ${LONGEST_LOOK_BEHIND} characters`);
    }
    if (this.#looksAhead(alternatives, false)) throw new Error(`the look-behind ${raw} looks at what follows it`);
    this.#behind += most;
    this.#looksBack(0);
    this.inAlternatives(alternatives);
    this.#behind -= most;
  }

  /** @param isFollowed Whether a character follows them within the look-behind. */
  #looksAhead(alternatives: readonly AST.Alternative[], isFollowed: boolean): boolean {
    return alternatives.some(({ elements }) => {
      let isBefore = isFollowed;
      for (const element of elements.toReversed()) {
        if (this.#elementLooksAhead(element, isBefore)) return true;
        isBefore ||= this.#lengthOf(element).least > 0;
      }
      return false;
    });
  }

  #elementLooksAhead(element: AST.Element, isFollowed: boolean): boolean {
    switch (element.type) {
      case 'Quantifier':
        return this.#elementLooksAhead(element.element, isFollowed);
      case 'CapturingGroup':
      case 'Group':
        return this.#looksAhead(element.alternatives, isFollowed);
      case 'Assertion':
        if (element.kind === 'lookbehind') return this.#looksAhead(element.alternatives, isFollowed);
        return element.kind === 'lookahead' || (element.kind !== 'start' && !isFollowed);
      default:
        return false;
    }
  }

  #looksBack(units: number): void {
    this.lookBehind = Math.max(this.lookBehind, this.#behind + units);
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
        return { least: least * element.min, most: most === 0 || element.max === 0 ? 0 : most * element.max };
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

/** The source of a part, without captures: in the prefix they would get other numbers, and names would occur twice. */
function sourceOf(element: AST.Element): string {
  switch (element.type) {
    case 'CapturingGroup':
      return `(?:${sourceOfAll(element.alternatives)})`;
    case 'Group':
      return `${openingOf(element)}${sourceOfAll(element.alternatives)})`;
    case 'Quantifier':
      return sourceOf(element.element) + element.raw.slice(element.element.raw.length);
    case 'Assertion':
      if (element.kind !== 'lookahead' && element.kind !== 'lookbehind') return element.raw;
      return `(?${element.kind === 'lookbehind' ? '<' : ''}${element.negate ? '!' : '='}${sourceOfAll(element.alternatives)})`;
    default:
      return element.raw;
  }
}

/**
 * The source of a part after which the text ends inside the rest of the pattern.
 *
 * @param after What has to match after it; `undefined` if that varies.
 */
function passedSource(element: AST.Element, after: string | undefined): string {
  if (element.type !== 'Quantifier' || element.greedy || after === undefined) return sourceOf(element);
  const { min, max } = element;
  const round = `(?:${sourceOf(element.element)})`;
  return `${round}{${min}}(?:(?!${after})${round}){0,${max === Infinity ? '' : max - min}}`;
}

/** The opening of a group, with its modifiers. */
function openingOf({ raw }: AST.Group): string {
  return raw.slice(0, raw.indexOf(':') + 1);
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
