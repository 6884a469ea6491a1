import { randomUUID } from 'node:crypto';

import { Cluster } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis-5';
import { createCluster } from 'redis';
import { createCluster as createCluster5 } from 'redis-5';
import { afterAll, beforeAll, describe, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import type { RedisSessionStoreOptions } from '../../../src/redis.ts';
import { describeSessionStore } from '../../../src/testing.ts';
import { REDIS, startCluster, WITHOUT_SERVER } from './server.ts';
import type { TestServer } from './server.ts';

type Client = RedisSessionStoreOptions['client'];

const CLIENTS: Readonly<Record<string, (port: number) => Client>> = {
  'redis 6': (port) => createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] }),
  'redis 5': (port) => createCluster5({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] }),
  'ioredis 6': (port) => new Cluster([{ host: '127.0.0.1', port }], { lazyConnect: true }),
  'ioredis 5': (port) => new Cluster5([{ host: '127.0.0.1', port }], { lazyConnect: true }),
};

describe.skipIf(REDIS === undefined)(`a cluster of three nodes${WITHOUT_SERVER}`, () => {
  let nodes: TestServer[] = [];
  beforeAll(async () => {
    nodes = await startCluster();
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });
  for (const [name, makeClient] of Object.entries(CLIENTS)) {
    const make = (options: object): RedisSessionStore =>
      new RedisSessionStore({
        client: makeClient(nodes[0]?.port as number),
        prefix: `test:${randomUUID()}`,
        ...options,
      });
    describeSessionStore(`RedisSessionStore over the cluster client of ${name}`, make, { describe, it });
  }
});
