/**
 * Runs the benchmarks and prints a table of them. Each way of a row is measured in processes of its own that take turns,
 * their order reversed every other turn; a figure is the median of its processes, with the least and the greatest.
 * What makes a figure of one process worth something stands in `harness.ts`.
 *
 *   npm run bench                             all rows, in about an hour
 *   npm run bench -- 1 8                      some
 *   npm run bench -- 1 2 --against HEAD~1     this build and that of another commit, with their ratio
 *   npm run bench -- 1 --processes 9          more processes for each way
 *   npm run bench -- 8 --no-peers             without the other ways
 *   npm run bench -- 1 2 --write              also keeps these rows for docs/performance.md: then npm run docs:tables
 *   npm run bench -- --quick                  shows that all runs; the figures say nothing
 *
 * Compiled first (`tsc -p bench/tsconfig.json`): a loader that compiles on the way would be measured too.
 */
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { keepRows } from './docs-data.ts';
import type { Row, Sample } from './harness.ts';
import { buildCommit } from './other-build.ts';
import { comparison, figuresFor, table } from './table.ts';
import type { Measured } from './table.ts';

/** Which file has which rows. */
const FILES: Readonly<Record<string, readonly number[]>> = {
  emit: [1],
  live: [2],
  readers: [3],
  backlog: [4],
  memory: [5, 7],
  pop: [6],
  'date-file': [8],
  durable: [9, 10, 11],
  coalescing: [12],
  redis: [13],
  import: [14],
  life: [15],
  upkeep: [16, 17],
  redaction: [18],
};

const OURS = fileURLToPath(new URL('../dist', import.meta.url));
const MEASURE = fileURLToPath(new URL('measure.js', import.meta.url));
/** A way that hangs is ended. */
const LONGEST_MILLIS = 600_000;

interface Settings {
  readonly wanted: readonly number[];
  readonly processes: number | undefined;
  readonly isQuick: boolean;
  readonly hasPeers: boolean;
  readonly against: string | undefined;
  readonly isWritten: boolean;
}

function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}: expected a positive integer, got '${text}'`);
  return value;
}

function settingsFrom(args: readonly string[]): Settings {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      against: { type: 'string' },
      processes: { type: 'string' },
      quick: { type: 'boolean' },
      'no-peers': { type: 'boolean' },
      write: { type: 'boolean' },
    },
  });
  const known = Object.values(FILES).flat();
  const wanted = positionals.map((row) => {
    if (!known.includes(Number(row))) throw new Error(`no row '${row}': there are ${known.join(', ')}`);
    return Number(row);
  });
  if (values.write === true && (values.quick === true || values['no-peers'] === true))
    throw new Error('--write: it keeps whole rows, and neither --quick nor --no-peers measures them');
  return {
    wanted,
    processes: values.processes === undefined ? undefined : positiveInteger('--processes', values.processes),
    isQuick: values.quick ?? false,
    hasPeers: values['no-peers'] !== true,
    against: values.against,
    isWritten: values.write ?? false,
  };
}

/** One way in a process of its own. */
interface Way {
  readonly file: string;
  readonly index: number;
  readonly name: string;
  readonly dist: string;
}

function measureApart({ file, index, name, dist }: Way): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const child = fork(MEASURE, [file, String(index), name, dist], {
      execArgv: ['--expose-gc'],
      timeout: LONGEST_MILLIS,
    });
    child.once('message', (sample) => resolve(sample as Sample));
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`'${name}' of ${dist} ended with ${String(code ?? signal)}`)),
    );
  });
}

async function measureRow(
  { file, index, row }: { readonly file: string; readonly index: number; readonly row: Row },
  { isQuick, hasPeers, processes }: Settings,
  otherDist: string | undefined,
): Promise<Measured> {
  const way = (name: string, dist: string): Way & { readonly samples: Sample[] } => {
    return { file, index, name, dist, samples: [] };
  };
  const ours = way('ours', OURS);
  const other = otherDist === undefined ? undefined : way('ours', otherDist);
  const peers = Object.keys((hasPeers && row.peers) || {}).map((name) => way(name, OURS));
  const ways = [ours, ...(other === undefined ? [] : [other]), ...peers];
  const turns = isQuick ? 1 : (processes ?? row.processes ?? 5);
  const peerSamples = Object.fromEntries(peers.map(({ name, samples }) => [name, samples]));
  const measured = { row, ours: ours.samples, peers: peerSamples, ...(other && { other: other.samples }) };
  try {
    for (let turn = 0; turn < turns; turn += 1) {
      for (const each of turn % 2 === 0 ? ways : ways.toReversed()) {
        each.samples.push(await measureApart(each));
      }
    }
    return measured;
  } catch (error) {
    return { ...measured, failure: `failed: ${(error as Error).message}` };
  }
}

async function measureAll(settings: Settings, otherDist: string | undefined): Promise<Measured[]> {
  const isWanted = (row: number): boolean => settings.wanted.length === 0 || settings.wanted.includes(row);
  const all: Measured[] = [];
  for (const [file, numbers] of Object.entries(FILES)) {
    if (!numbers.some(isWanted)) continue;
    const { rows } = (await import(`./${file}.js`)) as { readonly rows: readonly Row[] };
    for (const [index, row] of rows.entries()) {
      if (!isWanted(row.row)) continue;
      console.error(`${row.row}  ${row.what} ...`);
      all.push(await measureRow({ file, index, row }, settings, otherDist));
    }
  }
  return all.toSorted((a, b) => a.row.row - b.row.row);
}

const settings = settingsFrom(process.argv.slice(2));
// Before the rows are loaded, here and in the processes of the ways: see `full`.
if (settings.isQuick) process.env['BENCH_QUICK'] = '1';
const other = settings.against === undefined ? undefined : buildCommit(settings.against);
const all = await measureAll(settings, other?.dist);
const [cpu] = cpus();
console.log(
  `\nNode ${process.version}, ${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${new Date().toISOString().slice(0, 10)}. ` +
    `Medians of processes (least to greatest). CPU time, unless the row says otherwise${settings.isQuick ? '; a quick run, whose figures say nothing' : ''}.\n`,
);
console.log(other === undefined ? table(all) : comparison(all, other.name));
if (settings.isWritten) keepRows(all.filter(({ failure }) => failure === undefined).map(figuresFor));
process.exitCode = all.some(({ failure }) => failure !== undefined) ? 1 : 0;
