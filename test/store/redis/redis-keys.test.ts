import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalStreamId, compareStreamIds, isStreamId, sessionKeys } from '../../../src/store/redis/redis-keys.ts';
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

  it('from outside are two numbers of 64 bits or nothing', () => {
    for (const id of ['0-0', '1-2', '00000000000000000007-1', `${LARGEST}-${LARGEST}`])
      expect(isStreamId(id)).toBe(true);
    const bad = [
      '',
      '1',
      '-',
      '1-',
      '-1',
      '1-2-3',
      ' 1-2',
      '1-2\n',
      '+',
      '$',
      '(1-2',
      '1-*',
      '٣-1',
      `${LARGEST + 1n}-0`,
      '1e3-0',
    ];
    for (const id of bad) expect(isStreamId(id), id).toBe(false);
    expect(canonicalStreamId('00000000000000000007-01')).toBe('7-1');
  });
});
