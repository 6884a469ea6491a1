/**
 * Section 4 of the design of the Redis store: what an append costs, how fast batches are written against the raw client in
 * the same run, how late followers of many sessions are, and what a session takes in Redis.
 *
 * node --expose-gc bench/redis.js [append] [write] [tail] [tail-10000] [memory] [read]
 *
 * Starts a redis-server of its own on a loopback port; REDIS_SERVER names another program.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { createClient } from 'redis';

import { SessionLogs } from '../dist/index.js';
import { RedisSessionStore } from '../dist/redis.js';

const MESSAGE = 'x'.repeat(100);

async function startServer(): Promise<{ readonly port: number; readonly pid: number; stop(): void }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await once(probe.close(), 'close');
  const directory = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
  const server: ChildProcess = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', options, { stdio: 'ignore' });
  await sleep(500);
  const stop = (): void => {
    server.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  return { port, pid: server.pid as number, stop };
}

/** CPU seconds of a process so far, from /proc; of this one from the runtime. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

function storeOn(port: number, client: 'redis' | 'ioredis', options: object = {}): RedisSessionStore {
  const made =
    client === 'redis' ? createClient({ url: `redis://127.0.0.1:${port}` }) : new Redis(port, { lazyConnect: true });
  return new RedisSessionStore({
    client: made,
    prefix: `bench${Math.random()}`,
    maxPendingEntries: 1_000_000,
    maxPendingBytes: 2 ** 30,
    ...options,
  });
}

/** The call alone: the batches it fills are written outside the measured time. */
async function append(port: number): Promise<void> {
  for (const sessions of [1, 1_000]) {
    const store = storeOn(port, 'redis');
    const ids = Array.from({ length: sessions }, (_, index) => `session-${index}`);
    const costs: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      globalThis.gc?.();
      const began = cpuSeconds();
      for (let index = 0; index < 20_000; index += 1) store.append(ids[index % sessions] ?? '', MESSAGE, 0, undefined);
      costs.push(((cpuSeconds() - began) / 20_000) * 1e6);
      await store.flush();
    }
    await store.close();
    const kept = costs.slice(2);
    console.log(
      `append, ${sessions} sessions: min ${Math.min(...kept).toFixed(2)} us, median ${median(kept).toFixed(2)} us`,
    );
  }
}

/** 60,000 entries of 100 characters over 100 sessions: ours, and the raw client's pipelines with XADD and PUBLISH. */
async function write(port: number): Promise<void> {
  const count = 60_000;
  const raw = createClient({ url: `redis://127.0.0.1:${port}` });
  await raw.connect();
  const pipelines = async (batch: number): Promise<number> => {
    const began = performance.now();
    for (let sent = 0; sent < count; sent += batch) {
      const multi = raw.multi();
      const touched = new Set<string>();
      for (let index = sent; index < sent + batch; index += 1) {
        const key = `raw${index % 100}`;
        touched.add(key);
        multi.addCommand([
          'XADD',
          key,
          'MAXLEN',
          '~',
          '10000',
          '*',
          'd',
          MESSAGE,
          'p',
          'producer-1',
          'n',
          String(index),
        ]);
      }
      for (const key of touched) multi.addCommand(['PUBLISH', key, '']);
      await multi.execAsPipeline();
    }
    return count / ((performance.now() - began) / 1000);
  };
  const rawIo = new Redis(port);
  const ioPipelines = async (batch: number): Promise<number> => {
    const began = performance.now();
    for (let sent = 0; sent < count; sent += batch) {
      const pipeline = rawIo.pipeline();
      const touched = new Set<string>();
      for (let index = sent; index < sent + batch; index += 1) {
        const key = `raw${index % 100}`;
        touched.add(key);
        pipeline.xadd(key, 'MAXLEN', '~', '10000', '*', 'd', MESSAGE, 'p', 'producer-1', 'n', String(index));
      }
      for (const key of touched) pipeline.publish(key, '');
      await pipeline.exec();
    }
    return count / ((performance.now() - began) / 1000);
  };
  const ours = async (client: 'redis' | 'ioredis'): Promise<number> => {
    const store = storeOn(port, client);
    store.append('warm', MESSAGE, 0, undefined);
    await store.flush();
    const began = performance.now();
    for (let index = 0; index < count; index += 1) store.append(`s${index % 100}`, MESSAGE, 0, undefined);
    await store.flush();
    const rate = count / ((performance.now() - began) / 1000);
    await store.close();
    return rate;
  };
  const rates: Record<string, number[]> = {
    'raw redis, 100': [],
    'raw redis, 500': [],
    'raw ioredis, 500': [],
    redis: [],
    ioredis: [],
  };
  for (let round = 0; round < 5; round += 1) {
    rates['raw redis, 100']?.push(await pipelines(100));
    rates['raw redis, 500']?.push(await pipelines(500));
    rates['raw ioredis, 500']?.push(await ioPipelines(500));
    rates['redis']?.push(await ours('redis'));
    rates['ioredis']?.push(await ours('ioredis'));
  }
  raw.destroy();
  rawIo.disconnect();
  for (const [name, values] of Object.entries(rates)) {
    const rate = median(values);
    const peer = median(rates[name.includes('ioredis') ? 'raw ioredis, 500' : 'raw redis, 500'] ?? []);
    const share = (rate / peer).toFixed(2);
    console.log(`write, ${name}: ${Math.round(rate)}/s, ${share} of the raw client in batches of 500`);
  }
}

