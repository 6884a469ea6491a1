import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Stats } from 'node:fs';

/** Do not follow links, and do not block on a pipe until somebody opens its other end. Windows has neither flag. */
const ONLY_FILES = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** An open descriptor, with the file's stats from when it was opened. */
export interface PlainFile {
  readonly fd: number;
  readonly stats: Stats;
}

/**
 * Opens a regular file, and refuses anything else that somebody may have put in its place: a link, pipe, socket, device
 * or directory. All files of this package with predictable names are opened here.
 *
 * @param flags `O_RDONLY`, `O_WRONLY | O_CREAT`, ...
 * @throws the error of the file system; `Error` if it is not a regular file.
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
 * Creates a regular file with exactly this mode, whatever the umask.
 *
 * @throws the error of the file system, `EEXIST` if anything has that name.
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
    // The file system has no modes; then access to the directory decides who may read.
  }
  return made;
}

/**
 * Gives a file the owner of another one that it replaces or accompanies: root may run a command in the directory of a
 * service, which has to read and write the files afterwards.
 */
export function giveTo({ uid, gid }: Pick<Stats, 'uid' | 'gid'>, fd: number): void {
  if (process.geteuid?.() !== 0) return;
  try {
    fchownSync(fd, uid, gid);
  } catch {
    // The file system has no owners.
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

/** Returns the content of a regular file. @throws like {@link openPlainFile}. */
export function readPlainFile(path: string): Buffer {
  const { fd } = openPlainFile(path, constants.O_RDONLY);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
