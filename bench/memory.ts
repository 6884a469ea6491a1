/** Rows 5 and 7: heap per idle session and per entry held. Each figure is taken in a process of its own. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { MemorySessionStore, SessionLogs } from '../dist/index.js';
import { report } from './harness.ts';

const SESSIONS = 5_000;
const ENTRIES = 200_000;

const cases: Record<string, () => Promise<number>> = {
  async waiting() {
    const sessions = new SessionLogs();
    return perItem(SESSIONS, (n) => {
      // Waits for ever: not to be awaited.
      void sessions.getSessionLogs(`session-${n}`).next();
    });
  },
  async entry() {
    const sessions = new SessionLogs();
    return perItem(SESSIONS, (n) => {
      void sessions.logChunkToQueue(message(n), `session-${n}`);
      const reader = sessions.getSessionLogs(`session-${n}`);
      const first = reader.next();
      void first.then(() => reader.next());
      return first;
    });
  },
  async alone() {
    const sessions = new SessionLogs();
    return perItem(SESSIONS, (n) => void sessions.logChunkToQueue(message(n), `session-${n}`));
  },
  async held() {
    const store = new MemorySessionStore({ maxEntriesPerSession: ENTRIES, maxBytesPerSession: 2 ** 31 });
    const now = Date.now();
    return perItem(ENTRIES, (n) => void store.append('s', message(n), now, undefined));
  },
};

/** 60 characters of its own: `padEnd` alone makes a rope over a shared string, so it is flattened. */
function message(n: number): string {
  return Buffer.from(`message ${n} `.padEnd(60, 'x')).toString('latin1');
}

async function perItem(count: number, make: (n: number) => unknown): Promise<number> {
  // What the first ones bring for all (compiled code, caches) is not theirs.
  for (let n = -2_000; n < 0; n += 1) await make(n);
  const before = await heap();
  for (let n = 0; n < count; n += 1) await make(n);
  return ((await heap()) - before) / count;
}

async function heap(): Promise<number> {
  for (let n = 0; n < 4; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

function measure(name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [name], { execArgv: process.execArgv });
    child.once('message', (bytes) => resolve(Number(bytes)));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

const only = process.argv[2];
if (only !== undefined && only in cases) {
  process.send?.(await cases[only]?.());
  process.exit();
}

const bytes = (value: number): string => `${Math.round(value).toLocaleString('en')} B`;
const [waiting, entry, alone, held] = [
  await measure('waiting'),
  await measure('entry'),
  await measure('alone'),
  await measure('held'),
] as const;
const peers5 =
  'hand-written 1,104 B, async generator 1,624, ReadableStream 3,160, it-pushable 3,471, events.on 36,526 (quoted)';
report(
  {
    row: 5,
    work: 'heap per session: a reader waits on an unknown id',
    ours: bytes(waiting),
    peers: peers5,
    target: '<= 1,450 B',
    isReached: waiting <= 1_450,
  },
  {
    row: 5,
    work: 'with an entry read and a reader waiting',
    ours: bytes(entry),
    peers: '',
    target: '<= 1,750 B',
    isReached: entry <= 1_750,
  },
  {
    row: 5,
    work: 'with an entry and no reader',
    ours: bytes(alone),
    peers: '',
    target: '<= 600 B',
    isReached: alone <= 600,
  },
  {
    row: 7,
    work: 'memory per entry held, 60-character message',
    ours: bytes(held),
    peers: 'the Python original 678 to 882 B, never freed',
    target: '<= 160 B, bounded',
    isReached: held <= 160,
  },
);
