/** Rows 16 and 17: what keeping a full store in order costs: the longest wait, and the memory that is held beyond the count. */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

import type { MemorySessionStore } from '../dist/index.js';
import { roomyStore, withKnownOptions } from './build.ts';
import type { Build } from './build.ts';
import { full, keep, nextTurn } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import { freshText } from './texts.ts';

const SESSIONS = full(10_000);
const HELD = full(1_000_000);
/** Turns that are not measured: V8 compiles the code for a full store in them, which takes up to 8 ms at a time. */
const WARM_UP_TURNS = 700;
const TURNS = 2_000;
/** Appends of a turn, as of a busy server: 200,000 a second. */
const PER_TURN = 200;
const SLOW_MILLIS = 0.2;
const MIB = 2 ** 20;

const id = (n: number): string => `session-${n % SESSIONS}`;

/** Collections of garbage, which come within calls and are none of the store's work. */
class Collections {
  readonly #found: { readonly from: number; readonly to: number }[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      this.#found.push({ from: startTime, to: startTime + duration });
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Milliseconds of them in that time. */
  between(from: number, to: number): number {
    return this.#found.reduce((sum, each) => sum + Math.max(0, Math.min(each.to, to) - Math.max(each.from, from)), 0);
  }
}

/** The longest of some pieces of work. */
class Longest {
  readonly #slow: { readonly from: number; readonly to: number }[] = [];

  note(from: number): void {
    const to = performance.now();
    if (to - from > SLOW_MILLIS) this.#slow.push({ from, to });
  }

  time(work: () => void): void {
    const from = performance.now();
    work();
    this.note(from);
  }

  /** In milliseconds, without the collections; none was slower than {@link SLOW_MILLIS} otherwise. */
  without(collections: Collections): number {
    return Math.max(SLOW_MILLIS, ...this.#slow.map(({ from, to }) => to - from - collections.between(from, to)));
  }
}

/**
 * The longest append or delete, and the longest time from one turn of the event loop to the next without the calls in it: the
 * turns in which the store keeps itself in order.
 */
async function pauses(build: Build): Promise<Sample> {
  const store = await roomyStore(build);
  let written = 0;
  const write = (): void => void store.append(id(written * 7919), freshText(written++), 1.7e12 + written, undefined);
  while (written < HELD) write();
  return longest(write, (turn) => store.delete(id(turn * 104_729)));
}

/** What the machine itself does to a program that hardly does anything. */
function pausesOfNothing(): Promise<Sample> {
  let [written, last] = [0, ''];
  keep(() => last);
  return longest(
    () => void (last = freshText(written++)),
    () => {},
  );
}

async function longest(write: () => void, remove: (turn: number) => void): Promise<Sample> {
  await delay(500);
  globalThis.gc?.();
  const collections = new Collections();
  let [calls, turns] = [new Longest(), new Longest()];
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn += 1) {
    if (turn === WARM_UP_TURNS) [calls, turns] = [new Longest(), new Longest()];
    for (let n = 0; n < PER_TURN; n += 1) calls.time(write);
    if (turn % 4 === 0) calls.time(() => remove(turn));
    const from = performance.now();
    await nextTurn();
    turns.note(from);
  }
  // What was observed comes later.
  await delay(50);
  return { figure: calls.without(collections), also: turns.without(collections) };
}

/** Bytes of the heap and of the arrays beside it. */
async function memory(): Promise<number> {
  await delay(500);
  globalThis.gc?.();
  await delay(50);
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const BOUND = full(64) * MIB;

/** Writes until much more than the bound was logged. @returns Nothing: what is held is looked at afterwards. */
type Pattern = (store: MemorySessionStore) => void;

const append = (store: MemorySessionStore, sessionId: string, n: number): void =>
  void store.append(sessionId, freshText(n), 1.7e12 + n, undefined);

const patterns: Readonly<Record<string, Pattern>> = {
  'sessions side by side': (store) => {
    for (let n = 0; n < full(2_000_000); n += 1) append(store, id(n * 7919), n);
  },
  'an old entry in each of 10,000 sessions': (store) => {
    // Each stands among many others, which go.
    for (let n = 0; n < full(500_000); n += 1) {
      append(store, n % 50 === 0 ? `old-${n}` : `passing-${Math.floor(n / 5_000)}`, n);
      if (n % 5_000 === 4_999) store.delete(`passing-${Math.floor(n / 5_000)}`);
    }
  },
  'deleted at random': (store) => {
    for (let n = 0; n < full(2_000_000); n += 1) {
      append(store, id(n * 7919), n);
      if (n % 100 === 0) store.delete(id(n * 104_729));
    }
  },
  'ended under full load': (store) => {
    for (let n = 0; n < full(2_000_000); n += 1) {
      append(store, `life-${Math.floor(n / 1_000) * 10 + (n % 10)}`, n);
      if (n % 1_000 === 999) for (let k = 0; k < 10; k += 1) store.end(`life-${Math.floor(n / 1_000) * 10 + k}`);
    }
  },
};

/** What is held in memory, of what the store counts. */
function heldOfCounted(pattern: Pattern): Measure {
  return async (build) => {
    const { MemorySessionStore: Store } = await build.main();
    const make = (): MemorySessionStore =>
      withKnownOptions((options) => new Store(options), { maxBytes: BOUND, maxSessions: 50_000 });
    // What the first one brings for all is not its.
    const first = make();
    for (let n = 0; n < 10_000; n += 1) append(first, id(n), n);
    keep(first);
    const before = await memory();
    const store = make();
    pattern(store);
    const held = (await memory()) - before;
    const { bytes } = store.stats();
    keep(store);
    return { figure: held / MIB, base: bytes / MIB, also: BOUND / MIB };
  };
}

export const rows: readonly Row[] = [
  {
    row: 16,
    what: 'the longest append or delete while 1,000,000 entries of 10,000 sessions are held, without collections, time of the clock',
    unit: 'ms',
    ours: pauses,
    also: 'ms the longest turn between them',
    peers: { 'calls that do nothing': pausesOfNothing },
    target: { of: 'figure', atMost: 2 },
  },
  ...Object.entries(patterns).map(([name, pattern]): Row => ({
    row: 17,
    what: `memory held by a store, of what it counts: ${name}`,
    unit: 'MiB',
    ours: heldOfCounted(pattern),
    base: 'counted',
    also: 'MiB is its bound',
    target: { of: 'base', atMost: 1.25 },
    processes: 1,
  })),
];
