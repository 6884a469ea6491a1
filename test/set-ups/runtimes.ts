/**
 * The packed package on Node.js, Bun and Deno, with programs that write, end in every way, and serve; and in jest, whose
 * fake timers stop turns and microtasks too. On both OTel lines.
 *
 *   npm run test:runtimes
 *   npm run test:runtimes -- --write     also writes the table of docs/set-ups.md
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildSync } from 'esbuild';

import { HOST_LINES } from '../hosts/host-project.ts';
import { pack } from '../hosts/pack.ts';
import { cell, report } from './matrix.ts';
import type { Row } from './matrix.ts';
import { command, makeHost, runProgram } from './set-up.ts';

interface Runtime {
  readonly name: string;
  readonly start: readonly string[];
}

const SINGLE_FILES = [
  'bun build --target=bun',
  'bun build --target=node',
  'bun build --compile',
  'Node.js, single executable',
];

const ENDS = ['exit', 'throw', 'reject', 'signal'] as const;

/** Whatever ends the process, every line is in the daily file, and every record in the spool. */
async function endsWell(start: readonly string[], host: string, how: string): Promise<void> {
  const logs = await mkdtemp(join(host, 'logs-'));
  const spool = await mkdtemp(join(host, 'spool-'));
  const env = { LOGS_PATH: logs, SPOOL_PATH: spool };
  const ended = command([...start, 'ends.mjs', how], host, env).then(
    () => 'ended',
    (error: unknown) => String(error),
  );
  const said = await ended;
  const text = (await Promise.all((await readdir(logs)).map((name) => readFile(join(logs, name), 'utf8')))).join('');
  const cli = join(host, 'node_modules', 'otel-session-logs', 'dist', 'cli.js');
  const { stdout } = await command([process.execPath, cli, 'spool', spool, '--json'], host);
  const { owners } = JSON.parse(stdout) as { owners: readonly { readonly records: number }[] };
  const records = owners.reduce((sum, owner) => sum + owner.records, 0);
  assert.deepEqual([text.match(/line \d+/g)?.length ?? 0, records], [2_000, 2_000], `${how}: lines, records; ${said}`);
}

async function servesWell(start: readonly string[], host: string): Promise<void> {
  const { stdout } = await command([...start, 'serve.mjs'], host);
  const got = JSON.parse(stdout) as string[][];
  assert.ok(got.length > 0);
  for (const messages of got) assert.deepEqual(messages, ['first', 'second']);
}

/** Runs the file in a directory with nothing else in it. */
async function runSingleFile(tools: string, kind: string, host: string): Promise<void> {
  const out = await mkdtemp(join(tmpdir(), 'session-logs-single-'));
  try {
    const { stdout } = await command([process.execPath, join(tools, 'single.mjs'), kind, host, out], tools);
    await runProgram(JSON.parse(stdout) as string[], out);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** In ES modules: jest's CommonJS needs Node 22, whose `require` takes them. */
async function runJest(tools: string, host: string): Promise<void> {
  const config = JSON.stringify({ testMatch: ['**/*.test.mjs'], transform: {} });
  const jest = join(tools, 'node_modules', 'jest', 'bin', 'jest.js');
  await command([process.execPath, '--experimental-vm-modules', jest, '--config', config, '--rootDir', host], host);
}

async function main(directory: string): Promise<void> {
  const tarball = await pack(directory);
  const tools = join(directory, 'tools');
  for (const file of ['package.json', 'single.mjs']) {
    await cp(join(import.meta.dirname, 'runtimes', file), join(tools, file));
  }
  await command(['npm', 'install', '--no-audit', '--no-fund'], tools);
  const bin = (name: string): string => join(tools, 'node_modules', '.bin', name);
  const runtimes: readonly Runtime[] = [
    { name: `Node.js ${process.versions.node}`, start: [process.execPath] },
    { name: `Bun ${await versionOf(bin('bun'))}`, start: [bin('bun')] },
    { name: `Deno ${await versionOf(bin('deno'))}`, start: [bin('deno'), 'run', '--allow-all'] },
  ];
  const rows: Row[] = [];
  const files = new Map<string, Record<string, string>>();
  for (const [index, line] of HOST_LINES.entries()) {
    const host = join(directory, `host-${index}`);
    await makeHost(host, tarball, line, 'runtimes');
    await cp(join(import.meta.dirname, 'bundlers', 'program.mjs'), join(host, 'program.mjs'));
    // A long silence each, at once.
    const served = await Promise.allSettled(runtimes.map(({ start }) => servesWell(start, host)));
    for (const [place, { name, start }] of runtimes.entries()) {
      const row: Record<string, string> = { runtime: name, 'OTel line': line.name };
      const add = async (what: string, work: () => Promise<void>): Promise<void> => {
        row[what] = await cell(`${name}, ${line.name}, ${what}`, work);
      };
      await add('writes, reads, exports', () => runProgram([...start, 'program.mjs'], host));
      for (const how of ENDS) await add(how, () => endsWell(start, host, how));
      await add('serves', () => {
        const result = served[place];
        return result?.status === 'rejected' ? Promise.reject(result.reason as Error) : Promise.resolve();
      });
      rows.push(row);
    }
    for (const kind of SINGLE_FILES) {
      const result = await cell(`${kind}, ${line.name}`, () => runSingleFile(tools, kind, host));
      files.set(kind, { ...files.get(kind), 'single file': kind, [line.name]: result });
    }
    for (const cases of ['fake-time-cases', 'recorder-cases']) {
      buildSync({
        entryPoints: [join(import.meta.dirname, '..', 'support', `${cases}.ts`)],
        outfile: join(host, `${cases}.mjs`),
        format: 'esm',
      });
    }
    await cell(`fake timers of jest, ${line.name}`, () => runJest(tools, host));
  }
  await report('runtimes', rows, 2);
  await report('single files', [...files.values()]);
}

async function versionOf(binary: string): Promise<string> {
  const { stdout } = await command([binary, '--version'], tmpdir());
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? '';
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-runtimes-'));
try {
  await main(directory);
} finally {
  if (process.env['KEEP'] === undefined) await rm(directory, { recursive: true, force: true });
  else console.log(directory);
}
