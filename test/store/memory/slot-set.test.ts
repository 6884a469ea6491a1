import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { SlotSet } from '../../../src/store/memory/slot-set.ts';
import { runs } from '../../support/properties.ts';

it('a set of slots counts those between two of them as an array does', () => {
  const slot = fc.nat({ max: 127 });
  fc.assert(
    fc.property(fc.array(slot), fc.nat({ max: 128 }), fc.nat({ max: 128 }), (slots, from, to) => {
      const set = new SlotSet(128);
      for (const each of slots) set.add(each);
      expect(set.countBetween(from, to)).toBe(new Set(slots.filter((each) => each >= from && each < to)).size);
    }),
    runs(300),
  );
});
