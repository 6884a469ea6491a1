/**
 * What all rows share: what a row is, and how work is measured inside one process.
 *
 * `run.ts` measures each way of a row in a process of its own (`measure.ts`): ways that share a process make each other's
 * code polymorphic. Inside a process three rules make a figure that of compiled code:
 *
 * - `keep` one living instance of everything that is measured: a store, a session with an entry, a reader that waits, a
 *   record. V8 throws away what it compiled for objects of a shape whose last one is collected, and a round after a forced
 *   collection would measure compiling. `node --trace-deopt` names what is thrown away ("weak objects").
 * - `afterCollection` collects, so that a round does not pay for the garbage of the one before, and warms up after it.
 * - Within the measured time collections come as they come.
 */
import type { Build } from './build.ts';

/** What one process found out. */
export interface Sample {
  /** In the unit of the row. */
  readonly figure: number;
  /** The same work with less, taken in turns in the same process: `Row.base` says what. */
  readonly base?: number;
  /** Another figure of the same run: `Row.also` says which. */
  readonly also?: number;
}

export type Measure = (build: Build) => Promise<Sample>;

export interface Target {
  /** What is compared: the figure, its ratio to the base, or its ratio to the figure of the peer of that name. */
  readonly of: 'figure' | 'base' | (string & {});
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** One line of the printed table. */
export interface Row {
  /** The number in docs/performance.md, which several lines may share. */
  readonly row: number;
  /** What is measured, in one line. */
  readonly what: string;
  readonly unit: 'ns' | 'µs' | 'ms' | 'B' | 'KB' | 'MiB' | '/s' | 'records';
  /** The way that is ours, measured for both builds with `--against`. */
  readonly ours: Measure;
  readonly base?: string;
  readonly also?: string;
  /** Other ways to do the same, by name. */
  readonly peers?: Readonly<Record<string, Measure>>;
  /** What was measured elsewhere and is not run here. */
  readonly quoted?: string;
  readonly target?: Target;
  /** @default 5 */
  readonly processes?: number;
}

/** A count of items or rounds; a tenth of it with `--quick`, which shows that a row runs and nothing else. */
export function full(count: number): number {
  return process.env['BENCH_QUICK'] === '1' ? Math.ceil(count / 10) : count;
}

export function sessionsInWords(count: number): string {
  return count === 1 ? '1 session' : `${count.toLocaleString('en')} sessions`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [lower = Number.NaN, upper = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (lower + upper) / 2;
}

/** CPU nanoseconds of this process, helper threads included: on a shared machine the clock does not count. */
export function cpuNanos(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Node's own too. */
const kept: unknown[] = [setImmediate(() => {})];

/** Keeps things alive until the process ends. */
export function keep(...things: readonly unknown[]): void {
  kept.push(...things);
}

/** Collects what is dead, then runs the work a little, so that what the collection threw away is there again. */
export async function afterCollection(warmUp: () => void | Promise<void>): Promise<void> {
  globalThis.gc?.();
  await warmUp();
}

/** CPU nanoseconds per item. */
export async function costOf(items: number, work: () => void | Promise<void>): Promise<number> {
  const before = cpuNanos();
  await work();
  return (cpuNanos() - before) / items;
}

interface Rounds {
  readonly rounds?: number;
  /** Rounds that are not counted: they compile. */
  readonly warmUps?: number;
}

/** The median of some rounds. */
export async function repeat(round: () => Promise<number>, options: Rounds = {}): Promise<Sample> {
  const { rounds = 9, warmUps = 2 } = options;
  const figures: number[] = [];
  for (let done = -full(warmUps); done < full(rounds); done += 1) {
    const figure = await round();
    if (done >= 0) figures.push(figure);
  }
  return { figure: median(figures) };
}

/** The medians of two pieces of work in turns, the order reversed every other round. */
export async function pair(
  ours: () => Promise<number>,
  base: () => Promise<number>,
  options: Rounds = {},
): Promise<Required<Pick<Sample, 'figure' | 'base'>>> {
  const { rounds = 9, warmUps = 2 } = options;
  const figures: number[] = [];
  const bases: number[] = [];
  for (let done = -full(warmUps); done < full(rounds); done += 1) {
    const isOursFirst = done % 2 === 0;
    const first = await (isOursFirst ? ours : base)();
    const second = await (isOursFirst ? base : ours)();
    if (done < 0) continue;
    figures.push(isOursFirst ? first : second);
    bases.push(isOursFirst ? second : first);
  }
  return { figure: median(figures), base: median(bases) };
}
