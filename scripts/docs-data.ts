import { readFileSync, writeFileSync } from 'node:fs';

const DATA = new URL('../docs/data/', import.meta.url);

interface Data {
  readonly rows: Record<string, string>[];
}

/**
 * Keeps what a script has measured in a file of `docs/data`, of which `npm run docs:tables` writes a table.
 *
 * @param row The cell of its first column.
 * @throws when the file has no such row.
 */
export function keepFigures(file: string, row: string, cells: Readonly<Record<string, string>>): void {
  const path = new URL(file, DATA);
  const data = JSON.parse(readFileSync(path, 'utf8')) as Data;
  const found = data.rows.find((cellsOfRow) => Object.values(cellsOfRow)[0] === row);
  if (found === undefined) throw new Error(`docs/data/${file} has no row "${row}"`);
  Object.assign(found, cells);
  writeFileSync(path, `${JSON.stringify(data, undefined, 2)}\n`);
}
