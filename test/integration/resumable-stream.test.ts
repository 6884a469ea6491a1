import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe } from 'vitest';

import { SessionLogs } from '../../src/index.ts';
import { RedisSessionStore } from '../../src/redis.ts';
import { BOTH_CLIENTS } from './redis/clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './redis/server.ts';

/** A checkout of https://github.com/vercel/resumable-stream, version 2.2: its tests are not in its package. */
const CHECKOUT = process.env['RESUMABLE_STREAM'] ?? '';
const SUITE = 'src/__tests__/tests.ts';
const isThere = existsSync(join(CHECKOUT, SUITE));
const WITHOUT = isThere ? '' : ' (skipped: RESUMABLE_STREAM is no checkout of vercel/resumable-stream)';

type Suite = (
  pubsub: () => { subscriber: undefined; publisher: () => SessionLogs },
  entrypoint: 'redis' | 'ioredis',
) => void;

/** The suite, beside what makes our adapter in the place of its library. */
async function loadSuite(directory: string): Promise<Suite> {
  await cp(join(CHECKOUT, 'src/__tests__'), join(directory, 'src/__tests__'), { recursive: true });
  await cp(join(CHECKOUT, 'testing-utils'), join(directory, 'testing-utils'), { recursive: true });
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(directory, 'node_modules'));
  const adapter = JSON.stringify(fileURLToPath(new URL('../../examples/resumable-streams.ts', import.meta.url)));
  const library =
    `import { ResumableStreams } from ${adapter};\n` +
    'export const createResumableStreamContext = ({ publisher }) => new ResumableStreams(publisher());\n';
  for (const name of ['index.ts', 'ioredis.ts']) await writeFile(join(directory, 'src', name), library);
  const { resumableStreamTests } = (await import(join(directory, SUITE))) as { resumableStreamTests: Suite };
  return resumableStreamTests;
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-resumable-'));
const suite = isThere ? await loadSuite(directory) : undefined;
const open: SessionLogs[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((sessions) => sessions.shutdown()));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function keep(sessions: SessionLogs): SessionLogs {
  open.push(sessions);
  return sessions;
}

describe.skipIf(suite === undefined)(`the suite of resumable-stream, over its adapter in memory${WITHOUT}`, () => {
  suite?.(() => ({ subscriber: undefined, publisher: () => keep(new SessionLogs()) }), 'redis');
});

describe.skipIf(suite === undefined || REDIS === undefined)(
  `the suite of resumable-stream, over its adapter in Redis${WITHOUT}${WITHOUT_SERVER}`,
  () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await TestServer.start();
    });
    afterAll(() => server.stop());

    for (const [name, makeClient] of Object.entries(BOTH_CLIENTS)) {
      describe(`by ${name}`, () => {
        const publisher = (): SessionLogs => {
          const store = new RedisSessionStore({ client: makeClient(server.port), prefix: `resumable:${randomUUID()}` });
          return keep(new SessionLogs({ store }));
        };
        suite?.(() => ({ subscriber: undefined, publisher }), 'ioredis');
      });
    }
  },
);
