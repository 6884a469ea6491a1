import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { SessionLogsError } from '../../support/errors.ts';
import { expandHome } from '../../support/home-path.ts';
import type { Reporter } from '../../support/reporter.ts';
import { claimPath } from '../claim-path.ts';
import { directoryAccess } from '../directory-access.ts';
import { DayFileNames } from './day-file-names.ts';

export interface DailyFileDirectorySettings {
  readonly directory: string;
  /** What the names of the files begin with. */
  readonly fileName: string;
  /** The mode of a new file. */
  readonly mode: number;
  readonly reporter: Reporter;
}

/**
 * The directory of the daily files. Its files of one name are claimed for one writer of this process; other processes may
 * write them too. It is made if it is missing: open to those who may read the files, for them to get there, and else 0700.
 *
 * @throws SessionLogsError `directory_unusable` when it cannot be made or written to, or when others may write into it;
 * `directory_in_use` when another writer of this process has claimed it, under this or another name.
 */
export class DailyFileDirectory {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly names: DayFileNames;
  readonly mode: number;
  readonly release: () => void;

  constructor({ directory, fileName, mode, reporter }: DailyFileDirectorySettings) {
    this.names = new DayFileNames(fileName);
    this.mode = mode;
    const path = resolve(expandHome(directory));
    try {
      make(path, mode);
      const real = realpathSync(path);
      accessSync(real, constants.W_OK | constants.X_OK);
      this.path = real;
    } catch (error) {
      throw unusable(`the directory ${path} cannot be made or written to`, error);
    }
    const warning = this.#checkAccess();
    if (warning !== undefined) reporter.warn(`the daily files in ${this.path} are not private: ${warning}`);
    const whenInUse = `this process writes daily files to ${this.path} already`;
    this.release = claimPath('date-file-directories', join(this.path, fileName), whenInUse);
  }

  /** Makes the directory again if it is gone. @throws when that fails, or when others may write into what is there now. */
  ensure(): void {
    make(this.path, this.mode);
    this.#checkAccess();
  }

  #checkAccess(): string | undefined {
    const { refusal, warning } = directoryAccess(this.path);
    if (refusal !== undefined) throw unusable(`the directory ${this.path} is unusable: ${refusal}`);
    return warning;
  }
}

function make(path: string, mode: number): void {
  const readers = mode & 0o044;
  mkdirSync(path, { recursive: true, mode: 0o700 | readers | (readers >> 2) });
}

function unusable(message: string, cause?: unknown): SessionLogsError {
  return new SessionLogsError('directory_unusable', message, cause === undefined ? {} : { cause });
}
