import { randomBytes } from 'node:crypto';
import { closeSync, constants, lstatSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { sleep, startInterval, workNow } from '../../support/timers.ts';
import { openPlainFile, readPlainFile } from '../plain-file.ts';
import { hostOf } from '../owner-host.ts';

const LOCK_NAME = '.erasing';
const TOUCH_MILLIS = 2_000;
/** A lock that was not touched for this long was left by a process that was killed elsewhere. */
const STALE_MILLIS = 15_000;
const RETRY_MILLIS = 20;

/**
 * Runs the work while no other process that uses this lock replaces files in the directory. A lock that a killed
 * process left is noticed at once if the process ran on this machine, else after 15 s.
 */
export async function withDirectoryLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  let seen = { signature: '', at: workNow() };
  let release: (() => void) | undefined;
  while ((release = tryLock(directory)) === undefined) {
    const signature = signatureOf(directory);
    if (signature !== seen.signature) seen = { signature, at: workNow() };
    else if (isDead(directory) || workNow() - seen.at > STALE_MILLIS) breakLock(directory, signature);
    await sleep(RETRY_MILLIS);
  }
  const touching = startInterval(() => touch(directory), TOUCH_MILLIS).unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    release();
  }
}

/**
 * Takes the lock and returns the function that releases it; `undefined` if another process has it. @throws the error of
 * the file system.
 */
export function tryLock(directory: string): (() => void) | undefined {
  const path = join(directory, LOCK_NAME);
  try {
    const id = randomBytes(6).toString('hex');
    const text = JSON.stringify({ key: hostOf(directory).key, pid: process.pid, id });
    const { fd } = openPlainFile(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
    try {
      writeFileSync(fd, text);
    } catch (error) {
      // On a full disk: a lock without a process would keep everybody waiting until it is stale.
      remove(path);
      throw error;
    } finally {
      closeSync(fd);
    }
    return () => release(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

function touch(directory: string): void {
  try {
    const now = new Date();
    utimesSync(join(directory, LOCK_NAME), now, now);
  } catch {
    // The directory was removed, or another process took this lock for that of a dead process.
  }
}

function signatureOf(directory: string): string {
  const stats = lstatSync(join(directory, LOCK_NAME), { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino} ${stats.mtimeMs}`;
}

function isDead(directory: string): boolean {
  const stats = lstatSync(join(directory, LOCK_NAME), { throwIfNoEntry: false });
  // Somebody replaced it by a pipe, link or directory.
  if (stats?.isFile() === false) return true;
  try {
    const { key, pid } = JSON.parse(readPlainFile(join(directory, LOCK_NAME)).toString()) as {
      key: unknown;
      pid: unknown;
    };
    if (key !== hostOf(directory).key || typeof pid !== 'number') return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Removes the lock by renaming it, so that only one of several processes succeeds. */
function breakLock(directory: string, signature: string): void {
  const path = join(directory, LOCK_NAME);
  const broken = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    if (signatureOf(directory) !== signature) return;
    renameSync(path, broken);
    unlinkSync(broken);
  } catch {
    // Another process was faster.
  }
}

/** Removes the lock, unless another process has broken it while this one did not run, and has its own there. */
function release(path: string, text: string): void {
  try {
    if (readPlainFile(path).toString() === text) remove(path);
  } catch {
    // It was broken and released, or the directory was removed.
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The directory was removed.
  }
}
