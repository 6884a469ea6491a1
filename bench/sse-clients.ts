/**
 * 1,000 clients on one server, of which one is stuck: what do the other 999 notice, and what does it cost?
 *
 *     node --expose-gc bench/sse-clients.js [seconds a round] [rounds]
 *
 * 999 clients in another process follow 100 sessions that get a token every 100 ms each. The thousandth follows a
 * session that gets 4 MB a second, and reads it (`reads`) or never does (`stuck`); the two take turns. Latency is from
 * `logChunkToQueue` to the frame's arrival in the client, on the monotonic clock that both processes share.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { SessionLogs } from '../dist/index.js';
import type { LogEntry } from '../dist/index.js';

const CLIENTS = 1000;
const SESSIONS = 100;
const TOKEN_MILLIS = 100;
const BIG = 'x'.repeat(4096);

interface Latencies {
  readonly frames: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const textOf = ({ message }: LogEntry): string => message;

const now = (): number => Number(process.hrtime.bigint() / 1000n);

/** The clients: raw sockets, so that 999 of them cost this machine as little as possible. */
async function serveAsClients(port: number, isStuck: boolean): Promise<void> {
  const latencies: number[] = [];
  const open = async (path: string, onData: (data: Buffer) => void): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('data', onData).write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  };
  for (let i = 0; i < CLIENTS - 1; i += 1) {
    await open(`/session-${i % SESSIONS}`, (data) => {
      const arrived = now();
      for (const [, sent] of data.toString('latin1').matchAll(/"@(\d+)"/g)) latencies.push(arrived - Number(sent));
    });
  }
  const last = await open('/big', () => {});
  if (isStuck) last.pause();
  process.on('message', (message) => {
    if (message === 'start') latencies.length = 0;
    if (message === 'report') process.send?.(summary(latencies));
  });
  process.send?.('ready');
}

function summary(micros: number[]): Latencies {
  micros.sort((a, b) => a - b);
  const at = (share: number): number => (micros[Math.floor(micros.length * share)] ?? 0) / 1000;
  return { frames: micros.length, p50: at(0.5), p99: at(0.99), max: (micros.at(-1) ?? 0) / 1000 };
}

async function round(isStuck: boolean, seconds: number): Promise<void> {
  const sessions = new SessionLogs();
  const bigSockets: (Socket | null)[] = [];
  const server = createServer((request, response) => {
    const sessionId = request.url?.slice(1) ?? '';
    if (sessionId === 'big') bigSockets.push(response.socket);
    void sessions.sendEventStream(response, sessionId, { map: textOf });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: ChildProcess = fork(fileURLToPath(import.meta.url), [`--clients=${port}`, String(isStuck)], {
    execArgv: ['--import', 'tsx'],
  });
  await once(clients, 'message');
  while (sessions.stats().readers < CLIENTS) await delay(20);
  await delay(300);
  globalThis.gc?.();
  const before = process.memoryUsage();
  clients.send('start');
  const cpu = process.cpuUsage();
  let turn = 0;
  let expected = 0;
  const writer = setInterval(() => {
    // One tenth of the sessions every 10 ms.
    for (let i = turn % 10; i < SESSIONS; i += 10) {
      void sessions.logChunkToQueue(`@${now()}`, `session-${i}`);
      expected += i === SESSIONS - 1 ? CLIENTS / SESSIONS - 1 : CLIENTS / SESSIONS;
    }
    for (let k = 0; k < 10; k += 1) void sessions.logChunkToQueue(BIG, 'big');
    turn += 1;
  }, TOKEN_MILLIS / 10);
  await delay(seconds * 1000);
  clearInterval(writer);
  const { user, system } = process.cpuUsage(cpu);
  const waiting = bigSockets[0]?.writableLength ?? 0;
  globalThis.gc?.();
  const after = process.memoryUsage();
  await delay(200);
  clients.send('report');
  const [{ frames, p50, p99, max }] = (await once(clients, 'message')) as [Latencies];
  const grown = (after.heapUsed + after.external - before.heapUsed - before.external) / 1048576;
  console.log(
    `${isStuck ? 'stuck' : 'reads'}   ${frames} frames, ${expected - frames} missing   p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms   ` +
      `max ${max.toFixed(1)} ms   server CPU ${((user + system) / seconds / 10_000).toFixed(0)} %   ` +
      `memory +${grown.toFixed(1)} MiB (of it the log of the big session ` +
      `${(sessions.stats().bytes / 1048576).toFixed(1)})   waiting in its socket ${(waiting / 1024).toFixed(0)} KiB`,
  );
  clients.kill();
  await once(clients, 'exit');
  server.closeAllConnections();
  server.close();
  await sessions.shutdown();
}

const clientsOf = /^--clients=(\d+)$/.exec(process.argv[2] ?? '');
if (clientsOf === null) {
  const seconds = Number(process.argv[2] ?? 6);
  for (let i = 0; i < Number(process.argv[3] ?? 3); i += 1) {
    await round(false, seconds);
    await round(true, seconds);
  }
} else {
  await serveAsClients(Number(clientsOf[1]), process.argv[3] === 'true');
}
