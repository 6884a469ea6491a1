import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Stats } from 'node:fs';

/** Links are not followed, and a pipe does not block the process until somebody opens its other end. Windows has neither. */
const ONLY_FILES = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** An open descriptor, with what it was when it was opened. */
export interface PlainFile {
  readonly fd: number;
  readonly stats: Stats;
}

/**
 * Opens a regular file, and nothing else that somebody put in its place: no link, pipe, socket, device or directory. All
 * files of this package whose names can be known beforehand are opened here.
 *
 * @param flags `O_RDONLY`, `O_WRONLY | O_CREAT`, ...
 * @throws the error of the file system; `Error` when it is no regular file.
 */
export function openPlainFile(path: string, flags: number, mode = 0o600): PlainFile {
  const fd = openNoLink(path, flags, mode);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error(`${path} is not a regular file`);
    return { fd, stats };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Makes a regular file with exactly that mode: the umask takes nothing of what the application asked for.
 *
 * @throws the error of the file system, `EEXIST` when there is anything of that name.
 */
export function makePlainFile(path: string, mode: number): PlainFile {
  const made = openPlainFile(
    path,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL,
    mode,
  );
  try {
    if ((made.stats.mode & mode) !== mode) fchmodSync(made.fd, mode);
  } catch {
    // A file system without modes, which is what the directory says about who may read there.
  }
  return made;
}

/**
 * Gives a file that takes the place of another one, or stands beside it, to whom that belongs: root may run a command in the
 * directory of a service, which has to read and write the files afterwards.
 */
export function giveTo({ uid, gid }: Pick<Stats, 'uid' | 'gid'>, fd: number): void {
  if (process.geteuid?.() !== 0) return;
  try {
    fchownSync(fd, uid, gid);
  } catch {
    // A file system without owners.
  }
}

function openNoLink(path: string, flags: number, mode: number): number {
  try {
    return openSync(path, flags | ONLY_FILES, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    throw new Error(`${path} is a symbolic link`, { cause: error });
  }
}

/** The content of a regular file. @throws as {@link openPlainFile} does. */
export function readPlainFile(path: string): Buffer {
  const { fd } = openPlainFile(path, constants.O_RDONLY);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
