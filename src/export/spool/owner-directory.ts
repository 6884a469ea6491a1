import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import { ACKNOWLEDGEMENT_SUFFIX, SEGMENT_SUFFIX } from './file-segment.ts';
import { Liveness, SOCKET_NAME } from './liveness.ts';

/** Owner directories are named by this and their id; nested ones were adopted. */
export const OWNER_PREFIX = 'o-';
const UNBORN_PREFIX = 'n-';

/** A directory that was never finished, by a process that died while starting. */
const UNBORN_MAX_AGE_MILLIS = 60_000;

/** A segment file that a dead owner left, now below our own directory. */
export interface AdoptedFile {
  readonly directory: string;
  readonly name: string;
  readonly bytes: number;
  readonly newestMillis: number;
}

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

  /**
   * Takes over what dead owners left, one after the other.
   *
   * @param hasRoom Asked with the bytes of each, and of those before it; what is refused stays for later, or for another
   * process.
   */
  async adoptDead(hasRoom: (bytes: number, bytesBefore: number) => boolean): Promise<AdoptedFile[]> {
    const adopted: AdoptedFile[] = [];
    for (const name of listDirectory(this.#root)) {
      const path = join(this.#root, name);
      if (name.startsWith(UNBORN_PREFIX)) await removeUnborn(path);
      if (!name.startsWith(OWNER_PREFIX) || path === this.path || (await Liveness.isAlive(path))) continue;
      if (!hasRoom(totalBytes(segmentFiles(path)), totalBytes(adopted))) continue;
      adopted.push(...this.#take(path, name));
    }
    return adopted;
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

  #take(path: string, name: string): AdoptedFile[] {
    const target = join(this.path, name);
    try {
      renameSync(path, target);
    } catch {
      // Another process was faster, or we may not: it is not ours.
      return [];
    }
    removeSocket(target);
    // What that owner had adopted itself: brought up, or a crash a day would nest deeper and deeper.
    const moved = listDirectory(target)
      .filter((nested) => nested.startsWith(OWNER_PREFIX))
      .filter((nested) => tryRename(join(target, nested), join(this.path, nested)));
    const files = [target, ...moved.map((nested) => join(this.path, nested))].flatMap((directory) => {
      const found = segmentFiles(directory);
      removeStrayAcknowledgements(directory, found);
      if (found.length === 0) this.removeIfEmpty(directory);
      return found;
    });
    return files;
  }
}

/** The segment files of a directory and of those adopted into it; files of other names are not ours. */
export function segmentFiles(directory: string): AdoptedFile[] {
  return listDirectory(directory).flatMap((name) => {
    const path = join(directory, name);
    if (name.startsWith(OWNER_PREFIX)) return segmentFiles(path);
    if (!name.endsWith(SEGMENT_SUFFIX)) return [];
    try {
      const stats = statSync(path);
      return stats.isFile() ? [{ directory, name, bytes: stats.size, newestMillis: stats.mtimeMs }] : [];
    } catch {
      // Its owner is done with it.
      return [];
    }
  });
}

function totalBytes(files: readonly AdoptedFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
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

/** A crash between the two unlinks of a finished segment leaves its acknowledgement. */
function removeStrayAcknowledgements(directory: string, segments: readonly AdoptedFile[]): void {
  const names = new Set(segments.map((segment) => segment.name + ACKNOWLEDGEMENT_SUFFIX));
  for (const name of listDirectory(directory)) {
    if (name.endsWith(SEGMENT_SUFFIX + ACKNOWLEDGEMENT_SUFFIX) && !names.has(name)) removeFile(join(directory, name));
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
