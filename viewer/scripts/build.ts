/**
 * Builds `dist`: one file for each door, with the modules of the viewer and what it takes from the main package, but without its
 * dependencies; the declarations; and the page.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';
import { build as buildPage } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

rmSync(`${ROOT}dist`, { recursive: true, force: true });
buildSync({
  absWorkingDir: ROOT,
  entryPoints: ['src/index.ts', 'src/cli.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
execFileSync(process.execPath, [TSC, '-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' });
await buildPage({ configFile: `${ROOT}vite.config.ts`, logLevel: 'warn' });
