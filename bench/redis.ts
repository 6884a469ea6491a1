/**
 * Row 13: what an append to the Redis store costs, how fast batches are written against the raw client, how late
 * followers of many sessions are, and what a session takes in Redis.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { createClient } from 'redis';

import type { RedisSessionStore } from '../dist/redis.js';
import { withKnownOptions } from './build.ts';
import type { Build } from './build.ts';
import { costOf, full, keep, repeat, sessionsInWords } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import { withRedis } from './redis-server.ts';

const MESSAGE = 'x'.repeat(100);

type Client = 'redis' | 'ioredis';

async function storeOn(build: Build, port: number, client: Client, options: object = {}): Promise<RedisSessionStore> {
  const { RedisSessionStore } = await build.redis();
  const made =
    client === 'redis' ? createClient({ url: `redis://127.0.0.1:${port}` }) : new Redis(port, { lazyConnect: true });
  const all = {
    client: made,
    prefix: `bench${Math.random()}`,
    maxPendingEntries: 1_000_000,
    maxPendingBytes: 2 ** 30,
    ...options,
  };
  return withKnownOptions((known) => new RedisSessionStore(known), all);
}

/** Microseconds of the call alone: the batches it fills are written outside the measured time. */
function append(sessions: number): Measure {
  return (build) =>
    withRedis(async (port) => {
      const count = full(20_000);
      const store = await storeOn(build, port, 'redis');
      keep(store);
      const ids = Array.from({ length: sessions }, (_, n) => `session-${n}`);
      const sample = await repeat(async () => {
        const cost = await costOf(count, () => {
          for (let n = 0; n < count; n += 1) store.append(ids[n % sessions] as string, MESSAGE, 0, undefined);
        });
        await store.flush();
        return cost / 1000;
      });
      await store.close();
      return sample;
    });
}

// Entries of 100 characters over 100 sessions, written in batches.

const WRITES = full(60_000);
const BATCH = 500;

/** Entries a second of the clock. */
async function rateOf(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (WRITES / (performance.now() - began)) * 1000;
}

function write(client: Client): Measure {
  return (build) =>
    withRedis((port) =>
      repeat(
        async () => {
          const store = await storeOn(build, port, client);
          store.append('warm', MESSAGE, 0, undefined);
          await store.flush();
          const rate = await rateOf(async () => {
            for (let n = 0; n < WRITES; n += 1) store.append(`s${n % 100}`, MESSAGE, 0, undefined);
            await store.flush();
          });
          await store.close();
          return rate;
        },
        { rounds: 5 },
      ),
    );
}

/** The arguments of the `XADD` of the nth entry, as our store writes them. */
const entryOf = (n: number): string[] => ['~', '10000', '*', 'd', MESSAGE, 'p', 'producer-1', 'n', String(n)];

/** The same commands without our store, in pipelines of one batch. */
function raw(send: (port: number) => Promise<{ batch(first: number): Promise<unknown>; close(): void }>): Measure {
  return () =>
    withRedis(async (port) => {
      const client = await send(port);
      const sample = await repeat(
        () =>
          rateOf(async () => {
            for (let first = 0; first < WRITES; first += BATCH) await client.batch(first);
          }),
        { rounds: 5 },
      );
      client.close();
      return sample;
    });
}

const rawRedis = raw(async (port) => {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  await client.connect();
  return {
    batch(first) {
      const multi = client.multi();
      for (let n = first; n < first + BATCH; n += 1)
        multi.addCommand(['XADD', `raw${n % 100}`, 'MAXLEN', ...entryOf(n)]);
      for (let n = 0; n < 100; n += 1) multi.addCommand(['PUBLISH', `raw${n}`, '']);
      return multi.execAsPipeline();
    },
    close: () => client.destroy(),
  };
});

const rawIoredis = raw(async (port) => {
  const client = new Redis(port);
  return {
    batch(first) {
      const pipeline = client.pipeline();
      for (let n = first; n < first + BATCH; n += 1) pipeline.call('XADD', `raw${n % 100}`, 'MAXLEN', ...entryOf(n));
      for (let n = 0; n < 100; n += 1) pipeline.publish(`raw${n}`, '');
      return pipeline.exec();
    },
    close: () => client.disconnect(),
  };
});

// Followers of every session while entries come at a steady rate.

const PER_SECOND = 5_000;
const SECONDS = full(8);

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Appends the time at a steady rate; gives how many. */
async function appendTimes(store: RedisSessionStore, sessions: number): Promise<number> {
  const began = performance.now();
  let appended = 0;
  while (performance.now() - began < SECONDS * 1_000) {
    const due = ((performance.now() - began) / 1_000) * PER_SECOND;
    for (; appended < due; appended += 1) {
      store.append(`s${appended % sessions}`, String(performance.now()), Date.now(), undefined);
    }
    await delay(2);
  }
  await store.flush();
  return appended;
}

