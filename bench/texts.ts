/** Texts as a model's tokens come: of several lengths, and each a string of its own. */

const WORDS = 'the session is one log and a reader holds a position in it so that a page which reloads goes on '.repeat(
  4,
);
/** A power of two: an index is cut to it with `&`. */
const PARTS = 64;
/** Half a text each: about 5, 20 and 60 characters in all. Four, two and one of seven: most tokens are short. */
const HALVES = [2, 3, 10, 2, 30, 10, 3];

const heads = partsFrom(0);
const tails = partsFrom(100);

function partsFrom(start: number): readonly string[] {
  return Array.from({ length: PARTS }, (_, n) => {
    const length = HALVES[n % HALVES.length] as number;
    // Through a buffer: a part of a longer string would be a reference to it.
    return Buffer.from(WORDS).toString('latin1', start + n, start + n + length + (n % 2));
  });
}

/**
 * The nth text. Made when it is asked for, since a constant costs a store no memory and its place is always in the cache.
 * One of 13 characters or more is a pair of references until somebody looks into it, as what a template literal makes.
 */
export function freshText(n: number): string {
  const at = n & (PARTS - 1);
  return (heads[at] as string) + (tails[at] as string);
}

/** One text of 60 characters, the same each time. */
export const SAME_TEXT = 'a message of a usual length: sixty characters, more or less.';
