import { lstatSync, readdirSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { messageOf, SessionLogsError } from '../../support/errors.ts';
import { withDirectoryLock } from '../erasure/directory-lock.ts';
import { isMissing } from './compress-file.ts';
import type { DayFileNames } from './day-file-names.ts';
import { eraseCompressed } from './erase-compressed.ts';
import { eraseLines } from './erase-lines.ts';
import type { LineMatcher } from './line-matcher.ts';

/** Tells which files of a directory are daily files. */
export type FileNames = Pick<DayFileNames, 'parse' | 'isTemporary' | 'temporary'>;

export interface DailyFileErasure {
  /** The absolute path. */
  readonly directory: string;
  readonly names: FileNames;
  readonly matcher: LineMatcher;
  /** The files and their sizes when the erasure was asked for. */
  readonly sizes: FileSizes;
}

/** Number of erased lines, and of the files that held them. */
export interface ErasedLines {
  readonly lines: number;
  readonly files: number;
}

export type FileSizes = ReadonlyMap<string, number>;

/** Returns the daily files that are not compressed, with their sizes. @throws the error of the file system. */
export function fileSizes(directory: string, names: FileNames): FileSizes {
  const sizes = new Map<string, number>();
  for (const name of list(directory)) {
    if (names.parse(name)?.isCompressed !== false) continue;
    const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
    if (stats?.isFile() === true) sizes.set(name, stats.size);
  }
  return sizes;
}

/**
 * Erases lines in all daily files of a directory: in place in files that processes may append to, and by rewriting
 * compressed ones. Processes that append beyond the sizes erase that themselves.
 *
 * @throws SessionLogsError `erasure_incomplete` if a file cannot be read or written, after all others are done.
 */
export function eraseInDailyFiles({ directory, names, matcher, sizes }: DailyFileErasure): Promise<ErasedLines> {
  return withDirectoryLock(directory, async () => {
    const erased = new Tally();
    for (const [name, size] of sizes) {
      await erased.count(name, () => eraseLines(join(directory, name), size, matcher));
    }
    // This includes files that were compressed meanwhile.
    for (const name of list(directory)) {
      const path = join(directory, name);
      const temporary = join(directory, names.temporary(name));
      if (names.isTemporary(name)) await erased.count(name, () => unlink(path).then(() => 0));
      else if (
        names.parse(name)?.isCompressed === true &&
        lstatSync(path, { throwIfNoEntry: false })?.isFile() === true
      ) {
        await erased.count(name, () => eraseCompressed(path, temporary, matcher));
      }
    }
    return erased.result(directory);
  });
}

class Tally {
  #lines = 0;
  #files = 0;
  readonly #failures: { readonly name: string; readonly error: unknown }[] = [];

  async count(name: string, erase: () => Promise<number>): Promise<void> {
    try {
      const lines = await erase();
      this.#lines += lines;
      if (lines > 0) this.#files += 1;
    } catch (error) {
      // The file was removed or compressed.
      if (!isMissing(error)) this.#failures.push({ name, error });
    }
  }

  result(directory: string): ErasedLines {
    const [first] = this.#failures;
    if (first === undefined) return { lines: this.#lines, files: this.#files };
    const names = this.#failures.map(({ name, error }) => `${name} (${messageOf(error)})`).join(', ');
    const message = `lines of the session could not be erased in ${directory}: ${names}. ${this.#lines} lines of other files are erased; erase the session again`;
    throw new SessionLogsError('erasure_incomplete', message, { cause: first.error });
  }
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
