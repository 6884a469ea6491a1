/**
 * What a session takes in Redis: MEMORY USAGE of its keys, with the server's defaults and with smaller nodes of streams.
 *
 *     npm run bench:redis-sizes [-- --write]     keeps the figures for docs/many-hosts.md
 */
import { createClient } from 'redis';

import { SessionLogs } from '../dist/index.js';
import { RedisSessionStore } from '../dist/redis.js';
import { keepFigures } from './docs-data.ts';
import { withRedis } from './redis-server.ts';

/** The size depends on when the entries come, so a figure is the mean of this many sessions. */
const SESSIONS = 20;

/** Entries and the characters of each, by the row of docs/many-hosts.md. */
const SIZES = {
  '10 entries of 100 characters': [10, 100],
  '50 entries of 100 characters': [50, 100],
  '500 tokens of 5 characters': [500, 5],
  '500 entries of 100 characters': [500, 100],
} as const;

/** The setting of the server, by the column. */
const COLUMNS = { 'bytes in Redis': undefined, 'with `stream-node-max-bytes 1024`': '1024' } as const;

const clientFor = (port: number) => createClient({ url: `redis://127.0.0.1:${port}` });

async function sizeOfASession(
  client: ReturnType<typeof clientFor>,
  entries: number,
  characters: number,
): Promise<string> {
  await client.flushAll();
  const store = new RedisSessionStore({ client });
  const sessions = new SessionLogs({ store });
  for (let entry = 0; entry < entries; entry += 1) {
    for (let n = 0; n < SESSIONS; n += 1) void sessions.logChunkToQueue('x'.repeat(characters), `session-${n}`);
    // An entry at a time, as they come in life.
    await store.flush();
  }
  const keys = await client.keys('*');
  const bytes = await Promise.all(keys.map((key) => client.memoryUsage(key, { SAMPLES: 0 })));
  await sessions.shutdown();
  const kilobytes = bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0) / SESSIONS / 1_000;
  return `${kilobytes.toFixed(kilobytes < 10 ? 1 : 0)} KB`;
}

await withRedis(async (port) => {
  const client = clientFor(port);
  await client.connect();
  console.log(/redis_version:\S+/.exec(await client.info('server'))?.[0]);
  for (const [column, setting] of Object.entries(COLUMNS)) {
    if (setting !== undefined) await client.configSet('stream-node-max-bytes', setting);
    for (const [row, [entries, characters]] of Object.entries(SIZES)) {
      const figure = await sizeOfASession(client, entries, characters);
      console.log(`${row}, ${column}: ${figure}`);
      if (process.argv.includes('--write')) keepFigures('redis-sizes.json', row, { [column]: figure });
    }
  }
  client.destroy();
});
