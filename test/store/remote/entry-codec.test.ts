import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { entryDetail } from '../../../src/entry/entry-detail.ts';
import type { EntryDetail } from '../../../src/entry/entry-detail.ts';
import { ENTRY_KINDS } from '../../../src/entry/tokens.ts';
import { decodeEntry, encodeEntry } from '../../../src/store/remote/entry-codec.ts';
import type { EncodedEntry } from '../../../src/store/remote/entry-codec.ts';
import { StoredItem } from '../../../src/store/remote/stored-item.ts';
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
        const read = decodeEntry(stored) as EncodedEntry;
        expect(read.message).toBe(message);
        expect(read.timestamp).toBe(timestamp);
        // A detail that says nothing but what a plain chunk is comes back as none.
        const expected = JSON.parse(JSON.stringify(given ?? entryDetail({}))) as unknown;
        expect(JSON.parse(JSON.stringify(read.detail ?? entryDetail({})))).toEqual(expected);
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
          if (typeof read === 'object') expect(typeof read.message).toBe('string');
          else expect(['newer_version', 'not_an_entry']).toContain(read);
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
    const read = decodeEntry(encodeEntry('x', 0, given)) as EncodedEntry;
    expect(read.message).toBe('x');
    expect(read.detail?.attributes).toMatchObject({ big: '1', bytes: 'YQ==', nan: 'NaN' });
  });
});

describe('the stored form of a newer version', () => {
  const line = ['p', 'producer', 'n', '7'];

  it('is told by the first character, which no entry of this version has', () => {
    const first = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
      .filter((char) => !/^[0-9a-z{-]/.test(char));
    fc.assert(
      fc.property(first, text, (char, rest) => {
        expect(decodeEntry(char + rest)).toBe('newer_version');
      }),
      runs(500),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: -6e13, max: 2e14 }), optional(detail), (message, timestamp, given) => {
        expect(encodeEntry(message, timestamp, given)).toMatch(/^[0-9a-z{-]/);
        expect(typeof decodeEntry(encodeEntry(message, timestamp, given))).toBe('object');
      }),
      runs(500),
    );
  });

  it.each([
    ['a kind', '{"t":0,"m":"<sources>","k":"sources"}'],
    ['a kind that is no text', '{"t":0,"m":"x","k":5}'],
    ['a log type', '{"t":0,"m":"for auditors","l":2}'],
  ])('%s that is not known is not taken for text of the chat', (_, data) => {
    expect(decodeEntry(data)).toBe('newer_version');
  });

  it('one more member of the JSON, or one more field, is overlooked', () => {
    expect(decodeEntry('{"t":0,"m":"x","k":"reasoning-start","z":[1]}')).toMatchObject({ message: 'x' });
    expect(new StoredItem({ id: 'a1', fields: ['d', '0,x', ...line, 'z', '1'] }).entry?.message).toBe('x');
    expect(new StoredItem({ id: 'a1', fields: ['e', '1', ...line, 'z', '1'] }).type).toBe('end');
  });

  it.each([
    ['a new kind of item', ['erased', '1'], 'unknown'],
    ['an end mark that says more', ['e', '3;abandoned'], 'unknown'],
    ['such a mark beside an entry', ['e', '3;abandoned', 'd', '0,x'], 'unknown'],
    ['a deletion that says more', ['x', ''], 'unknown'],
    ['an entry in a format to come', ['d', '~0,x'], 'entry'],
  ] as const)('%s, with a producer and a number', (_, fields, type) => {
    const item = new StoredItem({ id: 'a1', fields: [...fields, ...line] });
    expect(item).toMatchObject({ type, isMark: false, entry: undefined, unreadable: 'newer_version' });
    expect(new StoredItem({ id: 'a1', fields }).unreadable).toBe('not_an_entry');
  });

  it.each([['no entry'], ['{'], ['{"t":1}'], ['']])('%j is no entry, whoever wrote it', (data) => {
    expect(new StoredItem({ id: 'a1', fields: ['d', data, ...line] }).unreadable).toBe('not_an_entry');
  });

  it('a mark is readable', () => {
    for (const name of ['e', 'x']) {
      expect(new StoredItem({ id: 'a1', fields: [name, '1', ...line] })).toMatchObject({
        isMark: true,
        unreadable: undefined,
      });
    }
  });
});
