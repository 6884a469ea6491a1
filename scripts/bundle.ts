/**
 * Joins the source into a few files for each door, with the packages outside: loading a module costs more than what is in
 * it. Run as a script it writes `dist`, which has the declarations of `tsc` already.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** @param modules Modules of `src` that become files of their own beside the doors, e.g. `export/console/console.ts`. */
export function bundle(outdir: string, modules: readonly string[] = []): void {
  buildSync({
    absWorkingDir: ROOT,
    entryPoints: ['src/*.ts', ...modules.map((path) => `src/${path}`)],
    outbase: 'src',
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    // `src` is part of the package.
    sourcesContent: false,
    logLevel: 'warning',
  });
}

const script = process.argv[1];
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) bundle('dist');
