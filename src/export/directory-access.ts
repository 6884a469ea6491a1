import type { Stats } from 'node:fs';
import { statSync } from 'node:fs';

/** Who may write into a directory that this process keeps files in. */
export interface DirectoryAccess {
  /** Why the directory cannot be used. */
  readonly refusal?: string;
  /** What to warn of when the directory is used. */
  readonly warning?: string;
}

const ROOT = 0;

/**
 * The rule for all directories of this package. Anyone who may write into a directory can replace its files by links
 * and pipes, and remove files. So a directory that everybody may write into, or that belongs to another user, is
 * refused; one that its group may write into, as umask 002 makes it, is used with a warning.
 *
 * Everybody trusts root. A process of root only warns of another user's directory, because a container that mounts a
 * directory of its host has such a one.
 *
 * @throws the error of the file system.
 */
export function directoryAccess(directory: string): DirectoryAccess {
  const stats = statSync(directory);
  if (!stats.isDirectory()) return { refusal: 'it is not a directory' };
  // On Windows, access lists are left to the administrator.
  return process.geteuid === undefined ? {} : accessOf(stats, process.geteuid());
}

/** The rule itself, for the user `self`. */
export function accessOf({ mode, uid }: Pick<Stats, 'mode' | 'uid'>, self: number): DirectoryAccess {
  if ((mode & 0o002) !== 0) {
    return { refusal: 'others may write into it; give a sub-directory, which will be created with mode 0700' };
  }
  const isForeign = uid !== self && uid !== ROOT;
  if (isForeign && self !== ROOT) {
    return {
      refusal: `it belongs to user ${uid}, but this process runs as user ${self}; give a directory of that user`,
    };
  }
  if (isForeign) return { warning: `it belongs to user ${uid}, who may remove and replace its files` };
  if ((mode & 0o020) !== 0) return { warning: 'its group may remove and replace its files' };
  return {};
}
