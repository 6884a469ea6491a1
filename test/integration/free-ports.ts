import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';

// Below what systems give to outgoing connections (from 32,768 on Linux): otherwise a client that looks for a server which
// is not there yet, or no more, can get the server's own port, and the server cannot start.
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;

let next = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));

/** Ports of 127.0.0.1 that are free now, and that no outgoing connection takes. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    next = next >= LAST_PORT ? FIRST_PORT : next + 1;
    if (await isFree(next)) ports.push(next);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  let server: Server;
  try {
    server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    // Taken.
    return false;
  }
  await once(server.close(), 'close');
  return true;
}
