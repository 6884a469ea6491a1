import { array, assert, constantFrom, nat, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EvictionOrder } from '../../../src/store/memory/eviction.ts';
import type { Evictable } from '../../../src/store/memory/eviction.ts';
import { runs } from '../../support/properties.ts';

interface Item extends Evictable {
  readonly name: number;
  lastUsed: number;
}

describe('EvictionOrder', () => {
  it('names the item used least recently, whatever was used, removed, and put into another order', () => {
    const step = record({ what: constantFrom('add', 'use', 'remove', 'move', 'take'), item: nat(11) });
    assert(
      property(array(step, { maxLength: 200 }), (steps) => {
        let clock = 0;
        const items = Array.from({ length: 12 }, (_, name): Item => ({
          name,
          lastUsed: 0,
          rankedAt: 0,
          heapIndex: 0,
          order: undefined,
        }));
        const orders = [new EvictionOrder<Item>(), new EvictionOrder<Item>()] as const;
        const models: [Set<Item>, Set<Item>] = [new Set(), new Set()];
        for (const { what, item: index } of steps) {
          const item = items[index] as Item;
          const place = models.findIndex((model) => model.has(item));
          if (what === 'use') item.lastUsed = ++clock;
          else if (what === 'add' && place === -1) {
            item.lastUsed = ++clock;
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
            const least = orders[0].peek();
            if (least !== undefined) {
              orders[0].remove(least);
              models[0].delete(least);
            }
          }
          for (const [at, order] of orders.entries()) {
            const model = models[at] as Set<Item>;
            const expected = [...model].toSorted((a, b) => a.lastUsed - b.lastUsed)[0];
            expect(order.size).toBe(model.size);
            expect(order.peek()?.lastUsed).toBe(expected?.lastUsed);
          }
        }
      }),
      runs(500),
    );
  });
});
