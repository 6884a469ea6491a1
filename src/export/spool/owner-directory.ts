import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

import { makeDirectories } from '../../support/make-directories.ts';
import { Heartbeat, HEARTBEAT_NAME } from './heartbeat.ts';
import { Liveness, SOCKET_NAME } from './liveness.ts';
import { hostOf } from '../owner-host.ts';
import { ACKNOWLEDGEMENT_SUFFIX, REWRITING_PREFIX, SEGMENT_SUFFIX } from './segment-names.ts';

/** The name of an owner directory is this prefix and its id. Nested ones were adopted. */
const OWNER_PREFIX = 'o-';
const UNBORN_PREFIX = 'n-';

/** The id of an owner, which begins the names of its files. */
export function ownerIdOf(directoryName: string): string {
  return directoryName.slice(OWNER_PREFIX.length);
}

/**
 * The sub-directory of this process in the root of a spool. A process that finds another owner dead moves that whole
 * directory into its own by one rename: only one of several processes succeeds, and a crash cannot leave half of it.
 */
export class OwnerDirectory {
  /** The owner's id. Ids sort by start time. */
  readonly id: string;
  readonly path: string;
  readonly #root: string;
  #liveness: Liveness;
  readonly #onKnock: () => void;
  readonly #heartbeat: Heartbeat;
  readonly #inode: number | undefined;

  private constructor(root: string, id: string, liveness: Liveness, heartbeat: Heartbeat, onKnock: () => void) {
    this.#root = root;
    this.id = id;
    this.path = join(root, OWNER_PREFIX + id);
    this.#liveness = liveness;
    this.#onKnock = onKnock;
    this.#heartbeat = heartbeat;
    this.#inode = inodeOf(this.path);
    heartbeat.start(this.path);
  }

  /**
   * Creates the directory. It gets its final name only when its socket listens and its heartbeat says where it runs,
   * because otherwise it would count as dead.
   *
   * @param onKnock Called when another process checks whether this one lives.
   * @throws the error of the file system; SessionLogsError `path_too_long`.
   */
  static create(root: string, nowMillis: number, onKnock: () => void = () => {}): OwnerDirectory {
    const id = `${String(Math.floor(nowMillis)).padStart(13, '0')}-${randomBytes(4).toString('hex')}`;
    const unborn = join(root, UNBORN_PREFIX + id);
    const heartbeat = new Heartbeat(hostOf(root));
    makeDirectories(unborn, 0o700);
    let liveness: Liveness | undefined;
    try {
      liveness = Liveness.announce(unborn, id, onKnock);
      heartbeat.beat(unborn);
      renameSync(unborn, join(root, OWNER_PREFIX + id));
      return new OwnerDirectory(root, id, liveness, heartbeat, onKnock);
    } catch (error) {
      liveness?.close();
      removeDirectory(unborn);
      throw error;
    }
  }

  /**
   * Whether the directory is still in its place with its socket in it; otherwise other processes take this one for
   * dead.
   */
  get isInPlace(): boolean {
    return this.#isThere && this.#liveness.isIn(this.path);
  }

  /**
   * Makes the socket again if it was removed. Returns `false` if the directory itself is gone, because it was removed
   * or another process took it over. Throws the error of the file system.
   */
  announceAgain(): boolean {
    if (!this.#isThere) return false;
    // Close the old one first, because closing removes whatever has its name.
    this.#liveness.close();
    removeSocket(this.path);
    this.#liveness = Liveness.announce(this.path, this.id, this.#onKnock);
    return true;
  }

  get #isThere(): boolean {
    return this.#inode !== undefined && inodeOf(this.path) === this.#inode;
  }

