import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import { readCount } from '../../../src/store/contract/contract-kit.ts';
import { CLUSTER_CLIENTS } from './clients.ts';
import type { MakeClient } from './clients.ts';
import { runLoad } from './load.ts';
import { addReplica, REDIS, startCluster, WITHOUT_SERVER } from './server.ts';
import type { TestServer } from './server.ts';

const NOTHING_WRONG = { lost: 0, duplicated: 0, reordered: 0, missed: 0, stuck: 0 };

describe.skipIf(REDIS === undefined)(`failures of a cluster${WITHOUT_SERVER}`, () => {
  for (const name of ['redis 6', 'ioredis 6']) {
    describe(`over ${name}`, () => {
      const makeClient = CLUSTER_CLIENTS[name] as MakeClient;
      let nodes: TestServer[] = [];
      let stores: RedisSessionStore[] = [];
      beforeEach(async () => {
        nodes = await startCluster(['--appendonly', 'yes']);
        stores = [0, 1].map(() => new RedisSessionStore({ client: makeClient(nodes[0]?.port as number) }));
      });
      afterEach(async () => {
        await Promise.all(stores.map((store) => store.close(100).catch(() => {})));
        await Promise.all(nodes.map((node) => node.stop()));
      });

      it('a node is killed and comes back: nothing is lost, doubled or reordered', async () => {
        const [writing, reading] = stores as [RedisSessionStore, RedisSessionStore];
        const tally = await runLoad(writing, reading, { sessions: 30, perSecond: 1_500, millis: 4_000 }, async () => {
          await sleep(1_000);
          await nodes[1]?.kill();
          await sleep(1_000);
          await nodes[1]?.start();
        });
        expect(tally, JSON.stringify(tally)).toMatchObject({ ...NOTHING_WRONG, logged: 6_000 });
      });

      it('every connection is cut every 200 ms: nothing is lost, doubled or reordered', async () => {
        const [writing, reading] = stores as [RedisSessionStore, RedisSessionStore];
        const tally = await runLoad(writing, reading, { sessions: 30, perSecond: 1_500, millis: 3_000 }, async () => {
          for (let round = 0; round < 12; round += 1) {
            await Promise.all(nodes.map((node) => node.killConnections()));
            await sleep(200);
          }
        });
        expect(tally).toMatchObject({ ...NOTHING_WRONG, logged: 4_500 });
      });

      it('a master dies and its replica takes over: what is lost is what readers are told, nothing is doubled or reordered', async () => {
        const replica = await addReplica(nodes, nodes[1] as TestServer);
        nodes.push(replica);
        const [writing, reading] = stores as [RedisSessionStore, RedisSessionStore];
        const tally = await runLoad(writing, reading, { sessions: 30, perSecond: 1_000, millis: 9_000 }, async () => {
          await sleep(1_500);
          await nodes[1]?.kill();
        });
        expect(await replica.command('ROLE')).toContain('master');
        expect(tally, JSON.stringify(tally)).toMatchObject({
          duplicated: 0,
          reordered: 0,
          stuck: 0,
          lost: tally.missed,
        });
      });

      it('the minimum of rights is enough', async () => {
        for (const node of nodes) {
          const user = ['ACL', 'SETUSER', LOGIN.username, 'reset', 'on', `>${LOGIN.password}`];
          expect(await node.command(...user, ...CLUSTER_RIGHTS)).toBe('+OK\r\n');
        }
        const own = [0, 1].map(() => new RedisSessionStore({ client: makeClient(nodes[0]?.port as number, LOGIN) }));
        stores.push(...own);
        const [writing, reading] = own as [RedisSessionStore, RedisSessionStore];
        const tally = await runLoad(writing, reading, { sessions: 30, perSecond: 500, millis: 500, resumeChance: 0.1 });
        expect(tally).toMatchObject({ ...NOTHING_WRONG, logged: 250 });
        const claim = reading.claim('jobs');
        writing.append('jobs', 'x', 0, undefined);
        expect(await readCount(claim, 1)).toEqual(['x']);
        claim.leave();
      });

      it('slots move to another node under load: nothing is lost, doubled or reordered', async () => {
        const [writing, reading] = stores as [RedisSessionStore, RedisSessionStore];
        const tally = await runLoad(writing, reading, { sessions: 30, perSecond: 1_500, millis: 4_000 }, async () => {
          await sleep(800);
          await moveSlots(nodes[0] as TestServer, nodes[1] as TestServer, nodes);
        });
        expect(tally, JSON.stringify(tally)).toMatchObject({ ...NOTHING_WRONG, logged: 6_000 });
      });
    });
  }
});

const LOGIN = { username: 'app', password: 'secret' };
/** As the README gives them for a cluster. */
const CLUSTER_RIGHTS =
  '~session_logs:* &session_logs:* +evalsha +eval +xadd +zscore +zadd +zremrangebyrank +hset +hget +hdel +hgetall +del +time +pexpire +spublish +xrange +xrevrange +ssubscribe +sunsubscribe +xgroup|create +xreadgroup +xclaim +ping +info +hello +client|setname +cluster|slots +cluster|info'.split(
    ' ',
  );

/** Moves every slot that holds a key, as `redis-cli --cluster reshard` does it. */
async function moveSlots(from: TestServer, to: TestServer, nodes: readonly TestServer[]): Promise<void> {
  const idOf = async (node: TestServer): Promise<string> =>
    (await node.command('CLUSTER', 'MYID')).split('\r\n')[1] as string;
  const [fromId, toId] = [await idOf(from), await idOf(to)];
  const keys = words(await from.command('KEYS', '*'));
  expect(keys.length).toBeGreaterThan(0);
  const slots = new Set<string>();
  for (const key of keys) slots.add((await from.command('CLUSTER', 'KEYSLOT', key)).slice(1).trim());
  for (const slot of slots) {
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    for (const key of words(await from.command('CLUSTER', 'GETKEYSINSLOT', slot, '100'))) {
      await from.command('MIGRATE', '127.0.0.1', String(to.port), key, '0', '2000');
    }
    for (const node of [to, from, ...nodes]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  }
}

function words(reply: string): string[] {
  return reply
    .split('\r\n')
    .filter((_, index) => index > 0 && index % 2 === 0)
    .filter((word) => word !== '');
}
