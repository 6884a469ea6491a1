/**
 * Checks the documents: every block of TypeScript is compiled, on its own and strictly, against the packed package; those that say
 * what they print are run; every link leads to something.
 *
 *   npm run docs:check
 *   npm run docs:check -- read.md README.md      pages with one of these names
 *   npm run docs:check -- --links                links only, which takes a second
 *   npm run docs:check -- --elsewhere            also lists addresses elsewhere, which are not asked for
 *
 * CONTRIBUTING.md ("Write documents") says how a block is written.
 */
import { readdirSync } from 'node:fs';
import { join, posix } from 'node:path';

import { readPage } from '../support/page.ts';
import { compile } from './compile.ts';
import { makeHost } from './host.ts';
import { checkLinks } from './links.ts';
import type { Fault } from './links.ts';
import { programsIn } from './programs.ts';
import { runProgram } from './run.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Where documents are. */
const FOLDERS = ['.', 'docs', 'viewer'];

const names = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const has = (flag: string): boolean => process.argv.includes(flag);

function documents(): string[] {
  const all = FOLDERS.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => posix.join(folder, name)))
    .filter((path) => path.endsWith('.md'))
    .toSorted();
  const wanted = all.filter((path) => names.length === 0 || names.some((name) => `/${path}`.endsWith(`/${name}`)));
  if (wanted.length === 0) throw new Error(`no document is called ${names.join(' or ')}`);
  return wanted;
}

async function checkPrograms(paths: readonly string[]): Promise<Fault[]> {
  const found = programsIn(paths.map(readPage));
  const { programs, excused } = found;
  const blocks = new Set(programs.map(({ page, line }) => `${page}:${line}`)).size;
  await makeHost(found);
  const faults = await compile(programs);
  const printing = programs.filter(({ prints }) => prints !== undefined);
  for (const program of printing) {
    const fault = await runProgram(program);
    if (fault !== undefined) faults.push(fault);
  }
  console.log(`${blocks} blocks compiled, ${printing.length} of them run, ${excused.length} excused`);
  for (const { page, line, reason } of excused) {
    console.log(`  ${page}:${line} is not compiled: ${reason}`);
    if (reason === '') faults.push({ path: page, line, message: 'no-check needs a reason' });
  }
  return faults;
}

const paths = documents();
const links = checkLinks(ROOT, paths);
const faults = [...links.faults];
console.log(
  `${paths.length} documents, ${links.files} links, ${links.anchors} of them to anchors, ${links.elsewhere.length} elsewhere`,
);
if (has('--elsewhere'))
  console.log(
    [...new Set(links.elsewhere)]
      .toSorted()
      .map((address) => `  ${address}`)
      .join('\n'),
  );
if (!has('--links')) faults.push(...(await checkPrograms(paths)));
for (const { path, line, message } of faults) console.error(`${path}:${line}: ${message}`);
console.log(faults.length === 0 ? 'nothing is wrong' : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
