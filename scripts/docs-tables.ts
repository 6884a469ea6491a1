/**
 * Writes the tables of the documents whose rows a script has measured: each file of `docs/data` has the rows of one table, which
 * stands between `<!-- NAME -->` and `<!-- end of NAME -->` of its page.
 *
 *     npm run docs:tables               writes them
 *     npm run docs:tables -- --check    fails where a page has another table than its file
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import type { Table } from '../bench/docs-data.ts';

const DOCS = join(process.cwd(), 'docs');
const DATA = join(DOCS, 'data');

const lineOf = (cells: readonly string[]): string =>
  `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |');

function linesOf({ rows }: Table): string[] {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => lineOf(columns.map((column) => row[column] ?? '')));
  return [lineOf(columns), lineOf(columns.map(() => '---')), ...lines];
}

const isCheck = process.argv.includes('--check');
for (const file of readdirSync(DATA).filter((name) => name.endsWith('.json'))) {
  const data = JSON.parse(readFileSync(join(DATA, file), 'utf8')) as Table;
  const path = join(DOCS, data.page);
  const name = relative(process.cwd(), path);
  const page = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- ${data.table} -->`, `<!-- end of ${data.table} -->`];
  const [before = '', rest] = page.split(begin);
  const [old, after] = rest?.split(end) ?? [];
  if (old === undefined || after === undefined) throw new Error(`${name} has no ${begin} ... ${end}`);
  // A table within an item of a list is indented, as its marker is.
  const indent = / *$/.exec(before)?.[0] ?? '';
  const table = linesOf(data).map((line) => `${indent}${line}\n`);
  const written = `${before}${begin}\n\n${table.join('')}\n${indent}${end}${after}`;
  if (written === page) continue;
  if (isCheck) {
    console.error(`the table "${data.table}" of ${name} is not that of docs/data/${file}: npm run docs:tables`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, written);
    console.log(`${name}: ${data.rows.length} rows of "${data.table}"`);
  }
}
