import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { patternRedaction } from '../../src/redact/pattern-redaction.ts';
import type { PatternRedaction, RedactionPattern } from '../../src/redact/pattern-redaction.ts';
import { runs } from '../support/properties.ts';
import { LOGTAPE, OWN, PARTS } from './patterns.ts';

/** The redaction of the whole text, by the language's own means. */
function whole(text: string, patterns: readonly RedactionPattern[]): string {
  return patterns.reduce((before, { pattern, replacement }) => {
    const global = new RegExp(pattern.source, [...new Set(`${pattern.flags}g`)].join(''));
    return typeof replacement === 'string'
      ? before.replace(global, replacement)
      : before.replace(global, (match: string) => replacement(match));
  }, text);
}

async function streamed(redaction: PatternRedaction, pieces: readonly string[]): Promise<string[]> {
  const given: string[] = [];
  const stream = new ReadableStream<string>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  for await (const piece of stream.pipeThrough(redaction.stream())) given.push(piece);
  return given;
}

/** Cuts a text at random places, also within surrogate pairs, or into single units. */
const cuts = fc.oneof(fc.constant(1), fc.constant(2), fc.integer({ min: 3, max: 300 }), fc.array(fc.nat(40)));

function cut(text: string, at: number | readonly number[]): string[] {
  const pieces: string[] = [];
  for (let from = 0, n = 0; from < text.length; n += 1) {
    const length = typeof at === 'number' ? at : (at[n % Math.max(1, at.length)] ?? 5) + (n % 2);
    pieces.push(text.slice(from, from + length));
    from += length;
  }
  return pieces;
}

