import { lstatSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import type { Reporter } from '../../support/reporter.ts';
import type { DailyFileDirectory } from './daily-file-directory.ts';

/**
 * A symbolic link next to the daily files that leads to the current one, for `tail -F` and other programs that need one
 * name. It is replaced atomically, so it is never missing. Anything else under its name is left alone. A failure to
 * make the link is reported, and costs no line.
 */
export class CurrentLink {
  readonly #directory: DailyFileDirectory;
  readonly #name: string;
  readonly #reporter: Reporter;

  constructor(directory: DailyFileDirectory, name: string, reporter: Reporter) {
    this.#directory = directory;
    this.#name = name;
    this.#reporter = reporter;
  }

  /** Makes the link lead to the file of this name in the directory. */
  leadTo(target: string): void {
    const path = join(this.#directory.path, this.#name);
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats?.isSymbolicLink() === false)
        throw new Error('something that is not a link has this name: remove it or choose another `currentLink`');
      if (stats !== undefined && readlinkSync(path) === target) return;
      this.#replace(path, target);
    } catch (error) {
      this.#reporter.limited('link', `the link ${path} to ${target} could not be made`, error);
    }
  }

  #replace(path: string, target: string): void {
    const temporary = join(this.#directory.path, this.#directory.names.temporary(this.#name));
    // Relative, so that it works even if the directory is mounted under another path.
    symlinkSync(target, temporary);
    try {
      renameSync(temporary, path);
    } catch (error) {
      unlinkSync(temporary);
      throw error;
    }
  }
}
