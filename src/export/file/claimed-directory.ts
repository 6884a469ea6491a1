import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

import { SessionLogsError } from '../../support/errors.ts';
import { claimPath } from '../claim-path.ts';

/**
 * A directory that one writer of this process has for itself; other processes may use it too. Made with mode 0700 when
 * it is missing.
 *
 * @throws SessionLogsError `directory_unusable` when it cannot be made or written to, `directory_in_use` when
 *   another writer of this process has it, under whatever name.
 */
export class ClaimedDirectory {
  /** Absolute, without links. */
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
