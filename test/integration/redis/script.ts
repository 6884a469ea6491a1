/** The script of a user that logs and reads, and closes nothing: `script.ts <redis|ioredis> <port> [options of node-redis]`. */
import { Redis } from 'ioredis';
import { createClient } from 'redis';

import { RedisSessionStore } from '../../../src/redis.ts';
import { startSessionLogs } from '../../../src/start/start-session-logs.ts';

const [name, port, options = '{}'] = process.argv.slice(2);
const client =
  name === 'redis'
    ? createClient({ url: `redis://127.0.0.1:${port}`, ...(JSON.parse(options) as object) })
    : new Redis(Number(port), { lazyConnect: true });
const store = new RedisSessionStore({ client, prefix: `script-${name}` });
const sessions = await startSessionLogs({ store, file: false, console: false, streamHandler: false });
await sessions.logChunkToQueue('Hello', 's');
await sessions.logChunkToQueue('world', 's');
await sessions.forceFlush();
for await (const chunk of sessions.getSessionLogs('s', { idleTimeoutMillis: 50 })) console.log(chunk);
// Not yet stored when the script is over.
await sessions.logChunkToQueue('last', 's');
