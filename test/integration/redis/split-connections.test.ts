import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import { randomNumbers } from '../../support/properties.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { runLoad } from './load.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';
import { SplittingProxy } from './splitting-proxy.ts';

describe.skipIf(REDIS === undefined)(`connections that are split and cut at any byte${WITHOUT_SERVER}`, () => {
  it.each(Object.entries(BOTH_CLIENTS))('over %s: nothing is lost, doubled or reordered', async (_, makeClient) => {
    const random = randomNumbers();
    const server = await TestServer.start();
    onTestFinished(() => server.stop());
    const proxy = await SplittingProxy.start(server.port, random);
    onTestFinished(() => proxy.close());
    const stores = [1, 2].map(() => new RedisSessionStore({ client: makeClient(proxy.port) }));
    onTestFinished(async () => void (await Promise.allSettled(stores.map((store) => store.close(100)))));
    const [writing, reading] = stores as [RedisSessionStore, RedisSessionStore];
    let cuts = 0;
    const tally = await runLoad(writing, reading, { sessions: 10, perSecond: 500, millis: 3_000 }, async () => {
      for (; cuts < 10; cuts += 1) {
        await sleep(100 + random() * 200);
        proxy.cut();
      }
    });
    expect(cuts).toBe(10);
    expect(tally).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, stuck: 0, logged: 1_500, missed: 0 });
  });
});
