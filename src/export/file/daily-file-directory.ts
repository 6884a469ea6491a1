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
  /** What the names of the files begin with, or a pattern. */
  readonly fileName: string;
  /** The mode of a new file. */
  readonly fileMode: number;
  /** The mode of a new directory. */
  readonly directoryMode?: number | undefined;
  /** The name of a link to the file that is written now. */
  readonly currentLink?: string | undefined;
  readonly reporter: Reporter;
}

/**
 * The directory of the daily files. Its files of one name are claimed for one writer of this process; other processes may
 * write them too. It is made if it is missing: with `directoryMode`, else 0700 and open to those who may read the files.
 *
 * @throws SessionLogsError `directory_unusable` when it cannot be made or written to, or when others may write into it;
 * `directory_in_use` when another writer of this process has claimed it, under this or another name.
 */
export class DailyFileDirectory {
  /** Absolute, without symbolic links. */
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
      throw unusable(`the directory ${path} cannot be made or written to`, error);
    }
    const warning = this.#checkAccess();
    if (warning !== undefined) reporter.warn(`the daily files in ${this.path} are not private: ${warning}`);
    this.release = claimNames(this.path, [this.names.pattern, currentLink]);
  }

  /** Makes the directory again if it is gone. @throws when that fails, or when others may write into what is there now. */
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

/** Claims the names that this writer alone cares for in this process: of its files, and of its link. */
function claimNames(path: string, names: readonly (string | undefined)[]): () => void {
  const whenInUse = `this process writes daily files to ${path} already`;
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

/** The mode of a directory in which those who may read the files can list and open them. */
function searchableBy(fileMode: number): number {
  const readers = fileMode & 0o044;
  return 0o700 | readers | (readers >> 2);
}

function absolute(directory: string): string {
  try {
    return resolve(directory);
  } catch (error) {
    throw unusable(`the directory ${directory} leads nowhere: the working directory was removed`, error);
  }
}

/** Makes a directory, and those above it that are missing, with exactly that mode. */
function make(path: string, mode: number): void {
  const first = makeDirectories(path, mode);
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    const { mode: got } = lstatSync(made);
    // The umask took a part of the mode, and a bit such as setgid is not for `mkdir`.
    if ((got & mode) !== mode) chmodSync(made, (got & 0o7777) | mode);
  }
}

function unusable(message: string, cause?: unknown): SessionLogsError {
  return new SessionLogsError('directory_unusable', message, cause === undefined ? {} : { cause });
}
