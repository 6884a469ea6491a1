import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { KINDS, panesOf, readView, SORTS, STATES, writeView } from '../../page/src/address.ts';
import type { View } from '../../page/src/address.ts';

const VIEW: fc.Arbitrary<View> = fc.record({
  follow: fc.string({ unit: 'binary', minLength: 1 }),
  pins: fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 3 }),
  search: fc.string({ unit: 'binary' }),
  text: fc.string({ unit: 'binary' }),
  states: fc.subarray([...STATES]),
  kinds: fc.subarray([...KINDS]),
  source: fc.option(fc.nat(), { nil: undefined }),
  sort: fc.constantFrom(...SORTS),
  logType: fc.constantFrom('all', 'chat', 'log'),
  severity: fc.nat(24),
  time: fc.constantFrom('absolute', 'relative'),
  block: fc.nat(),
  place: fc.constantFrom('', '12.0', '7.999'),
  replay: fc.option(fc.nat(), { nil: undefined }),
});

describe('the address of the page', () => {
  it('reads back every view that it was written from', () => {
    fc.assert(
      fc.property(VIEW, (view) => {
        expect(readView(writeView(view))).toEqual(view);
      }),
    );
  });

  it('leaves out what has its default', () => {
    expect(writeView(readView(''))).toBe('#');
    expect(writeView(readView('#follow=s:abc&sort=newest&severity=0'))).toBe('#follow=s:abc');
  });

  it('ignores what is wrong in it', () => {
    const wrong =
      '#sort=up&state=dead,live&kind=x&source=-1&severity=99&block=1.5&place=12&replay=a&time=noon&logType=';
    expect(readView(wrong)).toEqual({ ...readView(''), states: ['live'], severity: 24 });
  });

  it('has four sessions side by side at most, the chosen one among them', () => {
    const keys = (hash: string): readonly string[] => panesOf(readView(hash));
    expect(keys('#follow=s:a&pin=s:b&pin=s:c&pin=s:b&pin=s:d&pin=s:e')).toEqual(['s:b', 's:c', 's:d', 's:a']);
    expect(keys('#follow=s:b&pin=s:a&pin=s:b')).toEqual(['s:a', 's:b']);
    expect(keys('')).toEqual([]);
    // Without a chosen session, the last pinned one counts as chosen: a narrow screen shows one.
    expect(readView('#pin=s:a&pin=s:b').follow).toBe('s:b');
  });
});
