/**
 * Two processes, one session: one host logs, another one reads live, loses its connection, and resumes without a gap.
 *
 *     REDIS_URL=redis://127.0.0.1:6379 npx tsx examples/two-hosts.ts
 *
 * Without REDIS_URL it starts a redis-server of its own for the time it runs.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { SessionLogs, STREAM_END_TOKEN, STREAM_START_TOKEN } from 'otel-session-logs';
import { RedisSessionStore } from 'otel-session-logs/redis';
import { createClient } from 'redis';

const SESSION = `chat-${process.argv[3] ?? process.pid}`;

function sessionLogsOn(url: string): SessionLogs {
  // The client is only duplicated: it is never connected itself, and its options (TLS, password) are yours.
  return new SessionLogs({ store: new RedisSessionStore({ client: createClient({ url }), prefix: 'two-hosts' }) });
}

/** Host A: a model's answer, token by token. */
async function write(url: string): Promise<void> {
  const sessions = sessionLogsOn(url);
  await sessions.logChunkToQueue(STREAM_START_TOKEN, SESSION);
  for (const word of 'One log per session, readable from any host.'.split(' ')) {
    await sessions.logChunkToQueue(`${word} `, SESSION);
    await sleep(30);
  }
  await sessions.logChunkToQueue(STREAM_END_TOKEN, SESSION);
  sessions.endSession(SESSION);
  // Everything logged is in Redis when this resolves.
  await sessions.shutdown();
}

/** Host B: reads four entries, goes away, comes back with the cursor of the last one. */
async function read(url: string): Promise<void> {
  const sessions = sessionLogsOn(url);
  const first = sessions.followSession(SESSION, { tokens: false });
  let count = 0;
  for await (const entry of first) {
    console.log(`host B, process ${process.pid}: ${entry.message}`);
    count += 1;
    if (count === 4) break;
  }
  console.log(`host B lost its connection and resumes after ${first.lastId}`);
  const resumed = sessions.followSession(SESSION, { from: { after: first.lastId as string }, tokens: false });
  for await (const entry of resumed) console.log(`host B, process ${process.pid}: ${entry.message}`);
  console.log(`ended by ${resumed.endReason}, missed ${resumed.missed}`);
  sessions.deleteSession(SESSION);
  await sessions.shutdown();
}

async function main(): Promise<void> {
  const given = process.env['REDIS_URL'];
  const { url, stop } = given === undefined ? await startRedis() : { url: given, stop: () => Promise.resolve() };
  const hostA = fork(fileURLToPath(import.meta.url), ['write', String(process.pid), url]);
  console.log(`host A is process ${hostA.pid}`);
  try {
    await Promise.all([read(url), once(hostA, 'exit')]);
  } finally {
    await stop();
  }
}

/** A server for the time of this example; in production one is there already. */
async function startRedis(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await once(probe.close(), 'close');
  const directory = mkdtempSync(join(tmpdir(), 'two-hosts-'));
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  const failure = once(server, 'error').then(([error]) => {
    throw new Error('no redis-server on this machine: set REDIS_URL', { cause: error });
  });
  await Promise.race([failure, listening(port)]);
  const stop = async (): Promise<void> => {
    server.kill();
    await once(server, 'exit');
    rmSync(directory, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      // Not yet.
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
}

if (process.argv[2] === 'write') await write(process.argv[4] as string);
else await main();
