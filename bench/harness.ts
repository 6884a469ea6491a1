/** One line of the printed table. */
export interface Row {
  /** The row of the README's table. */
  readonly row: number;
  readonly work: string;
  readonly ours: string;
  readonly peers: string;
  readonly target: string;
  /** Whether the target is reached; `undefined` where the row only informs. */
  readonly isReached?: boolean | undefined;
}

/** What a variant cost in each round, in nanoseconds of CPU time per item. */
export interface Cost {
  readonly rounds: readonly number[];
  readonly min: number;
  readonly median: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** CPU nanoseconds of this process: what counts on a shared machine, where the clock does not. */
export function cpuNanos(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Runs an async piece of work and gives its CPU nanoseconds per item. */
export async function costOf(items: number, work: () => void | Promise<void>): Promise<number> {
  globalThis.gc?.();
  const before = cpuNanos();
  await work();
  return (cpuNanos() - before) / items;
}

/**
 * Measures variants in turn within one process, the order reversed every other round, a forced collection before each;
 * the first rounds, which compile, are not counted.
 */
export async function alternate<Name extends string>(
  variants: Readonly<Record<Name, () => number | Promise<number>>>,
  options: { readonly rounds?: number; readonly warmUp?: number } = {},
): Promise<Record<Name, Cost>> {
  const { rounds = 9, warmUp = 2 } = options;
  const names = Object.keys(variants) as Name[];
  const costs = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const cost = await variants[name]();
      if (round >= warmUp) costs[name].push(cost);
    }
  }
  return Object.fromEntries(names.map((name) => [name, summaryOf(costs[name])])) as Record<Name, Cost>;
}

function summaryOf(rounds: number[]): Cost {
  return { rounds, min: Math.min(...rounds), median: median(rounds) };
}

/** The median of the ratios round by round: what holds when the machine's speed drifts. */
export function ratio(cost: Cost, base: Cost): number {
  return median(cost.rounds.map((value, round) => value / (base.rounds[round] ?? Number.NaN)));
}

export function nanos(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} us` : `${value.toFixed(0)} ns`;
}

/** Hands rows to the parent process, or prints them when the file is run by itself. */
export function report(...rows: Row[]): void {
  for (const row of rows) {
    if (process.send === undefined)
      console.log(`${row.row}  ${row.work}: ${row.ours}  [target ${row.target}]  ${row.peers}`);
    else process.send(row);
  }
}
