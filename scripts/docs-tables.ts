/**
 * Writes the tables of the documents whose rows a script has measured: each file of `docs/data` has the rows of one table, which
 * stands between `<!-- NAME -->` and `<!-- end of NAME -->` of its page.
 *
 *     npm run docs:tables               writes them
 *     npm run docs:tables -- --check    fails where a page has another table than its file
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Data {
  readonly page: string;
  readonly table: string;
  /** The cells of each row, by column; the first row has all columns. */
  readonly rows: readonly Readonly<Record<string, string>>[];
}

const DOCS = join(process.cwd(), 'docs');
const DATA = join(DOCS, 'data');

const lineOf = (cells: readonly string[]): string =>
  `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |');

function tableOf({ rows }: Data): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => lineOf(columns.map((column) => row[column] ?? '')));
  return [lineOf(columns), lineOf(columns.map(() => '---')), ...lines].join('\n');
}

const isCheck = process.argv.includes('--check');
for (const file of readdirSync(DATA).filter((name) => name.endsWith('.json'))) {
  const data = JSON.parse(readFileSync(join(DATA, file), 'utf8')) as Data;
  const path = join(DOCS, data.page);
  const page = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- ${data.table} -->`, `<!-- end of ${data.table} -->`];
  const [before = '', rest] = page.split(begin);
  const [old, after] = rest?.split(end) ?? [];
  if (old === undefined || after === undefined) throw new Error(`docs/${data.page} has no ${begin} ... ${end}`);
  const written = `${before}${begin}\n\n${tableOf(data)}\n\n${end}${after}`;
  if (written === page) continue;
  if (isCheck) {
    console.error(
      `the table "${data.table}" of docs/${data.page} is not that of docs/data/${file}: npm run docs:tables`,
    );
    process.exitCode = 1;
  } else {
    writeFileSync(path, written);
    console.log(`docs/${data.page}: ${data.rows.length} rows of "${data.table}"`);
  }
}
