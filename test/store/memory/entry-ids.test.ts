import * as fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';

import { MemorySessionStore } from '../../../src/index.ts';
import { runs } from '../../support/properties.ts';

type Action = { readonly do: 'log'; readonly count: number } | { readonly do: 'end' | 'delete' | 'evict' | 'restart' };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('log' as const), count: fc.integer({ min: 1, max: 120 }) }) },
  fc.record({ do: fc.constantFrom('end' as const, 'delete' as const, 'evict' as const, 'restart' as const) }),
);

afterEach(() => void vi.useRealTimers());

it('ids of a session sort as text in the order logged, over lives, deletion, eviction and restarts', () => {
  // Restarts within one millisecond.
  vi.useFakeTimers({ toFake: ['Date'] });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      let store = new MemorySessionStore({ maxSessions: 1 });
      const ids: string[] = [];
      for (const each of actions) {
        if (each.do === 'end') store.end('s');
        else if (each.do === 'delete') store.delete('s');
        else if (each.do === 'evict') store.append('other', 'x', 0, undefined);
        else if (each.do === 'restart') store = new MemorySessionStore({ maxSessions: 1 });
        for (let left = each.do === 'log' ? each.count : 0; left > 0; left -= 1) {
          store.append('s', 'x', 0, undefined);
          ids.push(store.newestId('s') as string);
        }
      }
      expect(ids.toSorted()).toEqual(ids);
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) expect(id).toMatch(/^[a-z0-9]{21,27}$/);
    }),
    runs(100),
  );
});
