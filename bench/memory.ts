/** Rows 5 and 7: heap per idle session and per entry held. */
import { setTimeout as delay } from 'node:timers/promises';

import type { SessionLogs } from '../dist/index.js';
import { startAlone } from './build.ts';
import { full, keep } from './harness.ts';
import type { Measure, Row } from './harness.ts';

const SESSIONS = full(5_000);
const ENTRIES = full(200_000);

/** 60 characters of its own: `padEnd` alone makes a rope over a shared string, so it is flattened. */
function message(n: number): string {
  return Buffer.from(`message ${n} `.padEnd(60, 'x')).toString('latin1');
}

function heapOf(count: number, make: (sessions: SessionLogs, n: number) => unknown): Measure {
  return async (build) => {
    const { sessions } = await startAlone(build);
    // What the first ones bring for all (compiled code, caches) is not theirs.
    for (let n = -2_000; n < 0; n += 1) await make(sessions, n);
    const before = await heap();
    for (let n = 0; n < count; n += 1) await make(sessions, n);
    const figure = ((await heap()) - before) / count;
    keep(sessions);
    return { figure };
  };
}

async function heap(): Promise<number> {
  for (let n = 0; n < 4; n += 1) {
    await delay(20);
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

/** Waits for ever: not to be awaited. */
function wait(sessions: SessionLogs, n: number): void {
  void sessions.getSessionLogs(`session-${n}`).next();
}

function write(sessions: SessionLogs, n: number): void {
  void sessions.logChunkToQueue(message(n), `session-${n}`);
}

function writeReadAndWait(sessions: SessionLogs, n: number): Promise<unknown> {
  write(sessions, n);
  const reader = sessions.getSessionLogs(`session-${n}`);
  const first = reader.next();
  void first.then(() => reader.next());
  return first;
}

export const rows: readonly Row[] = [
  {
    row: 5,
    what: 'heap of a session: a reader waits on an unknown id',
    unit: 'B',
    ours: heapOf(SESSIONS, wait),
    quoted: 'hand-written 1,104 B, async generator 1,624, ReadableStream 3,160, it-pushable 3,471, events.on 36,526',
    target: { of: 'figure', atMost: 1_450 },
  },
  {
    row: 5,
    what: 'heap of a session with an entry read and a reader waiting',
    unit: 'B',
    ours: heapOf(SESSIONS, writeReadAndWait),
    target: { of: 'figure', atMost: 1_750 },
  },
  {
    row: 5,
    what: 'heap of a session with an entry and no reader',
    unit: 'B',
    ours: heapOf(SESSIONS, write),
    target: { of: 'figure', atMost: 600 },
  },
  {
    row: 7,
    what: 'heap of an entry held, 60-character message',
    unit: 'B',
    ours: heapOf(ENTRIES, (sessions, n) => void sessions.logChunkToQueue(message(n), 's')),
    quoted: 'the Python original 678 to 882 B, never freed',
    target: { of: 'figure', atMost: 160 },
  },
];
