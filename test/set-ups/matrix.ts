import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'set-ups.md');

/** One cell of a matrix: `ok`, or what went wrong. */
export type Row = Readonly<Record<string, string>>;

/** Runs the work of a cell. What goes wrong is told at once, and makes the script fail. */
export async function cell(name: string, work: () => Promise<unknown>): Promise<string> {
  const began = performance.now();
  try {
    await work();
    console.log(`${name}: ok (${Math.round((performance.now() - began) / 100) / 10} s)`);
    return 'ok';
  } catch (error) {
    console.error(`\n${name}: FAILED\n${(error as Error).message}\n`);
    process.exitCode = 1;
    return 'FAILED';
  }
}

/**
 * Prints the rows; with `--write` they also take their place in docs/set-ups.md, between the marks of that name.
 *
 * @param keys How many columns say which row it is.
 */
export async function report(name: string, rows: readonly Row[], keys: number = 1): Promise<void> {
  console.table(rows);
  if (rows.length === 0 || !process.argv.includes('--write') || process.exitCode === 1) return;
  const page = await readFile(PAGE, 'utf8');
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [before = '', rest] = page.split(begin);
  const [old, after] = rest?.split(end) ?? [];
  if (old === undefined || after === undefined) throw new Error(`docs/set-ups.md has no ${begin} ... ${end}`);
  await writeFile(PAGE, `${before}${begin}\n\n${table(rows, old, keys)}\n\n${end}${after}`);
}

/** @param old The table that is there: rows of it that were not run again stay. */
function table(rows: readonly Row[], old: string, keys: number): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => asLine(columns.map((column) => row[column] ?? '')));
  const keyOf = (line: string): string => line.split(' | ').slice(0, keys).join(' | ');
  const isRunAgain = (line: string): boolean => lines.some((each) => keyOf(each) === keyOf(line));
  const kept = old
    .trim()
    .split('\n')
    .slice(2)
    .filter((line) => !isRunAgain(line));
  return [asLine(columns), asLine(columns.map(() => '---')), ...kept, ...lines].join('\n');
}

function asLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
