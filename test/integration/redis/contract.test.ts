import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { createClient } from 'redis';
import { createClient as createClient5 } from 'redis-5';
import { afterAll, beforeAll, describe, it } from 'vitest';

import { RedisSessionStore } from '../../../src/redis.ts';
import type { RedisSessionStoreOptions } from '../../../src/redis.ts';
import { describeSessionStore } from '../../../src/testing.ts';
import { REDIS, TestServer, VALKEY } from './server.ts';
import type { ServerProgram } from './server.ts';

type Client = RedisSessionStoreOptions['client'];

/** Every client, of each major version that is supported. */
const CLIENTS: Readonly<Record<string, (port: number) => Client>> = {
  'redis 6': (port) => createClient({ url: `redis://127.0.0.1:${port}` }),
  'redis 5': (port) => createClient5({ url: `redis://127.0.0.1:${port}` }),
  'ioredis 6': (port) => new Redis(port, '127.0.0.1', { lazyConnect: true }),
  'ioredis 5': (port) => new Redis5(port, '127.0.0.1', { lazyConnect: true }),
};

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
