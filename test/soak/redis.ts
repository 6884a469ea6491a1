/**
 * The failures that take a while, at full size, over both clients:
 *
 *     npx tsx test/soak/redis.ts [kill] [cut] [resume] [hang]
 *
 * Exits with 1 when anything was lost, doubled or reordered.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { RedisSessionStore } from '../../src/redis.ts';
import { BOTH_CLIENTS } from '../integration/redis/clients.ts';
import type { MakeClient } from '../integration/redis/clients.ts';
import { runLoad } from '../integration/redis/load.ts';
import type { LoadOptions } from '../integration/redis/load.ts';
import { REDIS, TestServer } from '../integration/redis/server.ts';

interface Scenario {
  readonly name: string;
  readonly load: LoadOptions;
  readonly disturb: (server: TestServer) => Promise<void>;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'kill',
    load: { sessions: 50, perSecond: 5_000, millis: 11_100 },
    async disturb(server) {
      await sleep(3_000);
      await server.kill();
      await sleep(3_000);
      await server.start();
    },
  },
  {
    name: 'cut',
    load: { sessions: 50, perSecond: 5_000, millis: 5_000 },
    async disturb(server) {
      for (let round = 0; round < 50; round += 1) {
        await server.killConnections();
        await sleep(100);
      }
    },
  },
  {
    name: 'resume',
    load: { sessions: 1_000, perSecond: 3_000, millis: 7_400, resumeChance: 0.16 },
    disturb: () => Promise.resolve(),
  },
  {
    name: 'hang',
    load: { sessions: 50, perSecond: 5_000, millis: 8_000 },
    async disturb(server) {
      await sleep(1_000);
      server.signal('SIGSTOP');
      await sleep(4_000);
      server.signal('SIGCONT');
    },
  },
];

async function run(scenario: Scenario, client: string, makeClient: MakeClient): Promise<boolean> {
  const server = await TestServer.start(['--appendonly', 'yes', '--appendfsync', 'everysec']);
  const stores = [0, 1].map(() => new RedisSessionStore({ client: makeClient(server.port) }));
  const [writing, reading] = stores as [RedisSessionStore, RedisSessionStore];
  try {
    const tally = await runLoad(writing, reading, scenario.load, () => scenario.disturb(server));
    console.log(`${scenario.name}, ${client}:`, JSON.stringify(tally), JSON.stringify(writing.stats().lost));
    const { lost, duplicated, reordered, missed, stuck } = tally;
    return lost === 0 && duplicated === 0 && reordered === 0 && missed === 0 && stuck === 0;
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    await server.stop();
  }
}

if (REDIS === undefined) {
  console.log('skipped: no redis-server on this machine');
} else {
  const wanted = new Set(process.argv.slice(2));
  for (const scenario of SCENARIOS) {
    if (wanted.size > 0 && !wanted.has(scenario.name)) continue;
    for (const [client, makeClient] of Object.entries(BOTH_CLIENTS)) {
      if (!(await run(scenario, client, makeClient))) process.exitCode = 1;
    }
  }
}
