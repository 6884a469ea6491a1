import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import { describeSessionStore } from '../../../src/testing.ts';
import { CLUSTER_CLIENTS } from './clients.ts';
import { REDIS, startCluster, WITHOUT_SERVER } from './server.ts';
import type { TestServer } from './server.ts';

describe.skipIf(REDIS === undefined)(`a cluster of three nodes${WITHOUT_SERVER}`, () => {
  let nodes: TestServer[] = [];
  beforeAll(async () => {
    nodes = await startCluster();
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });
  for (const [name, makeClient] of Object.entries(CLUSTER_CLIENTS)) {
    const make = (options: object): RedisSessionStore =>
      new RedisSessionStore({
        client: makeClient(nodes[0]?.port as number),
        prefix: `test:${randomUUID()}`,
        ...options,
      });
    describeSessionStore(`RedisSessionStore over the cluster client of ${name}`, make, { describe, it });
  }
});
