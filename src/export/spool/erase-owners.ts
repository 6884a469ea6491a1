import { join } from 'node:path';

import { writtenBeforeMarks } from '../erasure/erasure-marks.ts';
import type { ErasureMarks } from '../erasure/erasure-marks.ts';
import { eraseFrames, totalOf } from './erase-frames.ts';
import type { ErasedCounts, RecordMatcher } from './erase-frames.ts';
import type { FileSegment } from './file-segment.ts';
import { addNewer, NOTHING_NEWER } from './known-format.ts';
import type { NewerContent } from './known-format.ts';
import { newerIn, readOwner, understood } from './owner-content.ts';
import type { OwnerContent } from './owner-content.ts';
import { ownerIdOf, removeDirectory, removeRewriting, segmentsBelow } from './owner-directory.ts';
import type { OwnerDirectory } from './owner-directory.ts';
import type { OwnerWatch } from './owner-watch.ts';
import { ownerOf } from './segment-names.ts';

const NONE_SETTLED: ReadonlyMap<number, ReadonlySet<number>> = new Map();

/**
 * Erases records in the directories of dead owners. It takes each over by one rename, so that nobody else reads or
 * writes in it meanwhile, and then puts it back: the process that takes it over for good ships what is left.
 */
export class DeadOwnersErasure {
  readonly #root: string;
  readonly #owner: OwnerDirectory;
  readonly #watch: OwnerWatch;
  readonly #matcher: RecordMatcher;
  readonly #done = new Set<string>();
  /** Directories that are still in the root although no other process has taken them. */
  readonly #unmoved = new Set<string>();
  /** Number of erased records. */
  records = 0;
  /** Content that only a newer version can read. */
  newer: NewerContent = NOTHING_NEWER;
  readonly #failures: unknown[] = [];

  /** @param owner The living owner of this process. */
  constructor(root: string, owner: OwnerDirectory, watch: OwnerWatch, matcher: RecordMatcher) {
    this.#root = root;
    this.#owner = owner;
    this.#watch = watch;
    this.#matcher = matcher;
  }

  /**
   * Erases in directories whose owners are now found dead. Returns the ids of all others: they have to erase
   * themselves, or their directory could not be taken over yet.
   */
  async run(): Promise<string[]> {
    const others: string[] = [];
    this.#unmoved.clear();
    for (const name of this.#owner.others().owners) {
      if (this.#done.has(name)) continue;
      try {
        const isDead = (await this.#watch.look(join(this.#root, name))) === 'dead';
        if (isDead && (await this.#eraseIn(name))) continue;
        if (isDead) this.#unmoved.add(name);
        others.push(ownerIdOf(name));
      } catch (error) {
        this.#done.add(name);
        this.#failures.push(error);
      }
    }
    return others;
  }

  /** What keeps records that are to be erased, after the last `run`; `undefined` if nothing does. */
  get failure(): unknown {
    const [unmoved] = this.#unmoved;
    if (this.#failures.length > 0 || unmoved === undefined) return this.#failures[0];
    return new Error(`the directory ${unmoved} of a dead process cannot be moved`);
  }

  /** Returns whether the directory is done with. */
  async #eraseIn(name: string): Promise<boolean> {
    const found = await readOwner(join(this.#root, name));
    if (found.isOfNewer) {
      this.#done.add(name);
      this.newer = addNewer(this.newer, newerIn(found));
      return true;
    }
    const directory = this.#owner.take(name);
    // If another process was faster, it erases because of the mark, or puts the directory back.
    if (directory === undefined) return !this.#owner.others().owners.includes(name);
    this.#done.add(name);
    try {
      this.#eraseAll(await readOwner(directory));
    } finally {
      if (segmentsBelow(directory).length === 0) removeDirectory(directory);
      this.#owner.keepInRoot(directory);
    }
    return true;
  }

  #eraseAll(content: OwnerContent): void {
    this.newer = addNewer(this.newer, newerIn(content));
    for (const { directory, segments, unreadable } of understood(content)) {
      removeRewriting(directory);
      for (const { error } of unreadable) this.#failures.push(error);
      for (const { segment } of segments) {
        try {
          this.records += totalOf(eraseInSegment(segment, this.#matcher));
        } catch (error) {
          this.#failures.push(error);
        }
      }
    }
  }
}

/** Erases records in a segment that nobody reads or writes. @throws the error of the file system. */
function eraseInSegment(segment: FileSegment, matcher: RecordMatcher): ErasedCounts {
  const counts: ErasedCounts = new Map();
  try {
    const frames = eraseFrames(segment.readAll(), segment, matcher, NONE_SETTLED, counts);
    if (frames === undefined) return counts;
    if (frames.records === 0 && frames.ordinal === frames.nextOrdinal) segment.remove();
    else segment.rewrite(frames);
    return counts;
  } finally {
    segment.close();
  }
}

/**
 * Erases, in a segment of a dead owner, sessions that were erased during its life but that it did not erase. Returns
 * whether anything is left of the segment.
 */
export function eraseMarked(segment: FileSegment, marks: ErasureMarks | undefined): boolean {
  const unanswered = marks?.unansweredBy(ownerOf(segment.name)) ?? [];
  if (unanswered.length > 0) eraseInSegment(segment, { isErased: writtenBeforeMarks(unanswered) });
  return !segment.isRemoved;
}
