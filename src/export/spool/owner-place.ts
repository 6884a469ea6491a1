import type { Reporter } from '../../support/reporter.ts';
import { OwnerDirectory } from './owner-directory.ts';
import { restoreSegments } from './restored-segments.ts';
import type { SegmentQueue } from './segment-queue.ts';
import type { SegmentSync } from './segment-sync.ts';
import { remakeRoot } from './spool-root.ts';

export interface OwnerPlaceOptions {
  readonly root: string;
  readonly now: () => number;
  readonly reporter: Reporter;
  readonly sync: SegmentSync;
  /** Called when another process checks whether this one lives. */
  readonly onKnock?: (() => void) | undefined;
}

/**
 * The place of this process in the root: its directory, socket and files. Something (a cleaner, a person) may remove
 * them while the process runs, or another process may take them for those of a dead one; then they are made again.
 */
export class OwnerPlace {
  readonly #options: OwnerPlaceOptions;
  #owner: OwnerDirectory | undefined;

  constructor(options: OwnerPlaceOptions) {
    this.#options = options;
  }

  /** `undefined` if it was not made yet, or was given up. */
  get owner(): OwnerDirectory | undefined {
    return this.#owner;
  }

  /** Creates the directory unless there is one. Throws the error of the file system. */
  open(): OwnerDirectory {
    if (this.#owner !== undefined) return this.#owner;
    const { root, now, sync, onKnock } = this.#options;
    remakeRoot(root);
    this.#owner = OwnerDirectory.create(root, now(), onKnock);
    sync.created(root);
    return this.#owner;
  }

  /** Lets other processes of this host take over what is left. */
  giveUp(): void {
    this.#owner?.close();
    this.#owner = undefined;
  }

  /**
   * Checks that everything is in place and makes again what is not. Returns whether there is more to restore. Throws
   * the error of the file system.
   */
  restore(queues: { readonly own: SegmentQueue; readonly adopted: SegmentQueue }): boolean {
    const { root, reporter, sync } = this.#options;
    const isInPlace = this.#owner === undefined || this.#owner.isInPlace;
    if (!isInPlace && this.#owner?.announceAgain() === false) this.giveUp();
    const { path } = this.open();
    const { segments, lost, hasMore } = restoreSegments(queues, path, root);
    for (const segment of segments) sync.written(segment);
    if (segments.length > 0) sync.created(path);
    if (!isInPlace || segments.length > 0 || lost > 0) {
      const message = `files of the spool in ${root} were removed, or taken over by another process, while in use: they are created again`;
      reporter.limited('place', lost === 0 ? message : `${message}, but ${lost} records are lost`);
    }
    return hasMore;
  }
}
