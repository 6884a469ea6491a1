/** A redis-server of its own on a loopback port; REDIS_SERVER names another program. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createClient } from 'redis';

export async function withRedis<T>(work: (port: number) => Promise<T>): Promise<T> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await once(probe.close(), 'close');
  const directory = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
  const server = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', options, { stdio: 'ignore' });
  try {
    await once(server, 'spawn');
    await untilItAnswers(port);
    return await work(port);
  } finally {
    server.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The client tries again until the server listens. */
async function untilItAnswers(port: number): Promise<void> {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => {});
  await client.connect();
  client.destroy();
}
