/**
 * The programs of docs/recipes-servers.md and docs/recipes-setups.md, as they stand there: compiled in strict mode, and run
 * with the packages that they import, beside the packed package.
 *
 *   npm run test:recipes
 *   npm run test:recipes -- Koa         those with one of these words in their heading
 *   npm run test:recipes -- --quick     without those of vendors, which are large
 *   npm run test:recipes -- --write     also writes the tables of docs/set-ups.md
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { HOST_LINES } from '../hosts/host-project.ts';
import type { HostLine } from '../hosts/host-project.ts';
import { pack } from '../hosts/pack.ts';
import { runSetUps } from './setup-recipes.ts';
import { PACKAGES, runServers, SERVERS, writeServers } from './server-recipes.ts';
import { command, makeHost } from './set-up.ts';

const COMPILER = { typescript: '^7.0.2', '@types/node': '^20.19.43' };

const isQuick = process.argv.includes('--quick');
const words = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const isWanted = (heading: string): boolean => words.length === 0 || words.some((word) => heading.includes(word));

async function main(directory: string): Promise<void> {
  const tarball = await pack(directory);
  await runSetUps(directory, tarball, COMPILER, (heading, isVendor) => isWanted(heading) && !(isQuick && isVendor));
  if (!SERVERS.some(({ heading }) => isWanted(heading))) return;
  const host = join(directory, 'servers');
  await makeHost(host, tarball, HOST_LINES[0] as HostLine, 'recipes', { ...PACKAGES, ...COMPILER });
  const folders = await writeServers(host);
  await compile(host);
  await runServers(host, folders, isWanted);
}

/** Leaves each program as JavaScript beside its text. */
async function compile(host: string): Promise<void> {
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2023',
    skipLibCheck: true,
    experimentalDecorators: true,
    types: ['node'],
  };
  await writeFile(
    join(host, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*/*.ts', '*/app/**/*.ts'] }),
  );
  await command([process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.'], host);
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-recipes-'));
try {
  await main(directory);
} finally {
  if (process.env['KEEP'] === undefined) await rm(directory, { recursive: true, force: true });
  else console.log(directory);
}
