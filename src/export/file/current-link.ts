import { lstatSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import type { Reporter } from '../../support/reporter.ts';
import type { DailyFileDirectory } from './daily-file-directory.ts';

/**
 * A symbolic link beside the daily files that leads to the one that is written now, for `tail -F` and whoever wants one
 * name. It is put in place at once, never missing between two files. What is no link under its name is left alone. That
 * it cannot be made is reported, and costs no line.
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

  /** Makes it lead to the file of that name in the directory. */
  leadTo(target: string): void {
    const path = join(this.#directory.path, this.#name);
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats?.isSymbolicLink() === false) throw new Error('there is something else, which is no link');
      if (stats !== undefined && readlinkSync(path) === target) return;
      this.#replace(path, target);
    } catch (error) {
      this.#reporter.limited('link', `the link ${path} could not be made to lead to ${target}`, error);
    }
  }

  #replace(path: string, target: string): void {
    const temporary = join(this.#directory.path, this.#directory.names.temporary(this.#name));
    // Relative, so that it is right also where the directory is mounted under another path.
    symlinkSync(target, temporary);
    try {
      renameSync(temporary, path);
    } catch (error) {
      unlinkSync(temporary);
      throw error;
    }
  }
}
