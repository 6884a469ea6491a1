import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

import { Liveness, SOCKET_NAME } from './liveness.ts';
import { ACKNOWLEDGEMENT_SUFFIX, SEGMENT_SUFFIX } from './segment-names.ts';

/** The name of an owner directory is this prefix and its id. Nested ones were adopted. */
const OWNER_PREFIX = 'o-';
const UNBORN_PREFIX = 'n-';

/** The id of an owner, with which the names of its files begin. */
export function ownerIdOf(directoryName: string): string {
  return directoryName.slice(OWNER_PREFIX.length);
}

/** A directory that is still unfinished after this time is of a process that died while it started. */
const UNBORN_MAX_AGE_MILLIS = 60_000;

/**
 * The sub-directory of this process in the root of a spool. A process that finds another owner dead moves that directory
 * as a whole into its own, by one rename: only one of several processes succeeds, and a crash cannot leave half of it.
 */
export class OwnerDirectory {
  /** Ids sort by the time of the start. */
  readonly id: string;
  readonly path: string;
  readonly #root: string;
  #liveness: Liveness;
  readonly #inode: number | undefined;

  private constructor(root: string, id: string, liveness: Liveness) {
    this.#root = root;
    this.id = id;
    this.path = join(root, OWNER_PREFIX + id);
    this.#liveness = liveness;
    this.#inode = inodeOf(this.path);
  }

  /**
   * Makes the directory. It gets its final name when its socket already listens, since without one it would pass for dead.
   *
   * @throws the error of the file system; SessionLogsError `path_too_long`.
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

  /** Whether the directory is where it was made, and its socket in it: else other processes take this one for dead. */
  get isInPlace(): boolean {
    return this.#isThere && this.#liveness.isIn(this.path);
  }

  /**
   * Makes the socket again, if it was removed. Returns `false` when the directory itself is gone: removed, or taken over
   * by another process. Throws the error of the file system.
   */
  announceAgain(): boolean {
    if (!this.#isThere) return false;
    // The old one first: closed, it removes whatever has its name.
    this.#liveness.close();
    removeSocket(this.path);
    this.#liveness = Liveness.announce(this.path, this.id);
    return true;
  }

  get #isThere(): boolean {
    return this.#inode !== undefined && inodeOf(this.path) === this.#inode;
  }

  /** Names of the other owners' directories in the root, oldest first. Throws the error of the file system. */
  others(): string[] {
    return readDirectory(this.#root).owners.filter((name) => name !== basename(this.path));
  }

  /** Removes the unfinished directories of processes that died while they started. */
  async removeUnborn(): Promise<void> {
    for (const name of listDirectory(this.#root)) {
      if (name.startsWith(UNBORN_PREFIX)) await removeUnborn(join(this.#root, name));
    }
  }

  /**
   * The directory of a dead owner and the bytes of its segments; `undefined` while that owner is alive. Rejects with the
   * error of the file system.
   */
  async lookAtDead(name: string): Promise<{ readonly path: string; readonly bytes: number } | undefined> {
    const path = join(this.#root, name);
    if (await Liveness.isAlive(path)) return undefined;
    return { path, bytes: segmentBytes(path) };
  }

  /** Moves a dead owner's directory into this one. Returns its new path, or `undefined` when another process was faster. */
  take(name: string): string | undefined {
    const target = join(this.path, name);
    if (!tryRename(join(this.#root, name), target)) return undefined;
    removeSocket(target);
    return target;
  }

  /** Moves a nested directory up into this one. Returns its new path, or the old one when that fails. */
  bringUp(directory: string): string {
    const target = join(this.path, basename(directory));
    return tryRename(directory, target) ? target : directory;
  }

  /**
   * Moves a directory back into the root, unless it is there. Returns `false` when another process was faster. Throws any
   * other error of the file system.
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

  /** Removes useless files from a directory that was taken over, and the directory itself when it holds no segment. */
  tidy(directory: string): void {
    const names = listDirectory(directory);
    const segments = names.filter((name) => name.endsWith(SEGMENT_SUFFIX));
    // A crash while a finished segment is removed leaves its acknowledgement.
    const used = new Set(segments.map((name) => name + ACKNOWLEDGEMENT_SUFFIX));
    for (const name of names) {
      if (name.endsWith(SEGMENT_SUFFIX + ACKNOWLEDGEMENT_SUFFIX) && !used.has(name)) removeFile(join(directory, name));
    }
    if (segments.length === 0) this.removeIfEmpty(directory);
  }

  /** Removes an adopted directory if it is empty. */
  removeIfEmpty(directory: string): void {
    if (directory === this.path) return;
    try {
      rmdirSync(directory);
    } catch {
      // Not empty yet.
    }
  }

  /** Gives the directory up: other processes may adopt it from here on. An empty one is removed. */
  close(): void {
    removeSocket(this.path);
    this.#liveness.close();
    try {
      rmdirSync(this.path);
    } catch {
      // Segments are left for the next process.
    }
  }
}

/** Bytes of the segments in a directory and in those adopted into it. Throws the error of the file system. */
function segmentBytes(directory: string): number {
  const { names, owners } = readDirectory(directory);
  const segments = names.filter((name) => name.endsWith(SEGMENT_SUFFIX));
  const own = segments.reduce((sum, name) => sum + (fileBytes(join(directory, name)) ?? 0), 0);
  return owners.reduce((sum, name) => sum + segmentBytes(join(directory, name)), own);
}

/** The number of what has this name, links not followed; `undefined`: there is nothing. */
function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** The names of all segments below a directory, those of adopted owners included. Throws the error of the file system. */
export function segmentsBelow(directory: string): string[] {
  const { names, owners } = readDirectory(directory);
  const nested = owners.flatMap((name) => segmentsBelow(join(directory, name)));
  return [...names.filter((name) => name.endsWith(SEGMENT_SUFFIX)), ...nested];
}

/** Size of a file; `undefined` when it is gone or not a regular file, such as a link. */
export function fileBytes(path: string): number | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() ? stats.size : undefined;
  } catch {
    // The owner has removed it.
    return undefined;
  }
}

/** The names in a directory, and those of them that are owner directories; links are not. */
export interface DirectoryContent {
  readonly names: readonly string[];
  readonly owners: readonly string[];
}

/** Lists a directory, sorted; one that is gone counts as empty. Throws any other error of the file system. */
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
    // It is gone, or not a directory.
    return [];
  }
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    // It stays where it is, and is taken over later.
    return false;
  }
}

async function removeUnborn(path: string): Promise<void> {
  try {
    const stats = lstatSync(path);
    if (!stats.isDirectory() || Date.now() - stats.mtimeMs < UNBORN_MAX_AGE_MILLIS) return;
    if (await Liveness.isAlive(path)) return;
    removeSocket(path);
    rmdirSync(path);
  } catch {
    // Its process has finished it meanwhile.
  }
}

function removeSocket(directory: string): void {
  removeFile(join(directory, SOCKET_NAME));
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // There is no such file.
  }
}
