/** `a` for one digit to `t` for twenty, the most that a number of 64 bits has. */
const COUNTS = 'abcdefghijklmnopqrst';
const BEFORE_PART = /(?=[a-t])/;
const WHOLE_NUMBER = /^(?:0|[1-9]\d*)$/;

/**
 * A whole number, given by its digits, as a part of an entry id: a letter that says how many digits there are, and the
 * digits. Parts sort as text like their numbers, and so do ids that are made of such parts: `b10` comes after `a9`.
 */
export function idPart(digits: string): string {
  return COUNTS.charAt(digits.length - 1) + digits;
}

/** The digits of each part of a text that is made of parts; `undefined`: it is anything else. A number has one spelling. */
export function idParts(text: string): readonly string[] | undefined {
  const parts = text.split(BEFORE_PART).map((part) => part.slice(1));
  const isMadeOfThem = parts.every((digits) => WHOLE_NUMBER.test(digits)) && parts.map(idPart).join('') === text;
  return isMadeOfThem ? parts : undefined;
}