  /** Lists the other owners' directories in the root, oldest first. Throws the error of the file system. */
  others(): Pick<DirectoryContent, 'owners' | 'unborn'> {
    const { owners, unborn } = readDirectory(this.#root);
    return { owners: owners.filter((name) => name !== basename(this.path)), unborn };
  }

  /**
   * Moves a dead owner's directory into this one. Returns its new path, or `undefined` if another process was faster.
   */
  take(name: string): string | undefined {
    const target = join(this.path, name);
    return tryRename(join(this.#root, name), target) ? target : undefined;
  }

  /** Moves a nested directory up into this one. Returns its new path, or the old one if that fails. */
  bringUp(directory: string): string {
    const target = join(this.path, basename(directory));
    return tryRename(directory, target) ? target : directory;
  }

  /**
   * Moves a directory back into the root, unless it is there. Returns `false` if another process was faster. Throws any
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

  /** Removes useless files from a directory that was taken over, and the directory itself if it holds no segment. */
  tidy(directory: string): void {
    const names = listDirectory(directory);
    const segments = names.filter((name) => name.endsWith(SEGMENT_SUFFIX));
    // A crash during the removal of a finished segment leaves its acknowledgement.
    const used = new Set(segments.map((name) => name + ACKNOWLEDGEMENT_SUFFIX));
    for (const name of names) {
      if (name.endsWith(SEGMENT_SUFFIX + ACKNOWLEDGEMENT_SUFFIX) && !used.has(name)) removeFile(join(directory, name));
    }
    removeRewriting(directory);
    removeSigns(directory);
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

  /** Gives the directory up, so that other processes of this host may adopt it; removes an empty one. */
  close(): void {
    this.#heartbeat.stop();
    removeSocket(this.path);
    this.#liveness.close();
    if (listDirectory(this.path).every((name) => name === HEARTBEAT_NAME)) removeDirectory(this.path);
  }

  /**
   * Lets other hosts adopt it too. Call it after `close`, when its files are closed as well, because only then do other
   * hosts see everything that was written.
   */
  giveUp(): void {
    this.#heartbeat.giveUp(this.path);
  }
}

/** Removes what a process that was killed during an erasure has left, because it holds text of other sessions. */
export function removeRewriting(directory: string): void {
  for (const name of listDirectory(directory)) {
    if (name.startsWith(REWRITING_PREFIX)) removeFile(join(directory, name));
  }
}

/** Removes the directory of a dead or closed owner if only its signs of life are in it. */
export function removeDirectory(directory: string): void {
  removeSigns(directory);
  try {
    rmdirSync(directory);
  } catch {
    // Segments or foreign files are left.
  }
}

/** Bytes of the segments in a directory and in adopted ones. Throws the error of the file system. */
export function segmentBytes(directory: string): number {
  const { names, owners } = readDirectory(directory);
  const segments = names.filter((name) => name.endsWith(SEGMENT_SUFFIX));
  const own = segments.reduce((sum, name) => sum + (fileBytes(join(directory, name)) ?? 0), 0);
  return owners.reduce((sum, name) => sum + segmentBytes(join(directory, name)), own);
}

/** The inode of what has this name, without following links; `undefined` if there is nothing. */
function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/**
 * The names of all segments below a directory, including those of adopted owners. Throws the error of the file system.
 */
export function segmentsBelow(directory: string): string[] {
  const { names, owners } = readDirectory(directory);
  const nested = owners.flatMap((name) => segmentsBelow(join(directory, name)));
  return [...names.filter((name) => name.endsWith(SEGMENT_SUFFIX)), ...nested];
}

/** Size of a file; `undefined` if it is gone or not a regular file, such as a link. */
export function fileBytes(path: string): number | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() ? stats.size : undefined;
  } catch {
    // The owner has removed it.
    return undefined;
  }
}

/** The names in a directory, and which of them are directories of owners or unfinished ones, but not links. */
export interface DirectoryContent {
  readonly names: readonly string[];
  readonly owners: readonly string[];
  readonly unborn: readonly string[];
}

/** Lists a directory, sorted; one that is gone counts as empty. Throws any other error of the file system. */
export function readDirectory(directory: string): DirectoryContent {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    const names = entries.map(({ name }) => name).toSorted();
    const directories = new Set(entries.filter((entry) => entry.isDirectory()).map(({ name }) => name));
    const startingWith = (prefix: string): string[] =>
      names.filter((name) => name.startsWith(prefix) && directories.has(name));
    return { names, owners: startingWith(OWNER_PREFIX), unborn: startingWith(UNBORN_PREFIX) };
  } catch (error) {
    if (isGone(error)) return { names: [], owners: [], unborn: [] };
    throw error;
  }
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
    // It stays in place and is taken over later. Over a network the rename may still have succeeded: the answer was
    // lost, and the repeated request finds nothing.
    return inodeOf(from) === undefined && inodeOf(to) !== undefined;
  }
}

function removeSigns(directory: string): void {
  removeSocket(directory);
  removeFile(join(directory, HEARTBEAT_NAME));
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
