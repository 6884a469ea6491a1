/**
 * A program that uses the packed package, bundled by the usual tools: on both OTel lines, run beside `node_modules` and in
 * a directory where there is nothing but the bundle.
 *
 *   npm run test:bundles
 *   npm run test:bundles -- --write     also writes the table of docs/set-ups.md
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { HOST_LINES } from '../hosts/host-project.ts';
import { pack } from '../hosts/pack.ts';
import { cell, report } from './matrix.ts';
import { command, makeHost, runProgram } from './set-up.ts';

const TOOLS = [
  'esbuild, ESM',
  'esbuild, CommonJS',
  'esbuild, minified',
  'webpack 5',
  'rollup',
  'rolldown',
  'Vite SSR',
] as const;

interface Bundle {
  readonly host: string;
  readonly file: string;
  readonly warnings: string;
}

/** Bundles a program of the host into the directory. */
async function bundle(tools: string, tool: string, host: string, program: string, out: string): Promise<Bundle> {
  await mkdir(out);
  const build = [process.execPath, join(tools, 'build.mjs'), tool, host, program, out];
  const { stdout, stderr } = await command(build, tools);
  return { host, file: basename(stdout.trim().split('\n').at(-1) ?? ''), warnings: stderr };
}

/** A warning about this package or its peers is a failure: every user would get it. */
function refuseWarnings({ warnings }: Bundle): void {
  if (/otel-session-logs|@opentelemetry|log4js/.test(warnings)) throw new Error(`warnings:\n${warnings}`);
}

/** Where no optional peer is installed the build goes on, and the program says what is missing. */
async function refuseToStart(tools: string, tool: string, host: string): Promise<void> {
  const out = join(host, `missing-${TOOLS.indexOf(tool as never)}`);
  const { file } = await bundle(tools, tool, host, 'missing.mjs', out);
  const { stdout } = await command([process.execPath, join(out, file)], out);
  assert.match(
    stdout,
    /^sdk_not_found: @opentelemetry\/sdk-logs is neither in the bundle of this program nor installed/,
  );
}

async function main(directory: string): Promise<void> {
  const tarball = await pack(directory);
  const tools = join(directory, 'tools');
  await cp(join(import.meta.dirname, 'bundlers'), tools, { recursive: true });
  await command(['npm', 'install', '--no-audit', '--no-fund'], tools);
  const rows = new Map<string, Record<string, string>>();
  for (const tool of TOOLS) rows.set(tool, { bundler: await versionOf(tools, tool) });
  for (const [index, line] of HOST_LINES.entries()) {
    const host = join(directory, `host-${index}`);
    await makeHost(host, tarball, line, 'bundlers');
    for (const [tool, row] of rows) await runBundle(tools, tool, host, line.name, row);
  }
  const bare = join(directory, 'host-bare');
  await makeHost(bare, tarball, { name: 'bare', dependencies: { '@opentelemetry/api': '^1.9.0' } }, 'bundlers');
  for (const [tool, row] of rows) {
    row['without the peers'] = await cell(`${tool}, without the peers`, () => refuseToStart(tools, tool, bare));
  }
  await report('bundles', [...rows.values()]);
}

async function runBundle(
  tools: string,
  tool: string,
  host: string,
  line: string,
  row: Record<string, string>,
): Promise<void> {
  const out = join(host, `out-${TOOLS.indexOf(tool as never)}`);
  const alone = await mkdtemp(join(tmpdir(), 'session-logs-alone-'));
  try {
    let file = '';
    row[`${line}, build`] = await cell(`${tool}, ${line}, build`, async () => {
      const built = await bundle(tools, tool, host, 'program.mjs', out);
      refuseWarnings(built);
      ({ file } = built);
      await cp(out, alone, { recursive: true });
    });
    if (file === '') return;
    for (const [where, directory] of Object.entries({ 'beside node_modules': out, alone })) {
      row[`${line}, ${where}`] = await cell(`${tool}, ${line}, ${where}`, () =>
        runProgram([process.execPath, join(directory, file)], directory),
      );
    }
  } finally {
    await rm(alone, { recursive: true, force: true });
  }
}

/** The tool with the version that was run. */
async function versionOf(tools: string, tool: string): Promise<string> {
  const [name = ''] = tool.toLowerCase().split(/[ ,]/);
  const manifest = await readFile(join(tools, 'node_modules', name, 'package.json'), 'utf8');
  return `${tool} (${(JSON.parse(manifest) as { version: string }).version})`;
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-bundles-'));
try {
  await main(directory);
} finally {
  if (process.env['KEEP'] === undefined) await rm(directory, { recursive: true, force: true });
  else console.log(directory);
}
