import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { entryDetail } from '../../../src/entry.ts';
import type { EntryDetail } from '../../../src/entry.ts';
import { decodeEntry, encodeEntry } from '../../../src/store/redis/redis-codec.ts';
import { ENTRY_KINDS } from '../../../src/tokens.ts';
import { runs } from '../../support/properties.ts';

const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const detail: fc.Arbitrary<EntryDetail> = fc.record({
  logType: fc.constantFrom('chat', 'log'),
  kind: fc.constantFrom(...ENTRY_KINDS),
  streamId: optional(text),
  severityNumber: optional(fc.integer({ min: 1, max: 24 })),
  severityText: optional(text),
  attributes: optional(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))),
  eventName: optional(text),
  traceId: optional(text),
  spanId: optional(text),
  endsReasoning: fc.boolean(),
});

describe('the stored form of an entry', () => {
  it('is read as it was written, through UTF-8', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 4e12 }), optional(detail), (message, timestamp, given) => {
        const stored = Buffer.from(encodeEntry(message, timestamp, given), 'utf8').toString('utf8');
        const read = decodeEntry(stored);
        expect(read?.message).toBe(message);
        expect(read?.timestamp).toBe(timestamp);
        // A detail that says nothing but what a plain chunk is comes back as none.
        const expected = JSON.parse(JSON.stringify(given ?? entryDetail({}))) as unknown;
        expect(JSON.parse(JSON.stringify(read?.detail ?? entryDetail({})))).toEqual(expected);
      }),
      runs(500),
    );
  });

  it('never throws on text of others', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.json(),
          fc.jsonValue().map((value) => `{"t":0,"m":"x","a":${JSON.stringify(value)}}`),
        ),
        (stored) => {
          const read = decodeEntry(stored);
          if (read !== undefined) expect(typeof read.message).toBe('string');
        },
      ),
      runs(1_000),
    );
  });

  it('costs a plain chunk nine characters more than its text', () => {
    expect(encodeEntry('Hello', 1_795_584_816_483, undefined)).toHaveLength(5 + 9);
  });

  it('takes attributes that JSON does not', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const given = entryDetail({
      attributes: {
        big: 1n,
        bytes: Buffer.from('a'),
        cycle,
        nan: Number.NaN,
        bad: {
          toJSON: () => {
            throw new Error('no');
          },
        },
      },
    });
    const read = decodeEntry(encodeEntry('x', 0, given));
    expect(read?.message).toBe('x');
    expect(read?.detail?.attributes).toMatchObject({ big: '1', bytes: 'YQ==', nan: 'NaN' });
  });
});
