import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

import { StaticPage } from '../../src/serve/static-page.ts';

export interface BuiltPage {
  readonly page: StaticPage;
  /** All files of it, also those that are loaded later. */
  readonly paths: readonly string[];
}

let built: Promise<BuiltPage> | undefined;

/** The page as it is built for the package; once for all files of a worker. */
export function buildPage(): Promise<BuiltPage> {
  built ??= (async () => {
    const outDir = mkdtempSync(join(tmpdir(), 'session-logs-page-'));
    const configFile = fileURLToPath(new URL('../../vite.config.ts', import.meta.url));
    await build({ configFile, logLevel: 'error', build: { outDir } });
    const files = readdirSync(outDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map(({ parentPath, name }) => `/${relative(outDir, join(parentPath, name))}`);
    const page = new StaticPage(outDir);
    rmSync(outDir, { recursive: true });
    return { page, paths };
  })();
  return built;
}
