import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

import { Liveness, SOCKET_NAME } from './liveness.ts';
import { ACKNOWLEDGEMENT_SUFFIX, SEGMENT_SUFFIX } from './segment-names.ts';

/** Owner directories are named by this and their id; nested ones were adopted. */
export const OWNER_PREFIX = 'o-';
const UNBORN_PREFIX = 'n-';

/** The id of an owner, by which the files of it begin. */
export function ownerIdOf(directoryName: string): string {
  return directoryName.slice(OWNER_PREFIX.length);
}

/** A directory that was never finished, by a process that died while starting. */
const UNBORN_MAX_AGE_MILLIS = 60_000;

/**
 * The sub-directory of this process in the root of a spool. Whoever finds its owner dead moves it, as a whole, into his
 * own: one rename, which only one of several can win, and which a crash cannot cut in two.
 */
export class OwnerDirectory {
  /** Sorts by the time of the start. */
  readonly id: string;
  readonly path: string;
  readonly #root: string;
  readonly #liveness: Liveness;

  private constructor(root: string, id: string, liveness: Liveness) {
    this.#root = root;
    this.id = id;
    this.path = join(root, OWNER_PREFIX + id);
    this.#liveness = liveness;
  }

  /**
   * Makes the directory. It appears under its final name with its socket already listening: without one it would pass for dead.
   *
   * @throws What the file system says; SessionLogsError `path_too_long`.
   */
  static create(root: string, nowMillis: number): OwnerDirectory {
    const id = `${String(Math.floor(nowMillis)).padStart(13, '0')}-${randomBytes(4).toString('hex')}`;
    const unborn = join(root, UNBORN_PREFIX + id);
    mkdirSync(unborn, { mode: 0o700, recursive: true });
    const liveness = Liveness.announce(unborn, id);
    try {
      renameSync(unborn, join(root, OWNER_PREFIX + id));
    } catch (error) {
      liveness.close();
      throw error;
    }
    return new OwnerDirectory(root, id, liveness);
  }

  /** Names of the other owners' directories in the root, oldest first. Throws what the file system says. */
  others(): string[] {
    return readDirectory(this.#root).owners.filter((name) => name !== basename(this.path));
  }

  /** Removes what processes left that died while they started. */
  async removeUnborn(): Promise<void> {
    for (const name of listDirectory(this.#root)) {
      if (name.startsWith(UNBORN_PREFIX)) await removeUnborn(join(this.#root, name));
    }
  }

  /**
   * The directory of another owner and the bytes of its segments; `undefined` while that owner lives. Rejects with what
   * the file system says.
   */
  async lookAtDead(name: string): Promise<{ readonly path: string; readonly bytes: number } | undefined> {
    const path = join(this.#root, name);
    if (await Liveness.isAlive(path)) return undefined;
    return { path, bytes: segmentBytes(path) };
  }

  /** Moves a dead owner's directory into this one; gives its new path, `undefined` when another process was faster. */
  take(name: string): string | undefined {
    const target = join(this.path, name);
    if (!tryRename(join(this.#root, name), target)) return undefined;
    removeSocket(target);
    return target;
  }

  /** Moves a directory out of the one it was adopted into, up into this one. Gives where it is then. */
  bringUp(directory: string): string {
    const target = join(this.path, basename(directory));
    return tryRename(directory, target) ? target : directory;
  }

  /**
   * Moves a directory back into the root, where it is not there. `false`: another process was faster. Throws what else the
   * file system says.
   */
  keepInRoot(directory: string): boolean {
    const target = join(this.#root, basename(directory));
    try {
      if (directory !== target) renameSync(directory, target);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Removes from a directory that was taken what is of no use, and the directory when no segment is in it. */
  tidy(directory: string): void {
    const names = listDirectory(directory);
    const segments = names.filter((name) => name.endsWith(SEGMENT_SUFFIX));
    // A crash between the two unlinks of a finished segment leaves its acknowledgement.
    const used = new Set(segments.map((name) => name + ACKNOWLEDGEMENT_SUFFIX));
    for (const name of names) {
      if (name.endsWith(SEGMENT_SUFFIX + ACKNOWLEDGEMENT_SUFFIX) && !used.has(name)) removeFile(join(directory, name));
    }
    if (segments.length === 0) this.removeIfEmpty(directory);
  }

  /** Removes an adopted directory once it is empty. Never what is in it. */
  removeIfEmpty(directory: string): void {
    if (directory === this.path) return;
    try {
      rmdirSync(directory);
    } catch {
      // Not empty yet.
    }
  }

  /** The owner is gone from here on: what is left is free to be adopted. An empty directory is removed. */
  close(): void {
    removeSocket(this.path);
    this.#liveness.close();
    try {
      rmdirSync(this.path);
    } catch {
      // Segments are left, for the next process.
    }
  }
}

/** Bytes of the segments in a directory and in those adopted into it. Throws what the file system says. */
function segmentBytes(directory: string): number {
  const { names, owners } = readDirectory(directory);
  const segments = names.filter((name) => name.endsWith(SEGMENT_SUFFIX));
  const own = segments.reduce((sum, name) => sum + (fileBytes(join(directory, name)) ?? 0), 0);
  return owners.reduce((sum, name) => sum + segmentBytes(join(directory, name)), own);
}

/** Bytes of a file; `undefined` of one that is gone, and of what is no file: a link is none. */
export function fileBytes(path: string): number | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() ? stats.size : undefined;
  } catch {
    // Its owner is done with it.
    return undefined;
  }
}

/** What is in a directory, and which of it are directories of owners; links are not. */
export interface DirectoryContent {
  readonly names: readonly string[];
  readonly owners: readonly string[];
}

/** Lists a directory, sorted; one that is gone is empty. Throws what else the file system says. */
export function readDirectory(directory: string): DirectoryContent {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    const owners = entries.filter((entry) => entry.isDirectory() && entry.name.startsWith(OWNER_PREFIX));
    return { names: namesOf(entries), owners: namesOf(owners) };
  } catch (error) {
    if (isGone(error)) return { names: [], owners: [] };
    throw error;
  }
}

function namesOf(entries: readonly { readonly name: string }[]): string[] {
  return entries.map(({ name }) => name).toSorted();
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

export function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    // Gone meanwhile, or no directory.
    return [];
  }
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    // It stays where it is, and is adopted with its directory later.
    return false;
  }
}

async function removeUnborn(path: string): Promise<void> {
  try {
    if (Date.now() - statSync(path).mtimeMs < UNBORN_MAX_AGE_MILLIS || (await Liveness.isAlive(path))) return;
    removeSocket(path);
    rmdirSync(path);
  } catch {
    // It was finished meanwhile.
  }
}

function removeSocket(directory: string): void {
  removeFile(join(directory, SOCKET_NAME));
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Not there.
  }
}