/** Followers of every session while entries come at 5,000/s; latency is from the append to the reader. */
async function tail(port: number, redisPid: number, sessions: number, client: 'redis' | 'ioredis'): Promise<void> {
  const perSecond = 5_000;
  const seconds = 8;
  const prefix = `tail${Math.random()}`;
  const producer = storeOn(port, client, { prefix });
  const consumer = new SessionLogs({ store: storeOn(port, client, { prefix, maxReaders: 100_000 }) });
  const latencies: number[] = [];
  const readers = Array.from({ length: sessions }, (_, index) => consumer.followSession(`s${index}`));
  const reading = readers.map(async (reader) => {
    for await (const entry of reader) latencies.push(performance.now() - Number(entry.message));
  });
  await sleep(sessions / 2 + 1_500);
  latencies.length = 0;
  const began = performance.now();
  const [ownCpu, redisCpu] = [cpuSeconds(), cpuSecondsOf(redisPid)];
  let logged = 0;
  while (performance.now() - began < seconds * 1_000) {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    for (; logged < due; logged += 1)
      producer.append(`s${logged % sessions}`, String(performance.now()), Date.now(), undefined);
    await sleep(2);
  }
  await producer.flush();
  await sleep(500);
  const wall = (performance.now() - began) / 1_000;
  const own = ((cpuSeconds() - ownCpu) / wall) * 100;
  const server = ((cpuSecondsOf(redisPid) - redisCpu) / wall) * 100;
  latencies.sort((a, b) => a - b);
  console.log(
    `tail, ${client}, ${sessions} sessions: ${latencies.length} of ${logged} read, p50 ${quantile(latencies, 0.5).toFixed(1)} ms, ` +
      `p99 ${quantile(latencies, 0.99).toFixed(1)} ms; this process ${own.toFixed(0)} % of a core (producer and consumer), Redis ${server.toFixed(0)} %`,
  );
  await Promise.all(readers.map((reader) => reader.return()));
  await Promise.all(reading);
  await producer.close();
  await consumer.shutdown();
}

/** Bytes in Redis of a session of 50 entries of 100 characters. */
async function memory(port: number): Promise<void> {
  const raw = createClient({ url: `redis://127.0.0.1:${port}` });
  await raw.connect();
  for (const [nodeBytes, entries, length] of [
    [4096, 50, 100],
    [1024, 50, 100],
    [4096, 10, 100],
    [1024, 10, 100],
    [4096, 500, 5],
    [4096, 500, 100],
  ] as const) {
    await raw.sendCommand(['FLUSHALL']);
    await raw.sendCommand(['CONFIG', 'SET', 'stream-node-max-bytes', String(nodeBytes)]);
    const used = async (): Promise<number> =>
      Number(/used_memory:(\d+)/.exec(await raw.sendCommand<string>(['INFO', 'memory']))?.[1]);
    const before = await used();
    const store = storeOn(port, 'redis');
    for (let index = 0; index < entries; index += 1) {
      for (let session = 0; session < 1_000; session += 1)
        store.append(`s${session}`, 'x'.repeat(length), Date.now(), undefined);
    }
    await store.flush();
    await store.close();
    await sleep(200);
    const each = ((await used()) - before) / 1_000;
    console.log(
      `memory, ${entries} x ${length} B, stream-node-max-bytes ${nodeBytes}: ${(each / 1000).toFixed(1)} KB a session, ${(each / entries).toFixed(0)} B an entry`,
    );
  }
  await raw.sendCommand(['CONFIG', 'SET', 'stream-node-max-bytes', '4096']);
  raw.destroy();
}

/** A backlog of 10,000 entries read by one reader, against the raw client's XRANGE in pages of 256. */
async function read(port: number): Promise<void> {
  const store = storeOn(port, 'redis', { maxEntriesPerSession: 20_000 });
  for (let index = 0; index < 10_000; index += 1) store.append('s', MESSAGE, 0, undefined);
  await store.flush();
  const sessions = new SessionLogs({ store });
  for (let round = 0; round < 3; round += 1) {
    const began = performance.now();
    let count = 0;
    for await (const _ of sessions.followSession('s', { until: 'caught-up' })) count += 1;
    console.log(`read, followSession: ${Math.round(count / ((performance.now() - began) / 1000))}/s`);
  }
  let claimed = 0;
  const began = performance.now();
  for await (const _ of sessions.pop('s', { idleTimeoutMillis: 20 })) claimed += 1;
  console.log(`read, pop: ${((performance.now() - began) / claimed).toFixed(3)} ms an entry, one after the other`);
  await sessions.shutdown();
}

const wanted = new Set(process.argv.slice(2));
const wants = (part: string): boolean => wanted.size === 0 || wanted.has(part);
const server = await startServer();
try {
  if (wants('append')) await append(server.port);
  if (wants('write')) await write(server.port);
  if (wants('read')) await read(server.port);
  if (wants('tail')) await tail(server.port, server.pid, 1_000, 'redis');
  if (wants('tail')) await tail(server.port, server.pid, 1_000, 'ioredis');
  if (wants('tail-10000')) await tail(server.port, server.pid, 10_000, 'redis');
  if (wants('memory')) await memory(server.port);
} finally {
  server.stop();
}
