import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

import { SessionLogsError } from '../../support/errors.ts';
import { claimPath } from '../claim-path.ts';

/**
 * The directory of the daily files, claimed for one writer of this process; other processes may use it too. It is made
 * with mode 0700 if it is missing.
 *
 * @throws SessionLogsError `directory_unusable` when it cannot be made or written to; `directory_in_use` when
 * another writer of this process has claimed it, under this or another name.
 */
export class DailyFileDirectory {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly release: () => void;

  constructor(directory: string) {
    this.path = usable(resolve(directory));
    const whenInUse = `this process writes daily files to ${this.path} already`;
    this.release = claimPath('date-file-directories', this.path, whenInUse);
  }
}

function usable(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const real = realpathSync(path);
    accessSync(real, constants.W_OK | constants.X_OK);
    return real;
  } catch (error) {
    throw new SessionLogsError('directory_unusable', `the directory ${path} cannot be made or written to`, {
      cause: error,
    });
  }
}
