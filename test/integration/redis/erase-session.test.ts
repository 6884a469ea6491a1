import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { SessionLogs } from '../../../src/index.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { randomNumbers } from '../../support/properties.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { expectNoTrace, show } from '../erase-show.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

describe.skipIf(REDIS === undefined)(`a session that is erased in Redis${WITHOUT_SERVER}`, () => {
  let server: TestServer;
  let raw: ReturnType<typeof createClient>;
  beforeAll(async () => {
    server = await TestServer.start();
    raw = createClient({ url: server.url });
    await raw.connect();
  });
  afterAll(async () => {
    raw.destroy();
    await server.stop();
  });

  describe.each(Object.entries(BOTH_CLIENTS))('over %s', (_, makeClient) => {
    function startStores(count = 1): { stores: RedisSessionStore[]; prefix: string } {
      const prefix = `erase:${randomUUID()}`;
      const stores = Array.from(
        { length: count },
        () => new RedisSessionStore({ client: makeClient(server.port), prefix }),
      );
      onTestFinished(async () => {
        await Promise.allSettled(stores.map((store) => store.close(500)));
      });
      return { stores, prefix };
    }

    it.each(['s', 'with spaces } and {', 'x'.repeat(256)])(
      'leaves no key, and counts the entries of all lives and those that waited: %s',
      async (id) => {
        const { stores, prefix } = startStores();
        const [store] = stores as [RedisSessionStore];
        for (let n = 0; n < 1_500; n += 1) store.append(id, `entry ${n}`, 0, undefined);
        store.end(id);
        store.append('other', 'stays', 0, undefined);
        await store.flush();
        store.append(id, 'next life', 0, undefined);

        const { entries, remains } = await store.erase(id);

        expect(entries).toBe(1_501);
        expect(remains?.join(' ')).toMatch(/append-only file.*backups/);
        expect((await raw.keys(`${prefix}*`)).toSorted()).toEqual([`${prefix}:{other}:l`, `${prefix}:{other}:p`]);
        await expect(store.erase(id)).resolves.toMatchObject({ entries: 0 });
        expect(await raw.keys(`${prefix}*`)).toHaveLength(2);
      },
    );

    it('begins anew with what is logged afterwards, on every host', async () => {
      const { stores, prefix } = startStores(2);
      const [one, two] = stores as [RedisSessionStore, RedisSessionStore];
      for (const store of stores) store.append('s', 'before', 0, undefined);
      await Promise.all(stores.map((store) => store.flush()));
      await one.erase('s');
      one.append('s', 'after 1', 0, undefined);
      await one.flush();
      two.append('s', 'after 2', 0, undefined);
      await two.flush();
      const sessions = new SessionLogs({ store: two });
      const messages: string[] = [];
      const reader = sessions.followSession('s', { until: 'caught-up' });
      for await (const { message } of reader) messages.push(message);
      expect(messages).toEqual(['after 1', 'after 2']);
      expect(await raw.pTTL(`${prefix}:{s}:l`)).toBeGreaterThan(100_000);
    });

    it('ends its readers on every host with `deleted`', async () => {
      const { stores } = startStores(2);
      const readers = stores.map((store) => new SessionLogs({ store }).followSession('s'));
      const [one] = stores as [RedisSessionStore];
      one.append('s', 'secret', 0, undefined);
      for (const reader of readers) expect((await reader.next()).value?.message).toBe('secret');
      const waiting = readers.map((reader) => reader.next());
      await one.erase('s');
      for (const next of await Promise.all(waiting)) expect(next.done).toBe(true);
      expect(readers.map((reader) => reader.endReason)).toEqual(['deleted', 'deleted']);
    });

    it('what another host has on its way does not come back', async () => {
      const { stores, prefix } = startStores(2);
      const [one, two] = stores as [RedisSessionStore, RedisSessionStore];
      two.append('s', 'first', 0, undefined);
      await two.flush();
      two.append('s', 'on its way', 0, undefined);
      await one.erase('s');
      await two.flush();
      expect(await raw.keys(`${prefix}*`)).toEqual([]);
    });

    it('nor does what is the first of another host', async () => {
      const { stores, prefix } = startStores(2);
      const [one, two] = stores as [RedisSessionStore, RedisSessionStore];
      one.append('s', 'first', 0, undefined);
      await one.flush();
      for (const n of [1, 2, 3]) two.append('s', `on its way ${n}`, 0, undefined);
      await one.erase('s');
      await two.flush();
      expect(await raw.keys(`${prefix}*`)).toEqual([]);
      two.append('s', 'new', 0, undefined);
      await two.flush();
      expect(await raw.xLen(`${prefix}:{s}:l`)).toBe(1);
    });

    it('stays there when Redis is away, which is said, and is erased by the next call', async () => {
      const { stores, prefix } = startStores();
      const [store] = stores as [RedisSessionStore];
      store.append('s', 'secret', 0, undefined);
      await store.flush();
      server.signal('SIGSTOP');
      const erasing = store.erase('s');
      await sleep(300);
      server.signal('SIGCONT');
      await expect(erasing).resolves.toMatchObject({ entries: 1 });
      expect(await raw.keys(`${prefix}*`)).toEqual([]);
    });
  });

  it('10 of 80 are gone without a trace, while two processes write to all of them', async () => {
    const prefix = `erase-show-${randomUUID()}`;
    const options = {
      directory: temporaryDirectory(),
      sessions: 80,
      erased: 10,
      kills: 3,
      random: randomNumbers(),
      redis: { url: server.url, prefix },
    };
    const result = await show(options);
    expectNoTrace(result, options);
    const texts: string[] = [];
    for (const key of await raw.keys(`${prefix}*`)) {
      if (key.endsWith(':l')) texts.push(JSON.stringify(await raw.xRange(key, '-', '+')));
    }
    for (const { at, receipt, expected } of result.receipts) {
      expect(texts.filter((text) => text.includes(`secret-${at}-`))).toEqual([]);
      expect(receipt.store.entries).toBeLessThanOrEqual(expected.allEntries);
      expect(receipt.remains).toEqual([expect.stringContaining('append-only file')]);
    }
    // The one that was killed before all this may have had some that were never stored.
    for (const { receipt, expected } of result.receipts.slice(3)) {
      if (expected.unwritten === 0) expect(receipt.store.entries).toBeGreaterThanOrEqual(expected.storedEntries);
    }
    expect(texts.length).toBe(70);
  }, 300_000);
});
