import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { sessionName } from '../../../src/store/remote/session-name.ts';
import { runs } from '../../support/properties.ts';

describe('what a log calls a session', () => {
  it('differs for different ids, and holds nothing of an unusual one', () => {
    const ids = fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      minLength: 1,
    });
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const [first, second] = [sessionName(a), sessionName(b)];
        expect(first === second).toBe(a === b);
        expect(first).toMatch(/^[\w.-]{1,64}$/);
      }),
      runs(100),
    );
  });

  it('cannot be that of an id that looks like a hash', () => {
    const hashed = sessionName('a b');
    expect(sessionName(hashed)).not.toBe(hashed);
  });

  it('tells lone surrogates apart', () => {
    expect(sessionName('\ud800')).not.toBe(sessionName('\ud801'));
  });
});
