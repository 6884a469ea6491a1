/**
 * How clients of event streams go, on every Node: 20.19, 20.20, 22, 24 and the newest, which tell of it differently.
 *
 *   npm run test:clients
 *
 * Runs the tests that `npm test` runs on one Node, and prints how long a reader was open at most once Node had said that
 * its client is gone. Ends with 1 when a test failed.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { nodeVersions } from './node-versions.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const TESTS = [
  'test/serve/client-ends.test.ts',
  'test/serve/odd-responses.test.ts',
  'test/serve/event-stream.test.ts',
  'test/serve/event-stream-http2.test.ts',
  'test/serve/streams.test.ts',
  'test/recipes/http-frameworks.test.ts',
];

/** What the tests write, a line each. */
interface Measured {
  readonly way: string;
  readonly millis: number;
}

/** Rejects with what the tests said when one failed. */
async function runTests(binary: string, timesFile: string): Promise<Measured[]> {
  await writeFile(timesFile, '');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  await run(binary, [vitest, 'run', ...TESTS], {
    cwd: ROOT,
    env: { ...process.env, CLIENT_END_TIMES: timesFile, NO_COLOR: '1' },
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${stdout}\n${stderr}`);
  });
  const lines = (await readFile(timesFile, 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Measured);
}

async function main(directory: string): Promise<void> {
  const rows = new Map<string, Record<string, string>>();
  for (const { binary, version } of await nodeVersions(join(directory, 'nodes'))) {
    const measured = await runTests(binary, join(directory, 'times')).catch((error: unknown) => {
      console.error(`\nNode ${version}:\n${String(error)}`);
      process.exitCode = 1;
      return [];
    });
    for (const { way } of measured) {
      const times = measured.filter((other) => other.way === way).map(({ millis }) => millis);
      rows.set(way, { ...rows.get(way), [version]: `${Math.max(...times).toFixed(2)} ms` });
    }
  }
  console.table(Object.fromEntries(rows));
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-clients-'));
try {
  await main(directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
