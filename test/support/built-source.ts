import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { buildSync } from 'esbuild';

import { bundle } from '../../scripts/bundle.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Folders whose packages the source is run with: the project's, and the host of the older line of the SDK. */
const PLACES = ['', 'test/lines/sdk-0.2xx/'] as const;

/** What child processes load beside doors. */
const MODULES = [
  'export/console/console.ts',
  'export/durable/durable.ts',
  'support/end-of-tick-write.ts',
  'export/file/date-file.ts',
] as const;

/** The source as JavaScript, for child processes: they start faster than with a loader, and the way users start. */
export interface BuiltSource {
  /** URL of a door or of one of `MODULES`, e.g. `export/durable/durable.js`. */
  url(path: string): string;
}

/** What the tests' global set-up has built. @param beside The folder whose `node_modules` is meant. */
export function builtSource(beside: (typeof PLACES)[number] = ''): BuiltSource {
  const run = process.env['BUILT_SOURCE'];
  if (run === undefined) throw new Error('the source is not built: see test/support/global-setup.ts');
  return { url: (path) => pathToFileURL(`${outDirOf(beside, run)}/${path}`).href };
}

/** The path of a script of `scripts/` as JavaScript, e.g. of `release.ts`. */
export function builtScript(name: string): string {
  return fileURLToPath(builtSource().url(`scripts/${name.replace(/\.ts$/, '.js')}`));
}

/** The path of an example as JavaScript, e.g. of `local-iteration.ts`. */
export function builtExample(name: string): string {
  return fileURLToPath(builtSource().url(`examples/${name.replace(/\.ts$/, '.js')}`));
}

/** The path of a program of this folder that loads internals, with the source in it, e.g. of `held-bytes.mjs`. */
export function builtProgram(name: string): string {
  return fileURLToPath(builtSource().url(`programs/${name.replace(/\.\w+$/, '.js')}`));
}

/** Builds the source for each place, inside its `node_modules`, from where the packages resolve as for the source. */
export function buildSource(): () => void {
  const run = `${process.pid}-${Date.now()}`;
  const [first, ...others] = PLACES.map((place) => outDirOf(place, run)) as [string, ...string[]];
  bundle(first, MODULES);
  buildPrograms(['scripts/*.ts'], `${first}/scripts`);
  // The demo streams documents that stand beside its folder.
  buildPrograms(['examples/*.ts', 'examples/chat-hono/server.ts'], `${first}/examples`, {
    'import.meta.dirname': JSON.stringify(`${ROOT}examples`),
  });
  buildPrograms(
    ['test/support/held-bytes.mjs', 'test/support/fake-time-child.ts', 'test/support/recorder-child.ts'],
    `${first}/programs`,
  );
  for (const other of others) cpSync(first, other, { recursive: true });
  process.env['BUILT_SOURCE'] = run;
  return () => {
    for (const built of [first, ...others]) rmSync(built, { recursive: true, force: true });
  };
}

/** Each with what it loads of this repository; the package's own name is that of the source, by `paths` of tsconfig.json. */
function buildPrograms(entryPoints: string[], outdir: string, define: Record<string, string> = {}): void {
  buildSync({
    absWorkingDir: ROOT,
    // Not that of an example, which is of a project with the package installed.
    tsconfig: 'tsconfig.json',
    entryPoints,
    outdir,
    define,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
}

function outDirOf(place: string, run: string): string {
  return `${ROOT}${place}node_modules/.cache/otel-session-logs/${run}`;
}
