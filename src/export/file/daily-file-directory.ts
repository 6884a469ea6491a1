import { accessSync, chmodSync, constants, lstatSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { SessionLogsError } from '../../support/errors.ts';
import { expandHome } from '../../support/home-path.ts';
import { makeDirectories } from '../../support/make-directories.ts';
import type { Reporter } from '../../support/reporter.ts';
import { claimPath } from '../claim-path.ts';
import { directoryAccess } from '../directory-access.ts';
import { DayFileNames } from './day-file-names.ts';

export interface DailyFileDirectorySettings {
  readonly directory: string;
  /** The beginning of the files' names, or a pattern. */
  readonly fileName: string;
  /** The mode of a new file. */
  readonly fileMode: number;
  /** The mode of a new directory. */
  readonly directoryMode?: number | undefined;
  /** The name of a link to the current file. */
  readonly currentLink?: string | undefined;
  readonly reporter: Reporter;
}

/**
 * The directory of the daily files. One writer of this process claims its files of one name; other processes may write
 * them too. A missing directory is created with `directoryMode`, else with 0700 plus access for those who may read the
 * files.
 *
 * @throws SessionLogsError `directory_unusable` if it cannot be created or written to, or others may write into it;
 * `directory_in_use` if another writer of this process has claimed it, under this or another path.
 */
export class DailyFileDirectory {
  /** The absolute path, without symbolic links. */
  readonly path: string;
  readonly names: DayFileNames;
  readonly fileMode: number;
  readonly #directoryMode: number;
  readonly release: () => void;

  constructor({ directory, fileName, fileMode, directoryMode, currentLink, reporter }: DailyFileDirectorySettings) {
    this.names = new DayFileNames(fileName);
    this.fileMode = fileMode;
    this.#directoryMode = directoryMode ?? searchableBy(fileMode);
    const path = absolute(expandHome(directory));
    try {
      make(path, this.#directoryMode);
      const real = realpathSync(path);
      accessSync(real, constants.W_OK | constants.X_OK);
      this.path = real;
    } catch (error) {
      throw unusable(`the directory ${path} cannot be created or written to`, error);
    }
    const warning = this.#checkAccess();
    if (warning !== undefined) reporter.warn(`the daily files in ${this.path} are not private: ${warning}`);
    this.release = claimNames(this.path, [this.names.pattern, currentLink]);
  }

  /**
   * Creates the directory again if it is gone. @throws if that fails, or if others may write into the directory that is
   * there now.
   */
  ensure(): void {
    make(this.path, this.#directoryMode);
    this.#checkAccess();
  }

  #checkAccess(): string | undefined {
    const { refusal, warning } = directoryAccess(this.path);
    if (refusal !== undefined) throw unusable(`the directory ${this.path} is unusable: ${refusal}`);
    return warning;
  }
}

/** Claims the names that belong to this writer alone in this process: those of its files and its link. */
function claimNames(path: string, names: readonly (string | undefined)[]): () => void {
  const whenInUse = `this process already writes daily files to ${path}`;
  const releases: (() => void)[] = [];
  const release = (): void => releases.forEach((each) => each());
  try {
    for (const name of names) {
      if (name !== undefined) releases.push(claimPath('date-file-directories', join(path, name), whenInUse));
    }
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

/** The mode of a directory whose files can be listed and opened by those who may read them. */
function searchableBy(fileMode: number): number {
  const readers = fileMode & 0o044;
  return 0o700 | readers | (readers >> 2);
}

function absolute(directory: string): string {
  try {
    return resolve(directory);
  } catch (error) {
    throw unusable(`the directory ${directory} cannot be found: the working directory was removed`, error);
  }
}

/** Creates a directory, and missing ones above it, with exactly this mode. */
function make(path: string, mode: number): void {
  const first = makeDirectories(path, mode);
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    const { mode: got } = lstatSync(made);
    // The umask removed bits of the mode, and `mkdir` ignores bits such as setgid.
    if ((got & mode) !== mode) chmodSync(made, (got & 0o7777) | mode);
  }
}

function unusable(message: string, cause?: unknown): SessionLogsError {
  return new SessionLogsError('directory_unusable', message, cause === undefined ? {} : { cause });
}
