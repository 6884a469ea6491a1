import { array, assert, constantFrom, nat, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EvictionOrder } from '../../../src/store/memory/eviction.ts';
import type { Evictable } from '../../../src/store/memory/eviction.ts';
import { runs } from '../../support/properties.ts';

interface Item extends Evictable {
  readonly name: number;
  lastUsed: number;
  lastUsedMillis: number;
}

const makeItems = (count: number): Item[] =>
  Array.from({ length: count }, (_, name) => ({
    name,
    lastUsed: 0,
    lastUsedMillis: 0,
    rankedAt: 0,
    rankedMillis: 0,
    heapIndex: 0,
    order: undefined,
  }));

/** Some uses fall into the same millisecond. */
function use(item: Item, clock: number): void {
  item.lastUsed = clock;
  item.lastUsedMillis = Math.trunc(clock / 3);
}

describe('EvictionOrder', () => {
  it('names the item used least recently, whatever was used, removed, and put into another order', () => {
    const step = record({ what: constantFrom('add', 'use', 'remove', 'move', 'take', 'rank'), item: nat(11) });
    assert(
      property(array(step, { maxLength: 200 }), (steps) => {
        let clock = 0;
        const items = makeItems(12);
        const orders = [new EvictionOrder<Item>(), new EvictionOrder<Item>()] as const;
        const models: [Set<Item>, Set<Item>] = [new Set(), new Set()];
        for (const { what, item: index } of steps) {
          const item = items[index] as Item;
          const place = models.findIndex((model) => model.has(item));
          if (what === 'use') use(item, ++clock);
          else if (what === 'add' && place === -1) {
            use(item, ++clock);
            orders[0].add(item);
            models[0].add(item);
          } else if (what === 'remove') {
            // As the store does it: from both, whichever it is in.
            for (const order of orders) order.remove(item);
            for (const model of models) model.delete(item);
          } else if (what === 'move' && place !== -1) {
            for (const order of orders) order.remove(item);
            for (const model of models) model.delete(item);
            orders[place === 0 ? 1 : 0].add(item);
            models[place === 0 ? 1 : 0].add(item);
          } else if (what === 'take') {
            const least = orders[0].leastUsed();
            if (least !== undefined) {
              orders[0].remove(least);
              models[0].delete(least);
            }
          } else if (what === 'rank') {
            orders[0].rank(index);
          }
          for (const [at, order] of orders.entries()) {
            const model = models[at] as Set<Item>;
            const expected = [...model].toSorted((a, b) => a.lastUsed - b.lastUsed)[0];
            expect(order.size).toBe(model.size);
            const millis = Math.trunc(clock / 6);
            const isDue = expected !== undefined && expected.lastUsedMillis <= millis;
            expect(order.usedBy(millis)?.lastUsed).toBe(isDue ? expected.lastUsed : undefined);
            expect(order.leastUsed()?.lastUsed).toBe(expected?.lastUsed);
          }
        }
      }),
      runs(500),
    );
  });

  it('looks at a bounded number of items for a victim, and names the right one once they have their places', () => {
    const order = new EvictionOrder<Item>();
    const items = makeItems(2_000);
    let clock = 0;
    for (const item of items) {
      use(item, ++clock);
      order.add(item);
    }
    // All but the last one, which has the youngest place, are used again.
    for (const item of items.slice(0, -1)) use(item, ++clock);
    expect(order.leastUsed()).toBe(items[0]);
    while (order.leastUsed() !== items.at(-1)) order.rank(256);
    expect(order.usedBy(Infinity)).toBe(items.at(-1));
  });

  it('moves nothing to say that no item was last used so long ago', () => {
    const order = new EvictionOrder<Item>();
    const items = makeItems(3);
    for (const [n, item] of items.entries()) {
      use(item, 300 + 3 * n);
      order.add(item);
    }
    for (const item of items) use(item, 400);
    expect(order.usedBy(99)).toBe(undefined);
    expect(items.map(({ rankedAt }) => rankedAt)).toEqual([300, 303, 306]);
    expect(order.usedBy(100)).toBe(undefined);
    expect(items.map(({ rankedAt }) => rankedAt)).toEqual([400, 303, 306]);
  });
});
