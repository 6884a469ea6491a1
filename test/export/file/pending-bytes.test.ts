import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { countLines, PendingBytes } from '../../../src/export/file/pending-bytes.ts';
import { runs } from '../../support/properties.ts';

const lineArbitrary = fc
  .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 40 }))
  .map(([character, length]) => `${character.repeat(length)}\n`);

describe('lines that wait for the file', () => {
  it('come out whole and in order, refused ones are the newest and counted, within the bound', () => {
    const step = fc.oneof(
      fc.record({ add: fc.array(lineArbitrary, { minLength: 1, maxLength: 6 }) }),
      fc.record({ write: fc.integer({ min: 1, max: 90 }) }),
      fc.constant({ otherFile: true as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 300 }), (steps, maxBytes) => {
        const pending = new PendingBytes(maxBytes);
        const accepted: string[] = [];
        const files = [''];
        let [given, refused, written] = [0, 0, 0];
        for (const action of steps) {
          if ('add' in action) {
            const lines = pending.lines;
            refused += pending.add(Buffer.from(action.add.join('')));
            given += action.add.length;
            accepted.push(...action.add.slice(0, pending.lines - lines));
          } else if ('write' in action) {
            const bytes = pending.first().subarray(0, action.write);
            files.push(`${files.pop()}${bytes.toString()}`);
            written += pending.advance(bytes.length);
          } else {
            pending.rewind();
            files.push('');
          }
          expect(pending.bytes).toBeLessThanOrEqual(maxBytes);
          expect(written + refused + pending.lines).toBe(given);
        }
        // A line that was cut at the end of one file is whole in the next.
        const whole = files.map((text) => text.slice(0, text.lastIndexOf('\n') + 1)).join('');
        expect(whole).toBe(accepted.slice(0, written).join(''));
        expect(countLines(Buffer.from(whole))).toBe(written);
      }),
      runs(500),
    );
  });

  it('the first lines may be partly in the file already; a cut line begins again in another file', () => {
    const pending = new PendingBytes(100);
    expect(pending.add(Buffer.from('one\ntwo\nthree\n'), 6)).toBe(0);
    expect(pending.isWithinLine).toBe(true);
    expect({ lines: pending.lines, bytes: pending.bytes }).toEqual({ lines: 2, bytes: 8 });
    expect(pending.first().toString()).toBe('o\nthree\n');
    pending.rewind();
    expect(pending.first().toString()).toBe('two\nthree\n');
    expect(pending.advance(10)).toBe(2);
    expect(pending.isEmpty).toBe(true);
  });
});
