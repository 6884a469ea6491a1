import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { BatchDelivery } from '../../../src/export/delivery/batch-delivery.ts';
import type { DeliveryEnd, Part } from '../../../src/export/delivery/batch-delivery.ts';
import type { ExportVerdict } from '../../../src/export/delivery/export-verdict.ts';
import { runs } from '../../support/properties.ts';

interface Outcome {
  readonly end: DeliveryEnd;
  readonly sent: readonly Part[];
  readonly accepted: readonly number[];
  readonly rejected: readonly number[];
}

function indexes({ from, to }: Part): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Delivers one batch to a collector that answers by what it is sent, and by how often it was sent something. */
async function deliver(
  count: number,
  answer: (indexes: readonly number[], call: number) => ExportVerdict,
  delivery = new BatchDelivery(),
): Promise<Outcome> {
  const sent: Part[] = [];
  const accepted: number[] = [];
  const rejected: number[] = [];
  const end = await delivery.deliver([{ from: 0, to: count }], {
    send: (part) => Promise.resolve(answer(indexes(part), sent.push(part) - 1)),
    accepted: (part) => void accepted.push(...indexes(part)),
    rejected: (part) => void rejected.push(...indexes(part)),
  });
  return { end, sent, accepted, rejected };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

test('a batch without a bad record is one request', async () => {
  const { end, sent, accepted } = await deliver(512, () => 'delivered');
  expect({ end, sent, accepted }).toEqual({ end: 'delivered', sent: [{ from: 0, to: 512 }], accepted: numbers(512) });
});

test('one bad record of 512 costs itself, and a request for each halving', async () => {
  const { end, sent, accepted, rejected } = await deliver(512, (part) =>
    part.includes(300) ? 'refused' : 'delivered',
  );
  expect(end).toBe('delivered');
  expect(rejected).toEqual([300]);
  expect(accepted).toEqual(numbers(512).filter((i) => i !== 300));
  expect(sent).toHaveLength(19);
});

test('whichever records are bad, as long as some are good: the good ones are accepted once, the bad ones rejected once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }), async (flags) => {
      const bad = numbers(flags.length).filter((i) => flags[i] === true);
      // The last one is good: however many come before it, the collector accepts something.
      const { end, accepted, rejected } = await deliver(flags.length + 1, (part) =>
        part.some((i) => bad.includes(i)) ? 'refused' : 'delivered',
      );
      expect(end).toBe('delivered');
      expect(rejected).toEqual(bad);
      expect(accepted.toSorted((a, b) => a - b)).toEqual(numbers(flags.length + 1).filter((i) => !bad.includes(i)));
    }),
    runs(200),
  );
});

test('a collector that refuses everything gets twenty records and no more, and few requests', async () => {
  const delivery = new BatchDelivery();
  const first = await deliver(512, () => 'refused', delivery);
  expect(first).toMatchObject({ end: 'all-refused', accepted: [], rejected: numbers(20) });
  expect(first.sent.length).toBeLessThan(80);
  const again = await deliver(10, () => 'refused', delivery);
  expect(again).toMatchObject({ end: 'all-refused', accepted: [], rejected: [] });
});

test.each(['unavailable', 'misconfigured'] as const)(
  'whenever the answer is %s it ends there: what was settled before stays, the rest is as it was',
  async (verdict) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 64 }),
        fc.integer({ min: 0, max: 40 }),
        async (flags, failsAt) => {
          const isBad = (i: number): boolean => flags[i] === true;
          const { end, sent, accepted, rejected } = await deliver(flags.length, (part, call) => {
            if (call === failsAt) return verdict;
            return part.some(isBad) ? 'refused' : 'delivered';
          });
          if (sent.length > failsAt) {
            expect(end).toBe(verdict);
            expect(sent).toHaveLength(failsAt + 1);
          }
          const settled = [...accepted, ...rejected];
          expect(new Set(settled).size).toBe(settled.length);
          expect(accepted.filter(isBad)).toEqual([]);
          expect(rejected.filter((i) => !isBad(i))).toEqual([]);
        },
      ),
      runs(200),
    );
  },
);
