import type { Stats } from 'node:fs';
import { statSync } from 'node:fs';

/** Who may write into a directory that this process keeps files in. */
export interface DirectoryAccess {
  /** Why the directory cannot be used. */
  readonly refusal?: string;
  /** Why it is used with a warning. */
  readonly warning?: string;
}

const ROOT = 0;

/**
 * The rule for all directories of this package. Who may write into one can put links and pipes in place of its files, and
 * take files away: a directory that everybody may write into, or that is another user's, is refused; one that its group
 * may write into, as umask 002 makes it, is used with a warning.
 *
 * Root is trusted by everybody. To a process of root a directory of another user is worth a warning only: it is what a
 * container has that mounts a directory of its host.
 *
 * @throws the error of the file system.
 */
export function directoryAccess(directory: string): DirectoryAccess {
  const stats = statSync(directory);
  if (!stats.isDirectory()) return { refusal: 'it is not a directory' };
  // Windows: its access lists are the administrator's.
  return process.geteuid === undefined ? {} : accessOf(stats, process.geteuid());
}

/** The rule itself, for the user `self`. */
export function accessOf({ mode, uid }: Pick<Stats, 'mode' | 'uid'>, self: number): DirectoryAccess {
  if ((mode & 0o002) !== 0) {
    return { refusal: 'others may write into it; give a sub-directory, which is made with mode 0700' };
  }
  const isForeign = uid !== self && uid !== ROOT;
  if (isForeign && self !== ROOT) {
    return { refusal: `it belongs to user ${uid}, this process is ${self}; give a directory of its own` };
  }
  if (isForeign) return { warning: `it belongs to user ${uid}, who may remove and replace its files` };
  if ((mode & 0o020) !== 0) return { warning: 'its group may remove and replace its files' };
  return {};
}
