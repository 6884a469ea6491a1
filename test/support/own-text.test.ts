import { describe, expect, it } from 'vitest';

import { mayBePart, ownJoin, ownText, SharedTexts } from '../../src/support/own-text.ts';

/** Texts of that length: of one byte a unit, of two, and of halves of surrogate pairs. */
function textsOf(length: number): string[] {
  return ['a', 'é', '中', '\ud83d', '\ude00'].map((unit) => `${unit}xyz`.repeat(length).slice(0, length));
}

describe('a copy that holds only itself', () => {
  it.each([...Array.from({ length: 15 }, (_, length) => length), 300, 70_000])(
    'of %d units is the same text',
    (length) => {
      for (const text of textsOf(length)) {
        expect(ownText(text)).toBe(text);
        expect(ownText(`before${text}after`.slice(6, 6 + length))).toBe(text);
        expect(ownText(text)).toHaveLength(length);
      }
    },
  );

  it('keeps every unit of surrogates, whole or alone', () => {
    for (const text of [
      '😀'.repeat(20),
      `\ude00${'😀'.repeat(20)}\ud83d`,
      '\ud83d'.repeat(20),
      `${'a'.repeat(20)}\udfff`,
    ]) {
      expect(ownText(text)).toBe(text);
      expect(ownText(`中${text}`.slice(1))).toBe(text);
    }
  });

  it('is made from the length on from which a part refers to the whole', () => {
    expect(mayBePart('x'.repeat(12))).toBe(false);
    expect(mayBePart('x'.repeat(13))).toBe(true);
  });

  it('joins two texts', () => {
    expect(ownJoin('head,', 'tail of two bytes: 中')).toBe('head,tail of two bytes: 中');
    expect(ownJoin('\ud83d', '\ude00')).toBe('😀');
    expect(ownJoin('a', 'b')).toBe('ab');
  });
});

describe('names that come again', () => {
  it('are one copy for all, and no others than they were', () => {
    const names = new SharedTexts();
    const given = Array.from({ length: 3_000 }, (_, n) => `a name of some length ${n % 1_500}`);
    expect(given.map((name) => names.ownOf(name))).toStrictEqual(given);
    expect(names.ownOf(undefined)).toBeUndefined();
    expect(names.ownOf('')).toBe('');
    expect(names.ownOf('x'.repeat(5_000))).toBe('x'.repeat(5_000));
    names.clear();
    expect(names.ownOf(given[0])).toBe(given[0]);
  });
});
