import { lstatSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

import { SessionLogsError } from '../../support/errors.ts';
import { expandHome } from '../../support/home-path.ts';
import { makeDirectories } from '../../support/make-directories.ts';
import type { Reporter } from '../../support/reporter.ts';
import { claimPath } from '../claim-path.ts';
import { directoryAccess } from '../directory-access.ts';

/** Temporary failures, such as a full disk or no free descriptor, which must not keep an application from starting. */
const PASSING_DISK_CODES: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'EIO',
  'EAGAIN',
  'EINTR',
]);

/** Whether a failure is temporary, unlike a wrong configuration. */
export function isPassing(error: unknown): boolean {
  return PASSING_DISK_CODES.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** The claim on a root; a process has at most one for each root. */
export interface RootClaim {
  /** The absolute path, without symbolic links. */
  readonly path: string;
  release(): void;
}

/**
 * Creates the root of a spool if it is missing, and claims it.
 *
 * @throws SessionLogsError `directory_in_use` if this process already has a spool there; `directory_unusable` if the
 * path is not a directory, belongs to another user, is writable by everybody, or cannot be created.
 */
export function claimRoot(directory: string, reporter: Reporter): RootClaim {
  const path = openRoot(expandHome(directory), reporter);
  const whenInUse = `this process already has a spool in ${path}: give each destination a directory of its own`;
  return { path, release: claimPath('spool-roots', path, whenInUse) };
}

function openRoot(directory: string, reporter: Reporter): string {
  try {
    makeDirectories(directory, 0o700);
    const path = realpathSync(directory);
    const warning = checkAccess(path);
    if (warning !== undefined) reporter.warn(`the spool in ${directory} is not private: ${warning}`);
    return path;
  } catch (error) {
    if (error instanceof SessionLogsError) throw error;
    if (isPassing(error)) return resolve(directory);
    throw unusable(directory, `it cannot be created or opened (${(error as Error).message})`, error);
  }
}

/**
 * Creates the root again after it was removed. Checks it as at the start, because another user may have been faster.
 *
 * @param path A path without symbolic links.
 * @throws SessionLogsError `directory_unusable`, or the error of the file system.
 */
export function remakeRoot(path: string): void {
  makeDirectories(path, 0o700);
  checkAccess(path);
}

/** @returns A warning, if there is something to warn of. */
function checkAccess(path: string): string | undefined {
  if (lstatSync(path).isSymbolicLink()) throw unusable(path, 'it is a symbolic link');
  const { refusal, warning } = directoryAccess(path);
  if (refusal !== undefined) throw unusable(path, refusal);
  return warning;
}

/** Makes the error for a directory that cannot be used as a spool. */
export function unusable(directory: string, why: string, cause?: unknown): SessionLogsError {
  return new SessionLogsError(
    'directory_unusable',
    `the spool directory ${directory} is unusable: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
