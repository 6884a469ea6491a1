import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The source as JavaScript, for child processes: they start faster than with a loader, and the way users start. */
export interface BuiltSource {
  /** URL of a module of src, e.g. `export/durable.js`. */
  url(path: string): string;
  remove(): void;
}

/**
 * Builds into a directory inside `node_modules`, from where the packages resolve as for the source.
 *
 * @param beside A folder of the repository whose `node_modules` is meant; the root's when not given.
 */
export function buildSource(beside = ''): BuiltSource {
  const place = beside === '' ? ROOT : `${ROOT}${beside}/`;
  const outDir = `${place}node_modules/.cache/otel-session-logs/${process.pid}-${Date.now()}`;
  try {
    execFileSync(
      process.execPath,
      [`${ROOT}node_modules/typescript/bin/tsc`, '-p', 'tsconfig.build.json', '--outDir', outDir],
      {
        cwd: ROOT,
        stdio: 'pipe',
      },
    );
  } catch {
    // It emits in spite of type errors, which `npm run typecheck` is there to find.
  }
  return {
    url: (path) => pathToFileURL(`${outDir}/${path}`).href,
    remove: () => rmSync(outDir, { recursive: true, force: true }),
  };
}
