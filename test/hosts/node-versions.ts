import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface NodeVersion {
  /** As `node --version` says it. */
  readonly version: string;
  readonly binary: string;
}

/** The oldest that the package supports, the lines in maintenance, the newest. */
const WANTED = ['20.19', '20.20', '22', '24', 'latest'];

const isThisOne = (line: string): boolean => `${process.versions.node}.`.startsWith(`${line}.`);

/** Node of every line: this one for its own, the others from the npm package `node`, installed into the directory. */
export async function nodeVersions(directory: string): Promise<NodeVersion[]> {
  const missing = WANTED.filter((line) => !isThisOne(line));
  await mkdir(directory);
  const dependencies = Object.fromEntries(missing.map((line) => [`node-${line}`, `npm:node@${line}`]));
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: directory });
  const binaries = WANTED.map((line) =>
    isThisOne(line) ? process.execPath : join(directory, 'node_modules', `node-${line}`, 'bin', 'node'),
  );
  return Promise.all(
    binaries.map(async (binary) => ({ binary, version: (await run(binary, ['--version'])).stdout.trim() })),
  );
}
