/**
 * How long it takes from `npx otel-session-logs dev` to a page that answers, with both packages packed and installed in a project
 * of its own. For comparison: the same without npx, and what Node and npx take alone. Target: 1 s.
 *
 *     npm run bench:start --workspace viewer [-- ROUNDS --write]
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { keepMeasured, numbers } from './support/arguments.ts';
import { percentile } from './support/percentile.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const [rounds = 10] = numbers;
const directory = mkdtempSync(join(tmpdir(), 'session-logs-start-'));

async function install(): Promise<void> {
  await run('npm', ['run', 'build'], { cwd: ROOT });
  await run('npm', ['run', 'build', '--workspace', 'viewer'], { cwd: ROOT });
  const pack = ['pack', '--ignore-scripts', '--pack-destination', directory];
  await run('npm', pack, { cwd: ROOT });
  await run('npm', [...pack, '--workspace', 'viewer'], { cwd: ROOT });
  const tarballs = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n');
  const packages = tarballs.map((name) => `./${name}`);
  await run('npm', ['install', '--no-audit', '--no-fund', '@opentelemetry/api', ...packages], { cwd: directory });
}

/** Milliseconds from the start of the command to an answer of the page. */
async function toListening(command: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const [greeting] = (await once(child.stdout, 'data')) as [Buffer];
  const address = /http:\/\/[\d.]+:\d+/.exec(greeting.toString())?.[0] ?? '';
  const { status } = await fetch(address);
  const took = performance.now() - start;
  if (status !== 200) throw new Error(`the page answered ${status}`);
  const ended = once(child, 'exit');
  // npx runs a shell that runs the command: all of them end.
  process.kill(-(child.pid ?? 0), 'SIGTERM');
  await ended;
  return took;
}

async function toEnd(command: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  await run(command, args, { cwd: directory });
  return performance.now() - start;
}

const dev = ['dev', '--port', '0', '--no-open'];
const CONTESTANTS: Readonly<Record<string, () => Promise<number>>> = {
  'npx otel-session-logs dev': () => toListening('npx', ['otel-session-logs', ...dev]),
  'node_modules/.bin/otel-session-logs dev': () => toListening('node_modules/.bin/otel-session-logs', dev),
  'npx -c true: npx alone': () => toEnd('npx', ['-c', 'true']),
  'node --eval 0: Node alone': () => toEnd(process.execPath, ['--eval', '0']),
};

try {
  await install();
  const millis = new Map(Object.keys(CONTESTANTS).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries(CONTESTANTS)) millis.get(name)?.push(await measure());
  }
  console.table(
    Object.fromEntries(
      [...millis].map(([name, all]) => [
        name,
        { 'p50 ms': percentile(all, 0.5), 'p95 ms': percentile(all, 0.95), 'worst ms': percentile(all, 1) },
      ]),
    ),
  );
  const npx = millis.get('npx otel-session-logs dev') ?? [];
  keepMeasured(
    'from `npx otel-session-logs dev` to a page that answers',
    `${percentile(npx, 0.5).toFixed(0)} ms (median), ${percentile(npx, 1).toFixed(0)} ms (worst)`,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