describe('a redaction of text in pieces', () => {
  const sets = [
    ['those of @logtape/redaction', LOGTAPE],
    ['ten others', OWN],
    ['all of them, one after the other', [...LOGTAPE, ...OWN]],
    ...OWN.map((each) => [String(each.pattern), [each]] as const),
  ] as const;

  it.each(sets)('is that of the whole text, however it is cut: %s', async (_, patterns) => {
    const redaction = patternRedaction(patterns);
    const texts = fc.array(fc.constantFrom(...PARTS), { maxLength: 12 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(texts, cuts, async (text, at) => {
        const given = await streamed(redaction, cut(text, at));
        expect(given.join('')).toBe(whole(text, patterns));
        expect(redaction.text(text)).toBe(whole(text, patterns));
      }),
      runs(300),
    );
  });

  it('holds nothing back while no pattern has begun', async () => {
    const redaction = patternRedaction([US_LIKE, KEY]);
    expect(await streamed(redaction, ['plain ', 'words, ', 'no more. '])).toEqual(['plain ', 'words, ', 'no more. ']);
    expect(await streamed(redaction, ['call ', '12', ' me', ' s', 'o'])).toEqual(['call ', '12 me', ' ', 'so']);
    expect(await streamed(redaction, ['it is ', '123-', '45', '-6789', '.'])).toEqual(['it is ', 'XXX.']);
  });

  it('gives a match out as soon as it can be nothing else', async () => {
    expect(await streamed(patternRedaction([{ pattern: /ab{2}/, replacement: '*' }]), ['a', 'b', 'b', 'c'])).toEqual([
      '*',
      'c',
    ]);
  });

  it('puts the replacement in the place of a match that is too long, and leaves out the rest of it', async () => {
    const redaction = patternRedaction([KEY], { maxHeldChars: 100 });
    const key = `sk-${'a1'.repeat(5_000)}`;
    for (const size of [1, 7, 300, 20_000]) {
      const given = await streamed(redaction, cut(`my ${key} is it, sk-abcdefgh1 too`, size));
      expect(given.join('')).toBe('my [KEY] is it, [KEY] too');
    }
    expect(redaction.tooLong).toEqual({ redacted: 4, released: 0 });
    expect((await streamed(redaction, cut(`my ${key}`, 10))).join('')).toBe('my [KEY]');
  });

  it('gives out what any long word may begin, where the pattern says so', async () => {
    const email: RedactionPattern = { pattern: /[\w.]+@[\w.]+/, replacement: '[EMAIL]', whenTooLong: 'release' };
    const redaction = patternRedaction([email], { maxHeldChars: 50 });
    const text = `${'w'.repeat(1_025)} then ada@example.com`;
    expect((await streamed(redaction, cut(text, 4))).join('')).toBe(`${'w'.repeat(1_025)} then [EMAIL]`);
    expect(redaction.tooLong.released).toBeGreaterThan(0);
    expect(redaction.tooLong.redacted).toBe(0);
  });

  it('refuses what is no text', async () => {
    await expect(streamed(patternRedaction([KEY]), [17 as never])).rejects.toThrow('expected a stream of text, got 17');
  });
});

const US_LIKE: RedactionPattern = { pattern: /(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)/, replacement: 'XXX' };
const KEY: RedactionPattern = { pattern: /sk-[a-z0-9]{8,}/, replacement: '[KEY]' };

describe('a redaction of records', () => {
  it('looks into the message and every text of the attributes', () => {
    const redaction = patternRedaction([US_LIKE]);
    const entry = { message: 'a 123-45-6789', attributes: { n: 1, deep: [{ text: 'b 123-45-6789' }] }, kind: 'text' };
    expect(redaction(entry)).toEqual({
      message: 'a XXX',
      attributes: { n: 1, deep: [{ text: 'b XXX' }] },
      kind: 'text',
    });
    expect(redaction({ message: '' })).toEqual({ message: '' });
  });

  it.each([
    ['$&$&', 'aabb7', 'aabb7aabb7'],
    ['$1-$2', 'aabb7', 'aa-bb'],
    ['$12$3', 'aabb7', 'aa27'],
    ['$0$9$', 'aabb7', '$0$9$'],
    ['$$1', 'aabb7', '$1'],
    ['$<none>', 'aabb7', '$<none>'],
  ])('takes the replacement %s as String.prototype.replace does', (replacement, text, expected) => {
    const pattern = /(a+)(b+)(7|8)/;
    expect(text.replace(pattern, replacement)).toBe(expected);
    expect(patternRedaction([{ pattern, replacement }]).text(text)).toBe(expected);
  });
});

describe('a pattern that cannot be used', () => {
  it.each([
    [/(a)\1/, 'the back-reference \\1 is not supported'],
    [/(?<x>a)\k<x>/, 'the back-reference \\k<x> is not supported'],
    [/a*/, 'it matches the empty text'],
    [/\b|x/, 'it matches the empty text'],
    [/a/y, 'the flag `y`'],
    [/(?<=a+)b/, 'may be longer than 64 characters'],
    [/(?<!(?:ab){33})b/, 'may be longer than 64 characters'],
    [new RegExp(`${'(?:'.repeat(300)}abcdef${')+'.repeat(300)}`), 'nested too deep'],
  ])('is refused when it is given, with the reason: %s', (pattern, reason) => {
    expect(() => patternRedaction([LOGTAPE[0] as RedactionPattern, { pattern, replacement: '' }])).toThrow(reason);
    expect(() => patternRedaction([LOGTAPE[0] as RedactionPattern, { pattern, replacement: '' }])).toThrow(
      /^patternRedaction: `patterns.1`, /,
    );
  });

  it.each([
    [[], 'a list of at least one pattern'],
    [undefined, 'a list of patterns'],
    [[{ pattern: 'a', replacement: '' }], '`patterns.0.pattern` to be a regular expression, got "a"'],
    [[{ pattern: /a/ }], '`patterns.0.replacement` to be a string or a function'],
    [[{ pattern: /a/, replacement: '$`' }], 'the text around the match'],
    [[{ pattern: /a/, replacement: '', whenTooLong: 'drop' }], "'redact' or 'release'"],
  ])('is refused with what was expected: %j', (patterns, message) => {
    expect(() => patternRedaction(patterns as never)).toThrow(message);
  });

  it('is refused with a wrong option', () => {
    expect(() => patternRedaction(LOGTAPE, { maxHeldChars: 0 })).toThrow(
      '`maxHeldChars` to be a positive integer, got 0',
    );
    expect(() => patternRedaction(LOGTAPE, { max: 1 } as never)).toThrow('unknown option `max`');
  });
});
