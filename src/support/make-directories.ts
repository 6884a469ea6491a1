import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates a directory, and missing ones above it. Node's own `recursive` never ends if the file system says that a path
 * is missing although everything above it exists, as in `/proc`.
 *
 * @returns The first one that was created; `undefined` if all existed.
 * @throws the error of the file system.
 */
export function makeDirectories(path: string, mode: number): string | undefined {
  const above = dirname(path);
  try {
    return makeOne(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === path) throw error;
  }
  const first = makeDirectories(above, mode);
  const last = makeOne(path, mode);
  return first ?? last;
}

function makeOne(path: string, mode: number): string | undefined {
  try {
    mkdirSync(path, mode);
    return path;
  } catch (error) {
    // Other systems have other codes, for a drive or a read-only place.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return undefined;
    throw error;
  }
}