/** Milliseconds from an append to its reader, half and 99 of 100 of them at most. */
function latency(sessions: number, client: Client): Measure {
  return (build) =>
    withRedis(async (port) => {
      const { SessionLogs } = await build.main();
      const prefix = `tail${Math.random()}`;
      const producer = await storeOn(build, port, client, { prefix });
      const consumer = new SessionLogs({
        store: await storeOn(build, port, client, { prefix, maxReaders: 100_000 }),
      });
      const latencies: number[] = [];
      const readers = Array.from({ length: sessions }, (_, n) => consumer.followSession(`s${n}`));
      const reading = readers.map(async (reader) => {
        for await (const entry of reader) latencies.push(performance.now() - Number(entry.message));
      });
      // A subscription is not seen from outside.
      await delay(sessions / 2 + 1_500);
      const appended = await appendTimes(producer, sessions);
      for (let waited = 0; latencies.length < appended && waited < 500; waited += 1) await delay(20);
      if (latencies.length !== appended) throw new Error(`read ${latencies.length} of ${appended}`);
      await Promise.all(readers.map((reader) => reader.return()));
      await Promise.all(reading);
      await producer.close();
      await consumer.shutdown();
      latencies.sort((a, b) => a - b);
      return { figure: quantile(latencies, 0.5), also: quantile(latencies, 0.99) };
    });
}

/** Kilobytes in Redis of a session of 50 entries. */
async function memory(build: Build): Promise<Sample> {
  return withRedis(async (port) => {
    const sessions = full(1_000);
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    const used = async (): Promise<number> =>
      Number(/used_memory:(\d+)/.exec(await client.sendCommand<string>(['INFO', 'memory']))?.[1]);
    const before = await used();
    const store = await storeOn(build, port, 'redis');
    for (let entry = 0; entry < 50; entry += 1) {
      for (let n = 0; n < sessions; n += 1) store.append(`s${n}`, MESSAGE, Date.now(), undefined);
    }
    await store.flush();
    await store.close();
    const figure = ((await used()) - before) / sessions / 1000;
    client.destroy();
    return { figure };
  });
}

/** Entries a second of the clock that one reader reads of a backlog of 10,000. */
async function readBacklog(build: Build): Promise<Sample> {
  return withRedis(async (port) => {
    const count = full(10_000);
    const { SessionLogs } = await build.main();
    const store = await storeOn(build, port, 'redis', { maxEntriesPerSession: 20_000 });
    for (let n = 0; n < count; n += 1) store.append('s', MESSAGE, 0, undefined);
    await store.flush();
    const sessions = new SessionLogs({ store });
    const sample = await repeat(async () => {
      const began = performance.now();
      let read = 0;
      for await (const _ of sessions.followSession('s', { until: 'caught-up' })) read += 1;
      return (read / (performance.now() - began)) * 1000;
    });
    await sessions.shutdown();
    return sample;
  });
}

const RAW = `the raw client in batches of ${BATCH}`;
const latencyRow = (sessions: number, client: Client): Row => ({
  row: 13,
  what: `Redis: ${sessionsInWords(sessions)} followed at ${PER_SECOND.toLocaleString('en')} entries a second, latency of half of them, ${client}`,
  unit: 'ms',
  ours: latency(sessions, client),
  also: 'ms for 99 of 100',
  processes: 2,
});

export const rows: readonly Row[] = [
  ...[1, 1_000].map((sessions): Row => ({
    row: 13,
    what: `Redis: the call of append, CPU, ${sessionsInWords(sessions)}`,
    unit: 'µs',
    ours: append(sessions),
  })),
  {
    row: 13,
    what: 'Redis: entries written a second of the clock, node-redis',
    unit: '/s',
    ours: write('redis'),
    peers: { [RAW]: rawRedis },
    target: { of: 'figure', atLeast: 80_005 },
  },
  {
    row: 13,
    what: 'Redis: entries written a second of the clock, ioredis',
    unit: '/s',
    ours: write('ioredis'),
    peers: { [RAW]: rawIoredis },
  },
  { ...latencyRow(1_000, 'redis'), target: { of: 'figure', atMost: 5.4 } },
  latencyRow(1_000, 'ioredis'),
  latencyRow(10_000, 'redis'),
  { row: 13, what: 'Redis: memory of a session of 50 entries, 100 B each', unit: 'KB', ours: memory, processes: 2 },
  {
    row: 13,
    what: 'Redis: a backlog of 10,000 read by one reader, entries a second of the clock',
    unit: '/s',
    ours: readBacklog,
  },
];
