import { randomUUID } from 'node:crypto';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import { readFrom } from '../../../src/store/contract/contract-kit.ts';
import { runs } from '../../support/properties.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

type Action =
  | { readonly do: 'log'; readonly host: number; readonly count: number }
  | { readonly do: 'end' | 'delete' | 'restart'; readonly host: number };

const host = fc.nat({ max: 1 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('log' as const), host, count: fc.integer({ min: 1, max: 130 }) }),
  },
  fc.record({ do: fc.constantFrom('end' as const, 'delete' as const, 'restart' as const), host }),
);

describe.skipIf(REDIS === undefined)(`ids of a session in Redis${WITHOUT_SERVER}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  for (const [name, makeClient] of Object.entries(BOTH_CLIENTS)) {
    it(`sort as text in the order logged, over hosts, lives, deletion and restarts, over ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (actions) => {
          const prefix = `ids:${randomUUID()}`;
          const makeHost = (): RedisSessionStore => new RedisSessionStore({ client: makeClient(server.port), prefix });
          const hosts = [makeHost(), makeHost()];
          const ids: string[] = [];
          const messages: string[] = [];
          let written = 0;
          const collect = async (): Promise<void> => {
            const cursor = hosts[0]?.open('s', { from: ids.length === 0 ? 'start' : { after: ids.at(-1) as string } });
            for (let step = await cursor?.step(); step === 'entry' || step === 'end'; step = await cursor?.step()) {
              if (step === 'end') continue;
              ids.push(cursor?.id as string);
              messages.push(cursor?.message as string);
            }
            cursor?.leave();
          };
          for (const each of actions) {
            const store = hosts[each.host] as RedisSessionStore;
            if (each.do === 'log') {
              for (let index = 0; index < each.count; index += 1) store.append('s', String(written++), 0, undefined);
            } else if (each.do === 'restart') {
              await store.close();
              hosts[each.host] = makeHost();
            } else {
              store[each.do]('s');
            }
            await store.flush();
            await collect();
          }
          expect(ids.toSorted()).toEqual(ids);
          expect(new Set(ids).size).toBe(ids.length);
          expect(messages).toEqual(Array.from({ length: written }, (_, index) => String(index)));
          for (const id of ids) expect(id).toMatch(/^m\d{13}[a-c]\d{1,3}$/);
          // Each of them is where to go on from, as long as it is held.
          const held = (await readFrom(hosts[1] as RedisSessionStore, 's', 'start')).ids;
          for (const id of [held[0], held.at(-1)]) if (id !== undefined) expect(ids).toContain(id);
          await Promise.all(hosts.map((store) => store.close()));
        }),
        runs(25),
      );
    });
  }
});
