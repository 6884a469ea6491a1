import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compareStreamIds, entryIdOf, sessionKeys, streamIdOf } from '../../../src/store/redis/redis-keys.ts';
import { runs } from '../../support/properties.ts';

const LARGEST = 2n ** 64n - 1n;
const part = fc.bigInt({ min: 0n, max: LARGEST });

describe('keys of a session', () => {
  it('differ for different ids, keep one slot, and hold nothing of an unusual id', () => {
    const ids = fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      minLength: 1,
    });
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const [first, second] = [sessionKeys('p', a), sessionKeys('p', b)];
        expect(first.log === second.log).toBe(a === b);
        expect(first.log).toMatch(/^p:\{[\w.-]{1,64}\}:l$/);
        expect(first.wake.replace(/w$/, 'l')).toBe(first.log);
      }),
      runs(100),
    );
  });

  it('cannot be reached by an id that looks like a hash', () => {
    const hashed = sessionKeys('p', 'a b').log;
    const tag = /\{(.*)\}/.exec(hashed)?.[1] as string;
    expect(sessionKeys('p', tag).log).not.toBe(hashed);
  });

  it('tell lone surrogates apart', () => {
    expect(sessionKeys('p', '\ud800').log).not.toBe(sessionKeys('p', '\ud801').log);
  });
});

describe('stream ids', () => {
  it('are ordered as pairs of 64-bit numbers', () => {
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        const order = a === c ? Number(b > d) - Number(b < d) : Number(a > c) - Number(a < c);
        expect(Math.sign(compareStreamIds(`${a}-${b}`, `${c}-${d}`))).toBe(order);
      }),
      runs(100),
    );
  });

  it('as entry ids sort as text in the same order, and come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part), { minLength: 2 }), (pairs) => {
        const streamIds = pairs.map(([a, b]) => `${a}-${b}`);
        const ids = streamIds.map(entryIdOf);
        expect(ids.map(streamIdOf)).toEqual(streamIds);
        expect(ids.toSorted()).toEqual(streamIds.toSorted(compareStreamIds).map(entryIdOf));
        for (const id of ids) expect(id).toMatch(/^[a-z0-9]{4,42}$/);
      }),
      runs(100),
    );
  });

  it('from outside are two numbers of 64 bits in one spelling, or nothing', () => {
    expect(entryIdOf('1700000000000-7')).toBe('m1700000000000a7');
    expect(streamIdOf('a0a0')).toBe('0-0');
    expect(streamIdOf(entryIdOf(`${LARGEST}-${LARGEST}`))).toBe(`${LARGEST}-${LARGEST}`);
    const bad = [
      '',
      'a',
      'a1',
      'a1a',
      'a1a2a3',
      ' a1a2',
      'a1a2\n',
      '+',
      '$',
      '(a1a2',
      'a1-2',
      '1-2',
      'a1a*',
      'a٣a1',
      'b07a1',
      'a1b01',
      'b7a1',
      'a10a1',
      'A1a1',
      'u100000000000000000000a1',
      entryIdOf(`${LARGEST + 1n}-0`),
      entryIdOf(`0-${LARGEST + 1n}`),
    ];
    for (const id of bad) expect(streamIdOf(id), id).toBeUndefined();
  });
});
