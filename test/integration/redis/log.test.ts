import { afterAll, beforeAll, describe, it } from 'vitest';

import { ioRedisPort } from '../../../src/store/redis/redis-ioredis.ts';
import { RedisLog } from '../../../src/store/redis/redis-log.ts';
import { nodeRedisPort } from '../../../src/store/redis/redis-node-redis.ts';
import type { NodeRedisLike } from '../../../src/store/redis/redis-node-redis.ts';
import { describeRemoteLog } from '../../../src/testing.ts';
import { CLIENTS, CLUSTER_CLIENTS } from './clients.ts';
import type { Client, MakeClient } from './clients.ts';
import { REDIS, startCluster, TestServer, WITHOUT_SERVER } from './server.ts';

function logOver(client: Client): RedisLog {
  const port = 'status' in client ? ioRedisPort(client) : nodeRedisPort(client as NodeRedisLike);
  return new RedisLog(port, 'log');
}

function suites(
  title: string,
  clients: Readonly<Record<string, MakeClient>>,
  start: () => Promise<TestServer[]>,
): void {
  describe.skipIf(REDIS === undefined)(`${title}${WITHOUT_SERVER}`, () => {
    let servers: TestServer[] = [];
    beforeAll(async () => {
      servers = await start();
    });
    afterAll(() => Promise.all(servers.map((server) => server.stop())));
    for (const [name, makeClient] of Object.entries(clients)) {
      describeRemoteLog(`a log over ${name}`, () => logOver(makeClient(servers[0]?.port as number)), { describe, it });
    }
  });
}

suites('one server', CLIENTS, async () => [await TestServer.start()]);
suites('a cluster', CLUSTER_CLIENTS, () => startCluster());
