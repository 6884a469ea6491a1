import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

import { SessionLogsError } from '../../support/errors.ts';
import { claimPath } from '../claim-path.ts';

/** The disk is full, or the process has no descriptor left: such failures pass, and do not keep an application from starting. */
const PASSING_DISK_CODES: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'EIO',
  'EAGAIN',
  'EINTR',
]);

/** Whether a failure passes by itself, unlike a wrong configuration. */
export function isPassing(error: unknown): boolean {
  return PASSING_DISK_CODES.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** The claim on a root, of which this process gives out one at a time. */
export interface RootClaim {
  /** Absolute, without symbolic links. */
  readonly path: string;
  release(): void;
}

/**
 * Makes the root of a spool if it is missing, and claims it.
 *
 * @throws SessionLogsError `directory_in_use` when this process has a spool there already; `directory_unusable` when the
 * path is not a directory, belongs to another user, can be written by other users, or cannot be made.
 */
export function claimRoot(directory: string): RootClaim {
  const path = openRoot(directory);
  const whenInUse = `this process has a spool in ${path} already: one directory per destination`;
  return { path, release: claimPath('spool-roots', path, whenInUse) };
}

function openRoot(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    checkAccess(directory);
    return realpathSync(directory);
  } catch (error) {
    if (error instanceof SessionLogsError) throw error;
    if (isPassing(error)) return resolve(directory);
    throw unusable(directory, `it cannot be made or opened (${(error as Error).message})`, error);
  }
}

function checkAccess(directory: string): void {
  const stats = statSync(directory);
  if (!stats.isDirectory()) throw unusable(directory, 'it is not a directory');
  if (process.geteuid === undefined) return; // Windows: its access lists are the administrator's.
  if (stats.uid !== process.geteuid()) {
    throw unusable(
      directory,
      `it belongs to user ${stats.uid}, this process is ${process.geteuid()}; give a directory of its own`,
    );
  }
  if ((stats.mode & 0o022) !== 0) {
    throw unusable(directory, 'others may write into it; give a sub-directory, which is made with mode 0700');
  }
}

/** The error of a directory that cannot be used as a spool. */
export function unusable(directory: string, why: string, cause?: unknown): SessionLogsError {
  return new SessionLogsError(
    'directory_unusable',
    `the spool directory ${directory} is unusable: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
