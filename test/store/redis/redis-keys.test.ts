import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { itemIdOf, sessionKeys, sessionOf, streamIdIn, streamIdOf } from '../../../src/store/redis/redis-keys.ts';
import { runs } from '../../support/properties.ts';

const LARGEST = 2n ** 64n - 1n;
const part = fc.bigInt({ min: 0n, max: LARGEST });

/** Order of two stream ids: negative, 0 or positive. */
function compare(a: string, b: string): number {
  const [[a1, a2], [b1, b2]] = [a, b].map((id) => id.split('-').map(BigInt)) as [[bigint, bigint], [bigint, bigint]];
  return a1 === b1 ? Number(a2 > b2) - Number(a2 < b2) : Number(a1 > b1) - Number(a1 < b1);
}

it('the keys of a session share a slot, and its channel names it', () => {
  const keys = sessionKeys('p:q', 'h.x_y-z');
  const [log, producers, leases, wake] = ['l', 'p', 'a', 'w'].map((end) => `p:q:{h.x_y-z}:${end}`);
  expect(keys).toEqual({ log, producers, leases, wake });
  expect(sessionOf('p:q', keys.wake)).toBe('h.x_y-z');
});

describe('stream ids', () => {
  it('as ids of items sort as text in the same order, and come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part), { minLength: 2 }), (pairs) => {
        const streamIds = pairs.map(([a, b]) => `${a}-${b}`);
        const ids = streamIds.map(itemIdOf);
        expect(ids.map(streamIdOf)).toEqual(streamIds);
        expect(ids.map(streamIdIn)).toEqual(streamIds);
        expect(ids.toSorted()).toEqual(streamIds.toSorted(compare).map(itemIdOf));
        for (const id of ids) expect(id).toMatch(/^[a-z0-9]{4,42}$/);
      }),
      runs(100),
    );
  });

  it('from outside are two numbers of 64 bits in one spelling, or nothing', () => {
    expect(itemIdOf('1700000000000-7')).toBe('m1700000000000a7');
    expect(streamIdOf('a0a0')).toBe('0-0');
    expect(streamIdOf(itemIdOf(`${LARGEST}-${LARGEST}`))).toBe(`${LARGEST}-${LARGEST}`);
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
      itemIdOf(`${LARGEST + 1n}-0`),
      itemIdOf(`0-${LARGEST + 1n}`),
    ];
    for (const id of bad) expect(streamIdOf(id), id).toBeUndefined();
  });
});
