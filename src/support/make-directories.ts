import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory, and those above it that are missing. Node's own `recursive` never comes to an end where the file system
 * says that a path is missing although all above it is there, as it does in `/proc`.
 *
 * @returns The first one that was made; `undefined`: all are there.
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
    // The code is another one on other systems: for a drive, or where nobody may write.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return undefined;
    throw error;
  }
}
