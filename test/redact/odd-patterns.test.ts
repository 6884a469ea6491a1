import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { patternRedaction } from '../../src/redact/pattern-redaction.ts';
import type { PatternRedactionOptions, RedactionPattern } from '../../src/redact/pattern-redaction.ts';
import { REDACTS_TEXT } from '../../src/redact/redacts-text.ts';
import { runs } from '../support/properties.ts';

/** What each piece lets out, and the end of the text. */
function given(pattern: RedactionPattern, pieces: readonly string[], options?: PatternRedactionOptions): string[] {
  const redactor = patternRedaction([pattern], options)[REDACTS_TEXT].open();
  return [...pieces.map((piece) => redactor.push(piece)), redactor.end()];
}

function whole({ pattern, replacement }: RedactionPattern, text: string): string {
  const flags = [...new Set(`${pattern.flags}g`)].join('');
  return text.replace(new RegExp(pattern.source, flags), replacement as string);
}

const hide = (pattern: RegExp): RedactionPattern => ({ pattern, replacement: '<R>' });

describe('a pattern of unusual syntax', () => {
  it.each([
    // Look-behind within look-behind sees as far as both together.
    [/(?<=(?<=abc)de)f/, ['abcd', 'e', 'f']],
    [/(?<=(?<=^abc)de)f/, ['abc', 'd', 'e', 'f']],
    // No round of something that may be endless.
    [/(?<=(?:a*){0}b)c/, ['b', 'c']],
    [/(?<=\bkey=)\w+/, ['key', '=', 'abc', ' x']],
    [/(?<=(?:\b|_)key=)\w+/, ['my_', 'key=', 'abc', ' x']],
    [/(?=(?<=ab)c)cd/, ['ab', 'c', 'd']],
    [/(?:|a)(?:b|)c/, ['a', 'b', 'c', 'a', 'c']],
    // V8 takes the middle of a pair for the end of the text.
    [/\B./u, ['a😀', ' b']],
    [/b(?!)|^😀/u, ['a-😀', ' ']],
  ])('redacts the pieces as the whole: %s', (pattern, pieces) => {
    expect(given(hide(pattern), pieces).join('')).toBe(whole(hide(pattern), pieces.join('')));
  });

  it('is over where a lazy repetition ends, and holds nothing of what follows', () => {
    const key = hide(/-----BEGIN KEY-----[^]+?-----END KEY-----/);
    const pieces = ['a -----BEGIN KEY-----', 'abc', '-----END', ' KEY-----', ' then', ' b '];
    expect(given(key, pieces)).toEqual(['a ', '', '', '<R>', ' then', ' b ', '']);
    expect(given(hide(/a+?b/), ['aa', 'ab', 'c'])).toEqual(['', '<R>', 'c', '']);
    expect(given(hide(/(?:<b>.*?<\/b>|x)!/), ['<b>1</b>', '<b>2</b>!', '</b>!'])).toEqual(['', '<R>', '</b>!', '']);
    const long = ['-----BEGIN KEY-----', ...Array<string>(400).fill('AbC+/9\n'), '-----END KEY-----', ' then', ' b'];
    expect(given(key, long).join('')).toBe('<R> then b');
  });

  it.each([[/(?<=a(?=bcd))b/], [/x(?<=x\b)/], [/x(?<=x$)/], [/(?<!a\B|b)x/]])(
    'is refused when its look-behind looks at what follows: %s',
    (pattern) => {
      expect(() => patternRedaction([hide(pattern)])).toThrow('looks at what follows it');
    },
  );

  it('holds back by the modifiers of its groups', (context) => {
    let pattern: RegExp;
    try {
      pattern = new RegExp('(?i:secret)(?-i:X)+?y');
    } catch {
      return context.skip('this Node knows no modifiers');
    }
    expect(given(hide(pattern), ['a SE', 'CRET', 'X', 'y b']).join('')).toBe('a <R> b');
  });
});

describe('a pattern of any syntax', () => {
  const character = fc.constantFrom('a', 'b', '-', '[ab]', '[^a]', '.', '\\w', '\\W', '\\d', '[^]', '😀');
  const assertion = fc.constantFrom('^', '$', '\\b', '\\B');
  const times = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}', '{0}', '*?', '+?', '??', '{1,3}?');
  const fewTimes = fc.constantFrom('', '', '', '?', '{2}', '{1,2}', '{0}', '??');
  const { pattern, behind } = fc.letrec<Record<'pattern' | 'sequence' | 'part' | 'behind' | 'backward', string>>(
    (tie) => ({
      pattern: fc.array(tie('sequence'), { minLength: 1, maxLength: 2 }).map((each) => each.join('|')),
      sequence: fc.array(tie('part'), { maxLength: 3 }).map((each) => each.join('')),
      part: fc.oneof(
        { maxDepth: 3 },
        fc.tuple(character, times).map((each) => each.join('')),
        assertion,
        fc.tuple(fc.constantFrom('(?:', '(', '(?=', '(?!'), tie('pattern')).map(([open, all]) => `${open}${all})`),
        fc.tuple(tie('pattern'), times).map(([all, quantifier]) => `(?:${all})${quantifier}`),
        tie('behind'),
      ),
      behind: fc.tuple(fc.constantFrom('(?<=', '(?<!'), tie('backward')).map(([open, all]) => `${open}${all})`),
      backward: fc
        .array(
          fc.oneof(
            { maxDepth: 3 },
            fc.tuple(character, fewTimes).map((each) => each.join('')),
            assertion,
            tie('behind'),
          ),
          { maxLength: 3 },
        )
        .map((each) => each.join('')),
    }),
  );
  // Most patterns match the empty text, and are refused, without a character.
  const source = fc
    .tuple(fc.option(behind, { nil: '' }), pattern, character, pattern)
    .map(([look, first, one, last]) => `${look}(?:${first})${one}(?:${last})`);
  const flags = fc.constantFrom('', 'i', 'm', 's', 'u', 'iu', 'msu');
  const text = fc.array(fc.constantFrom('a', 'b', 'A', '-', '1', ' ', '\n', '😀', '_'), { maxLength: 12 });

  it('redacts the pieces as the whole, or is refused', () => {
    let used = 0;
    fc.assert(
      fc.property(
        source,
        flags,
        fc.array(text, { minLength: 10, maxLength: 10 }),
        fc.integer({ min: 1, max: 3 }),
        (...given_) => {
          const [sourceOf, flagsOf, texts, size] = given_;
          let each: RedactionPattern;
          try {
            each = hide(new RegExp(sourceOf, flagsOf));
            patternRedaction([each]);
          } catch {
            return;
          }
          used += 1;
          for (const characters of texts) {
            const all = characters.join('');
            const pieces = all.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
            expect(given(each, pieces).join('')).toBe(whole(each, all));
          }
        },
      ),
      runs(1_000),
    );
    expect(used).toBeGreaterThan(100);
  });
});

