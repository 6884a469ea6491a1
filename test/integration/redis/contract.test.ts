import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import { describeSessionStore } from '../../../src/testing.ts';
import { CLIENTS } from './clients.ts';
import { REDIS, TestServer, VALKEY } from './server.ts';
import type { ServerProgram } from './server.ts';

function suitesOn(title: string, program: ServerProgram | undefined): void {
  const reason = program === undefined ? ' (skipped: not installed on this machine)' : ` ${program.version}`;
  describe.skipIf(program === undefined)(`${title}${reason}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await TestServer.start([], program);
    });
    afterAll(() => server.stop());
    for (const [name, makeClient] of Object.entries(CLIENTS)) {
      const make = (options: object): RedisSessionStore =>
        new RedisSessionStore({ client: makeClient(server.port), prefix: `test:${randomUUID()}`, ...options });
      describeSessionStore(`RedisSessionStore over ${name}`, make, { describe, it });
    }
  });
}

suitesOn('redis-server', REDIS);
suitesOn('valkey-server', VALKEY);
