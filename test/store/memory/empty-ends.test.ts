import { describe, expect, it } from 'vitest';

import { MemorySessionStore } from '../../../src/index.ts';
import { log } from '../../../src/store/contract/contract-kit.ts';

describe('ends of sessions that never had an entry', () => {
  it('keep within maxBytes', () => {
    const maxBytes = 2_000;
    const store = new MemorySessionStore({ maxBytes });
    for (let n = 0; n < 100; n += 1) store.end(`never-${n}`);
    expect(store.stats().bytes).toBeLessThanOrEqual(maxBytes);
  });

  it('evict no session that has entries, also no ended one', () => {
    const store = new MemorySessionStore({ maxSessions: 3 });
    for (const id of ['a', 'b', 'c']) log(store, id, 'x');
    store.end('a');
    for (let n = 0; n < 10; n += 1) store.end(`never-${n}`);
    expect(store.sessionIds()).toEqual(['a', 'b', 'c']);
    expect(store.stats().lost).toEqual({});
  });
});
