/** `a` for one digit to `t` for twenty, the most that a 64-bit number has. */
const COUNTS = 'abcdefghijklmnopqrst';
const BEFORE_PART = /(?=[a-t])/;
const WHOLE_NUMBER = /^(?:0|[1-9]\d*)$/;

/**
 * Turns a whole number, given by its digits, into a part of an entry id: a letter for the number of digits, then the
 * digits. As text, parts sort like their numbers, and so do ids made of parts: `b10` comes after `a9`.
 */
export function idPart(digits: string): string {
  return COUNTS.charAt(digits.length - 1) + digits;
}

/**
 * The digits of each part of an id; `undefined` if the text is not made of parts. Each number has only one spelling.
 */
export function idParts(text: string): readonly string[] | undefined {
  const parts = text.split(BEFORE_PART).map((part) => part.slice(1));
  const isMadeOfThem = parts.every((digits) => WHOLE_NUMBER.test(digits)) && parts.map(idPart).join('') === text;
  return isMadeOfThem ? parts : undefined;
}
