/**
 * A host that writes what it is told: `producer.ts <redis|ioredis> <port> <prefix> <lease>`, a text per line of its input.
 * It says `ready` before it reads the first.
 */
import { createInterface } from 'node:readline';

import { SessionLogs } from '../../../src/index.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { BOTH_CLIENTS } from './clients.ts';
import type { MakeClient } from './clients.ts';

const [name, port, prefix, lease] = process.argv.slice(2) as [string, string, string, string];
const client = (BOTH_CLIENTS[name] as MakeClient)(Number(port));
const sessions = new SessionLogs({
  store: new RedisSessionStore({ client, prefix, answerLeaseMillis: Number(lease) }),
});
console.log('ready');
for await (const text of createInterface({ input: process.stdin })) {
  await sessions.logChunkToQueue(text, 's', { streamId: 'x' });
  await sessions.forceFlush();
  console.log(text);
}
