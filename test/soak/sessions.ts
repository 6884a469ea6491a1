/**
 * Many sessions for minutes: writers, readers that resume, break off, are aborted or time out, ends and deletions, a
 * provider with the daily file. At the end everything is shut down: the heap is as it was, no timer and no handle is left.
 *
 *   npm run soak [-- SECONDS --write]     300 seconds, unless you say otherwise
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';

import { keepFigures } from '../../bench/docs-data.ts';
import { MemorySessionStore, startSessionLogs } from '../../src/index.ts';

const words = process.argv.slice(2);
const seconds = Number(words.find((word) => word !== '--write') ?? 300);
const directory = mkdtempSync(join(tmpdir(), 'session-logs-soak-'));
const exporter = new InMemoryLogRecordExporter();
const drain = setInterval(() => exporter.reset(), 200);

const resourcesBefore = process.getActiveResourcesInfo().length;
const sessions = await startSessionLogs({
  directory,
  exporter,
  console: false,
  streamHandler: false,
  store: new MemorySessionStore({
    maxSessions: 500,
    maxEntriesPerSession: 200,
    endedTtlMillis: 2_000,
    idleTtlMillis: 5_000,
  }),
});

let written = 0;
let read = 0;
let isOver = false;
const pick = (n: number): number => Math.floor(Math.random() * n);

async function write(): Promise<void> {
  while (!isOver) {
    const id = `session-${pick(800)}`;
    await sessions.logChunkToQueue('<start>', id);
    for (let n = pick(60); n > 0; n -= 1) {
      await sessions.logChunkToQueue(`token ${n} `, id);
      written += 1;
    }
    if (pick(4) > 0) await sessions.logChunkToQueue('</end>', id);
    if (pick(5) === 0) sessions.endSession(id);
    if (pick(50) === 0) sessions.deleteSession(id);
    sessions.withSession(id, () => sessions.logger.info('a line', { n: written }));
    await sleep(1);
  }
}

async function follow(): Promise<void> {
  while (!isOver) {
    const id = `session-${pick(800)}`;
    const abort = new AbortController();
    const way = pick(5);
    const reader =
      way === 0
        ? sessions.pop(id, { idleTimeoutMillis: 20, signal: abort.signal })
        : way === 4
          ? sessions.followAll({ idleTimeoutMillis: 20, signal: abort.signal, onGap: () => undefined })
          : sessions.getSessionLogs(id, { idleTimeoutMillis: 20, signal: abort.signal, onGap: () => undefined });
    const limit = pick(100);
    let count = 0;
    if (way === 1) setTimeout(() => abort.abort(new Error('aborted')), pick(10));
    try {
      for await (const _ of reader) {
        read += 1;
        count += 1;
        if ((way === 2 || way === 4) && count > limit) break;
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
  }
}

async function heapMiB(): Promise<number> {
  const looks: number[] = [];
  for (let n = 0; n < 10; n += 1) {
    await sleep(20);
    exporter.reset();
    globalThis.gc?.();
    looks.push(process.memoryUsage().heapUsed / 1024 / 1024);
  }
  // The work goes on meanwhile, and what waits for the exporter comes and goes: what is always there counts.
  return Math.min(...looks);
}

const workers = [...Array.from({ length: 20 }, write), ...Array.from({ length: 50 }, follow)];
const heaps: number[] = [];
for (let at = 0; at < seconds; at += Math.max(1, seconds / 10)) {
  await sleep(Math.max(1, seconds / 10) * 1000);
  heaps.push(await heapMiB());
  const { sessions: held, readers, entries, bytes } = sessions.stats();
  console.log(
    `${Math.round(at)} s: heap ${heaps.at(-1)?.toFixed(1)} MiB, ${held} sessions, ${readers} readers, ${entries} entries, ${bytes} bytes, ${written} written, ${read} read`,
  );
}
isOver = true;
await Promise.all(workers);
await sessions.shutdown();
clearInterval(drain);
exporter.reset();
await sleep(100);
const left = process.getActiveResourcesInfo().length - resourcesBefore;
const after = await heapMiB();
const growth = (heaps.at(-1) ?? 0) - (heaps[1] ?? heaps[0] ?? 0);
console.log(
  `after shutdown: heap ${after.toFixed(1)} MiB, ${left + 1} resources more than at the start, ${sessions.stats().readers} readers`,
);
console.log(
  `heap growth from the second sample to the last: ${growth.toFixed(1)} MiB; lost: ${JSON.stringify(sessions.stats().lost)}`,
);
if (words.includes('--write')) {
  const inWords = new Intl.NumberFormat('en', { notation: 'compact', compactDisplay: 'long' });
  const figures = {
    'length of the run': `${seconds} s`,
    'chunks written': inWords.format(written),
    'chunks read': inWords.format(read),
    heap: `${Math.min(...heaps).toFixed(1)} to ${Math.max(...heaps).toFixed(1)} MiB`,
    'timers, handles and readers left at the end': `${Math.max(0, left + 1) + sessions.stats().readers}`,
  };
  for (const [what, measured] of Object.entries(figures)) keepFigures('long-run.json', what, { measured });
}
rmSync(directory, { recursive: true, force: true });
// The interval of this script was active when the first count was taken, and is no more.
if (left > -1 || sessions.stats().readers !== 0 || growth > 5) {
  console.log('FAILED');
  process.exitCode = 1;
} else console.log('heap flat, no timer, handle or reader left');
