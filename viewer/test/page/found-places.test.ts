import { expect, it } from 'vitest';

import { firstPlace, numberOf, placeAfter, readPlace, writePlace } from '../../page/src/list/found-places.ts';

const HIT = { blocks: [3, 7, 9], times: [2, 1, 3] };

it('leads through all places of a session and back', () => {
  const seen = [];
  for (let place = placeAfter(HIT, { block: 0, nth: 0 }, 1); place !== undefined; place = placeAfter(HIT, place, 1))
    seen.push(writePlace(place));
  expect(seen).toEqual(['3.0', '3.1', '7.0', '9.0', '9.1', '9.2']);
  expect(seen.map((place) => numberOf(HIT, readPlace(place)))).toEqual([1, 2, 3, 4, 5, 6]);
  const back = [];
  for (let place = readPlace('9.2'); ;) {
    const before = placeAfter(HIT, place, -1);
    if (before === undefined) break;
    back.push(writePlace(before));
    place = before;
  }
  expect(back).toEqual(['9.1', '9.0', '7.0', '3.1', '3.0']);
  expect(writePlace(firstPlace(HIT))).toBe('3.0');
});

it('leads from a block without the text to the next and the previous place', () => {
  expect(placeAfter(HIT, { block: 8, nth: 0 }, 1)).toEqual({ block: 9, nth: 0 });
  expect(placeAfter(HIT, { block: 8, nth: 0 }, -1)).toEqual({ block: 7, nth: 0 });
  expect(placeAfter(HIT, { block: 10, nth: 0 }, 1)).toBeUndefined();
  expect(numberOf(HIT, { block: 8, nth: 0 })).toBeUndefined();
});
