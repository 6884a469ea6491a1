import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../../src/facade/session-logs.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { cutChats, cutEventSource } from '../../support/cut-connections.ts';
import type { CutPlan } from '../../support/cut-connections.ts';
import { EVENT_SOURCES } from '../../support/event-sources.ts';
import { randomNumbers } from '../../support/properties.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

const CUTS = 60;

describe.skipIf(REDIS === undefined)(
  `${CUTS} connections cut at random bytes, over two machines${WITHOUT_SERVER}`,
  () => {
    let server: TestServer;
    let machines: [SessionLogs, SessionLogs];

    beforeAll(async () => {
      server = await TestServer.start();
    });
    afterAll(() => server.stop());
    afterEach(() => Promise.all(machines.map((machine) => machine.shutdown())));

    describe.each(Object.entries(BOTH_CLIENTS))('%s', (_, makeClient) => {
      beforeEach(() => {
        const prefix = `test:${randomUUID()}`;
        const machine = (): SessionLogs =>
          new SessionLogs({ store: new RedisSessionStore({ client: makeClient(server.port), prefix }) });
        machines = [machine(), machine()];
      });
      const plan = (): CutPlan => ({ machines, cuts: CUTS, random: randomNumbers() });

      it.each(EVENT_SOURCES)(
        'of a page with an EventSource of %s: nothing is lost or doubled',
        async (name, Source) => {
          expect(await cutEventSource(plan(), name, Source)).toMatchObject({ lost: 0, doubled: 0 });
        },
      );

      it('of chats of AI SDK with its own transport: nothing is lost or doubled', async () => {
        expect(await cutChats(plan())).toMatchObject({ lost: 0, doubled: 0 });
      });
    });
  },
);
