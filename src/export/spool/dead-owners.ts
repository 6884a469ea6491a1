import { basename, join } from 'node:path';

import type { Reporter } from '../../support/reporter.ts';
import type { FileSegment } from './file-segment.ts';
import { addNewer, NOTHING_NEWER } from './known-format.ts';
import type { NewerContent } from './known-format.ts';
import { newerIn, readOwner } from './owner-content.ts';
import type { OwnerContent } from './owner-content.ts';
import { removeDirectory, segmentBytes } from './owner-directory.ts';
import type { OwnerDirectory } from './owner-directory.ts';
import { OwnerWatch } from './owner-watch.ts';

export interface DeadOwnersOptions {
  readonly root: string;
  readonly reporter: Reporter;
  /** Called with the complete bytes of each resource found. */
  readonly onResource: (blob: Buffer) => void;
}

/**
 * Takes over directories, with their segments, whose owners (other processes of the same spool root) are dead. It reads
 * each one before touching it: a directory with anything unknown to this version stays in place, for the newer version
 * that wrote it.
 */
export class DeadOwners {
  readonly #options: DeadOwnersOptions;
  readonly #watch: OwnerWatch;
  /** Directories left to a newer version. Their owners are dead, so nothing in them changes. */
  readonly #left = new Map<string, NewerContent>();
  /** Directories without anything newer for which there was no room; they need not be read again. */
  readonly #waiting = new Set<string>();
  #hasTold = false;

  constructor(options: DeadOwnersOptions) {
    this.#options = options;
    this.#watch = new OwnerWatch(options.root);
  }

  /** What newer versions had left in the root at the last `takeOver`. */
  get newer(): NewerContent {
    return [...this.#left.values()].reduce(addNewer, NOTHING_NEWER);
  }

  /**
   * Takes over one dead owner after the other and resolves to their segments, oldest first. A file that cannot be read
   * stays in place.
   *
   * @param hasRoom Called with the bytes of each owner and of those taken before it; if it returns `false`, the owner
   * is left for later or for another process.
   */
  async takeOver(
    owner: OwnerDirectory,
    hasRoom: (bytes: number, bytesBefore: number) => boolean,
  ): Promise<FileSegment[]> {
    const segments: FileSegment[] = [];
    let before = 0;
    const { owners, unborn } = owner.others();
    this.#forgetOthers(new Set([...owners, ...unborn]));
    for (const name of unborn) await this.#removeDead(name);
    for (const name of owners) {
      if (this.#left.has(name)) continue;
      const taken = await this.#look(owner, name, (bytes) => hasRoom(bytes, before));
      before += taken.reduce((sum, { bytes }) => sum + bytes, 0);
      segments.push(...taken);
    }
    this.#tell();
    return segments.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #forgetOthers(names: ReadonlySet<string>): void {
    for (const known of [this.#left, this.#waiting]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
    this.#watch.forgetOthers(new Set([...names].map((name) => this.#pathOf(name))));
  }

  #pathOf(name: string): string {
    return join(this.#options.root, name);
  }

  /** Removes the unfinished directory of a process that died while it started. */
  async #removeDead(name: string): Promise<void> {
    try {
      if ((await this.#watch.look(this.#pathOf(name))) === 'dead') removeDirectory(this.#pathOf(name));
    } catch {
      // Its process has finished it meanwhile, or it will be checked again.
    }
  }

  /** Takes over one owner if it is dead, left nothing of a newer version, and there is room. Never rejects. */
  async #look(owner: OwnerDirectory, name: string, hasRoom: (bytes: number) => boolean): Promise<FileSegment[]> {
    try {
      const path = this.#pathOf(name);
      if ((await this.#watch.look(path)) !== 'dead') return [];
      const bytes = segmentBytes(path);
      if (!hasRoom(this.#waiting.has(name) ? bytes : 0)) return [];
      const content = await readOwner(path);
      this.#leaveNewer(owner, content);
      if (content.isOfNewer) return [];
      this.#waiting.add(name);
      // Asked again after reading, because own records were written meanwhile.
      if (!hasRoom(bytes)) return [];
      // Reading took time: an owner whose socket was removed may have made a new one, and one that slept may have
      // woken.
      return (await this.#watch.look(path)) === 'dead' ? this.#take(owner, content) : [];
    } catch (error) {
      const message = `the directory ${name} of a dead process cannot be read and stays in place; the processor tries it again`;
      this.#options.reporter.limited('look', message, error);
      return [];
    }
  }

  /** Leaves what a newer version wrote in the root, or moves it back there if another owner had taken it over. */
  #leaveNewer(owner: OwnerDirectory, content: OwnerContent): void {
    const name = basename(content.directory);
    if (content.isOfNewer && owner.keepInRoot(content.directory)) this.#left.set(name, newerIn(content));
    if (!content.isOfNewer) for (const each of content.adopted) this.#leaveNewer(owner, each);
  }

  #take(owner: OwnerDirectory, content: OwnerContent): FileSegment[] {
    const directory = owner.take(basename(content.directory));
    return directory === undefined ? [] : this.#moved(owner, content, directory);
  }

  #moved(owner: OwnerDirectory, content: OwnerContent, directory: string): FileSegment[] {
    // Directories that this owner had adopted are moved up; otherwise they would nest deeper with every crash.
    const adopted = content.adopted
      .filter((each) => !each.isOfNewer)
      .flatMap((each) => this.#moved(owner, each, owner.bringUp(join(directory, basename(each.directory)))));
    const segments = content.segments.map(({ segment }) => segment);
    for (const segment of segments) segment.moveTo(directory);
    for (const blob of content.resources) this.#options.onResource(blob);
    for (const { path, error } of content.unreadable) {
      this.#options.reporter.warn(
        `the segment ${basename(path)} in ${directory} cannot be read and stays there`,
        error,
      );
    }
    owner.tidy(directory);
    return [...segments, ...adopted];
  }

  #tell(): void {
    if (this.#hasTold || this.#left.size === 0) return;
    this.#hasTold = true;
    const { records, bytes, files } = this.newer;
    this.#options.reporter.warn(
      `a newer version of this package left ${records} log records in the spool (${files} files, ${bytes} bytes): they stay there until that version runs again; see \`otel-session-logs spool ${this.#options.root}\``,
    );
  }
}
