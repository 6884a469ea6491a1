/** The figures that the documents show: each file of `docs/data` has the rows of a table, which `npm run docs:tables` writes. */
import { readFileSync, writeFileSync } from 'node:fs';

const DATA = new URL('../docs/data/', import.meta.url);

/** The cells of a row, by column. */
export type Cells = Readonly<Record<string, string>>;

export interface Table {
  /** As seen from `docs`. */
  readonly page: string;
  /** It stands between `<!-- NAME -->` and `<!-- end of NAME -->` of its page. */
  readonly table: string;
  /** The first row has all columns. */
  readonly rows: readonly Cells[];
}

export function readTable(file: string): Table {
  return JSON.parse(readFileSync(new URL(file, DATA), 'utf8')) as Table;
}

function writeTable(file: string, table: Table): void {
  writeFileSync(new URL(file, DATA), `${JSON.stringify(table, undefined, 2)}\n`);
}

/**
 * Keeps what a script has measured in a file of `docs/data`.
 *
 * @param row The cell of its first column.
 * @throws when the file has no such row, or no such column.
 */
export function keepFigures(file: string, row: string, cells: Cells): void {
  const table = readTable(file);
  const columns = Object.keys(table.rows[0] ?? {});
  const index = table.rows.findIndex((cellsOfRow) => cellsOfRow[columns[0] ?? ''] === row);
  if (index === -1) throw new Error(`docs/data/${file} has no row "${row}"`);
  const unknown = Object.keys(cells).find((column) => !columns.includes(column));
  if (unknown !== undefined) throw new Error(`docs/data/${file} has no column "${unknown}"`);
  writeTable(file, { ...table, rows: table.rows.with(index, { ...table.rows[index], ...cells }) });
}

/** What is known of a row of docs/performance.md once it is measured. */
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
export function updated({ rows }: Pick<Table, 'rows'>, measured: readonly Figures[]): readonly Cells[] {
  const columns = Object.keys(rows[0] ?? {});
  const numbers = new Set(measured.map(({ row }) => String(row)));
  const made = measured.map(({ row, what, figure, ratio, peers, target, reached }) => {
    const cells = [String(row), what, figure, ratio, peers, target, reached];
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
  });
  const kept = rows.filter((row) => !numbers.has(row['#'] ?? ''));
  return [...kept, ...made].toSorted((a, b) => Number(a['#']) - Number(b['#']));
}

/** Keeps rows of `npm run bench`. */
export function keepRows(measured: readonly Figures[]): void {
  const table = readTable('performance.json');
  writeTable('performance.json', { ...table, rows: updated(table, measured) });
}
