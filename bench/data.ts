/** Keeps the rows that docs/performance.md shows: `npm run docs:tables` writes its table of them. */
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../docs/data/performance.json', import.meta.url);

interface Data {
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/** What is known of a row once it is measured. */
export interface Figures {
  readonly row: number;
  readonly what: string;
  readonly figure: string;
  /** The ratio to the other build, with `--against`. */
  readonly ratio: string;
  readonly peers: string;
  readonly target: string;
  readonly reached: string;
}

/** The rows with what was measured in place of all rows of the same numbers, in their order. */
export function updated({ rows }: Data, measured: readonly Figures[]): Data['rows'] {
  const columns = Object.keys(rows[0] ?? {});
  const numbers = new Set(measured.map(({ row }) => String(row)));
  const made = measured.map(({ row, what, figure, ratio, peers, target, reached }) => {
    const cells = [String(row), what, figure, ratio, peers, target, reached];
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
  });
  const kept = rows.filter((row) => !numbers.has(row['#'] ?? ''));
  return [...kept, ...made].toSorted((a, b) => Number(a['#']) - Number(b['#']));
}

export function writeRows(measured: readonly Figures[]): void {
  const data = JSON.parse(readFileSync(FILE, 'utf8')) as Data;
  writeFileSync(FILE, `${JSON.stringify({ ...data, rows: updated(data, measured) }, undefined, 2)}\n`);
}