describe('a match that is too long', () => {
  const words = (count: number, word: string): string[] => Array<string>(count).fill(word);

  it.each([
    ['behind what it looks back at', /(?<=key=)\w+/, ['key=', ...words(30, 'abcd'), ' x'], 'key=<R> x'],
    [
      'of several parts',
      /eyJ\w+\.\w+\.\w+/,
      ['eyJa.', ...words(300, 'bcde'), '.', ...words(300, 'fghi'), 'XX x'],
      '<R> x',
    ],
    [
      'whose later part is of other characters',
      /[a-z]+(?:-[a-z0-9]+)?/,
      [...words(30, 'abcd'), '-', ...words(200, 'a'), '9z X'],
      '<R> X',
    ],
    ['in one piece', /eyJ\w+\.\w+\.\w+/, [`eyJa.${'b'.repeat(3_000)}.${'c'.repeat(9_000)}`, 'XX x'], '<R> x'],
    ['far beyond what is kept of it', /sk-[a-z]{20,}/, [`sk-${'b'.repeat(100_000)}`, 'XX x'], '<R>XX x'],
  ])('is left out to its end: %s', (_, pattern, pieces, expected) => {
    expect(given(hide(pattern), pieces, { maxHeldChars: 64 }).join('')).toBe(expected);
  });

  it('lets no other match out that began within it', () => {
    const either = hide(/x[a-z-]{5,}!|sk-[a-z0-9]{8,}/);
    const pieces = ['x', ...words(30, 'abcd'), 'sk-a', 'bc', '0123456789', ' y'];
    expect(given(either, pieces, { maxHeldChars: 64 }).join('')).toBe('<R> y');
  });

  it('is replaced as far as it matches where the pattern releases what is too long', () => {
    const quoted: RedactionPattern = { ...hide(/"[^"\n]*"|sk-[a-z]{8,}/), whenTooLong: 'release' };
    const pieces = ['"', ...words(15, 'abcd'), ' sk-abcdefghi ', ...words(15, 'abcd'), '\n'];
    const text = given(quoted, pieces, { maxHeldChars: 100 }).join('');
    expect(text).toBe(whole(quoted, pieces.join('')));
    expect(text).not.toContain('sk-');
  });
});

describe('a text of any length', () => {
  // A pattern that may begin anywhere in it is tried from each place: one of 200,000 letters took a minute.
  it('is redacted in parts, at once or as it comes, so that it costs no more than its length', () => {
    const email: RedactionPattern = { pattern: /[a-z.]+@[a-z.]+/, replacement: '[EMAIL]', whenTooLong: 'release' };
    const redaction = patternRedaction([email]);
    const word = 'w'.repeat(200_000);
    expect(redaction.text(`${word} and ada@example.com`)).toBe(`${word} and [EMAIL]`);
    expect(redaction.tooLong.released).toBeGreaterThan(0);
    expect(redaction({ message: `${word} and ada@example.com` }).message).toBe(`${word} and [EMAIL]`);
    expect(given(email, [...(word.match(/.{1,4}/g) ?? []), ' and ada@', 'example.com']).join('')).toBe(
      `${word} and [EMAIL]`,
    );
  });
});

describe('a replacement', () => {
  it('that fails or gives no text leaves the match out of a text in pieces, and fails a whole one', () => {
    const replacements = [
      () => {
        throw new Error('no');
      },
      () => undefined,
      async () => 'late',
      async () => Promise.reject(new Error('no')),
    ];
    for (const replacement of replacements as unknown as (() => string)[]) {
      expect(given({ pattern: /ab+/, replacement }, ['x a', 'bb', ' y ab', ' z']).join('')).toBe('x  y  z');
      expect(() => patternRedaction([{ pattern: /ab+/, replacement }]).text('x ab y')).toThrow();
    }
  });

  it('may redact by the same patterns', () => {
    const redaction = patternRedaction([
      { pattern: /ab+/, replacement: (match) => (match === 'ab' ? '*' : redaction.text('ab')) },
    ]);
    expect(redaction.text('x abb ab y')).toBe('x * * y');
  });
});
