/**
 * Runs the benchmarks, each file in a process of its own, and prints the table of the README.
 *
 * Compiled first (`tsc -p bench/tsconfig.json`): a loader that compiles on the way would be measured too.
 *
 *   npm run bench               all rows
 *   npm run bench -- 1 8        some
 */
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import type { Row } from './harness.ts';

/** Which file measures which rows. */
const FILES: readonly { readonly file: string; readonly rows: readonly number[]; readonly takesRows?: boolean }[] = [
  { file: 'emit.js', rows: [1] },
  { file: 'throughput.js', rows: [2, 6] },
  { file: 'readers.js', rows: [3, 4] },
  { file: 'memory.js', rows: [5, 7] },
  { file: 'date-file.js', rows: [8] },
  { file: 'durable.js', rows: [9, 10, 11], takesRows: true },
  { file: 'coalescing.js', rows: [12] },
  { file: 'redis.js', rows: [13] },
  { file: 'import.js', rows: [14] },
];

const wanted = process.argv.slice(2).map(Number);
const isWanted = (row: number): boolean => wanted.length === 0 || wanted.includes(row);
const rows: Row[] = [];
let failures = 0;

for (const { file, rows: own, takesRows = false } of FILES) {
  if (!own.some(isWanted)) continue;
  console.error(`measuring ${file} ...`);
  const args = takesRows ? own.filter(isWanted).map(String) : [];
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: ['--expose-gc'],
  });
  child.on('message', (row) => void rows.push(row as Row));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) {
    failures += 1;
    console.error(`${file} ended with code ${String(code)}`);
  }
}

const mark = ({ isReached }: Row): string => (isReached === undefined ? '' : isReached ? 'yes' : '**no**');
console.log(
  `\nNode ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${new Date().toISOString().slice(0, 10)}\n`,
);
console.log(
  '| # | work | ours | peers, in the same run unless quoted | target | reached |\n| --- | --- | --- | --- | --- | --- |',
);
for (const row of rows.filter(({ row: number }) => isWanted(number)).toSorted((a, b) => a.row - b.row)) {
  console.log(`| ${row.row} | ${row.work} | ${row.ours} | ${row.peers} | ${row.target} | ${mark(row)} |`);
}
process.exitCode = failures === 0 ? 0 : 1;
