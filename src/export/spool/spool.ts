import { mkdirSync } from 'node:fs';

import type { LossReason } from '../../support/loss-counters.ts';
import type { Reporter } from '../../support/reporter.ts';
import { FRAME_BYTES, writeFrame } from './codec/frame.ts';
import { OriginDecoder } from './codec/origin-codec.ts';
import { DiskRetry } from './disk-retry.ts';
import { FileSegment } from './file-segment.ts';
import type { NewerContent } from './known-format.ts';
import { MemorySegment } from './memory-segment.ts';
import { OwnerDirectory } from './owner-directory.ts';
import { Adoption } from './scan-adopted.ts';
import { SegmentQueue } from './segment-queue.ts';
import { SegmentSync } from './segment-sync.ts';
import type { Segment } from './segment.ts';
import type { Outcome, SpoolBatch } from './spool-batch.ts';
import { isPassing } from './spool-root.ts';

const MAX_SEGMENT_BYTES = 8 * 1024 * 1024;
/** What waits in memory at most while the disk takes nothing. */
const MAX_MEMORY_BYTES = 8 * 1024 * 1024;
/** What a spool tells its processor; `isOwn`: about records of this process. */
export interface SpoolEvents {
  lost(reason: LossReason, count: number, isOwn: boolean): void;
  settled(batch: SpoolBatch, from: number, to: number, outcome: Outcome, isOwn: boolean): void;
  moved(from: Segment, to: Segment): void;
  removed(segment: Segment): void;
}

export interface SpoolOptions {
  /** Real path. */
  readonly root: string;
  readonly maxBytes: number;
  readonly maxAgeMillis?: number | undefined;
  readonly fsync: 'interval' | 'always' | 'never';
  readonly fsyncIntervalMillis: number;
  /** What a full disk costs: the new records once memory is full too, or the oldest written ones. */
  readonly whenDiskFull: 'drop-newest' | 'drop-oldest';
  readonly now: () => number;
  readonly reporter: Reporter;
  readonly events: SpoolEvents;
  /** The complete bytes of a resource were found in an adopted segment. */
  readonly onResource: (blob: Buffer) => void;
}

/**
 * The segment files of this process below a root, and those of dead processes that it took over.
 *
 * Two queues: own records and adopted ones. Bounded by `maxBytes` in all; when that is reached the oldest segment goes,
 * adopted ones first. While the disk takes nothing, up to 8 MiB wait in memory.
 */
export class Spool {
  readonly own: SegmentQueue;
  readonly adopted: SegmentQueue;
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  readonly #retry: DiskRetry;
  readonly #sync: SegmentSync;
  readonly #adoption: Adoption;
  #owner: OwnerDirectory | undefined;
  #active: Segment | undefined;
  #nextOrdinal = 1;
  #isAdopting = false;
  #isClosed = false;

  /** @throws What the file system says, unless it is a full disk or the like: those pass. */
  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.ceil(options.maxBytes / 8));
    this.#retry = new DiskRetry(options.reporter);
    const { fsync, fsyncIntervalMillis, reporter } = options;
    this.#adoption = new Adoption(options);
    this.#sync = new SegmentSync({ mode: fsync, intervalMillis: fsyncIntervalMillis, reporter });
    const origins = new OriginDecoder();
    this.own = this.#newQueue(origins, true);
    this.adopted = this.#newQueue(origins, false);
    try {
      this.#owner = this.#openOwner();
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#failed(error);
    }
  }

  #newQueue(origins: OriginDecoder, isOwn: boolean): SegmentQueue {
    const { events, maxAgeMillis, now } = this.#options;
    return new SegmentQueue({
      origins,
      maxAgeMillis,
      now,
      events: {
        lost: (reason, count) => events.lost(reason, count, isOwn),
        settled: (batch, from, to, outcome) => events.settled(batch, from, to, outcome, isOwn),
        moved: (from, to) => events.moved(from, to),
        removed: (segment) => {
          if (segment.directory !== undefined) this.#owner?.removeIfEmpty(segment.directory);
          this.#sync.forget(segment);
          events.removed(segment);
        },
      },
    });
  }

  /** Number that the next record gets. */
  get nextOrdinal(): number {
    return this.#nextOrdinal;
  }

  get bytes(): number {
    return this.own.bytes + this.adopted.bytes;
  }

  /**
   * What newer versions left in the root. It is not this process's: no bound counts or drops it, and nothing waits for it.
   */
  get newer(): NewerContent {
    return this.#adoption.newer;
  }

  /**
   * Writes an entry at the end of the own queue, and gives the segment it is in; `undefined` when it is lost, which is
   * counted. Synchronous, never throws. The entry may be overwritten afterwards.
   */
  append(entry: Buffer, count: number): Segment | undefined {
    const { maxBytes, events } = this.#options;
    const segment = entry.length <= maxBytes ? this.#write(entry, count) : undefined;
    this.#nextOrdinal += count;
    if (segment !== undefined || count === 0) return segment;
    const reason = entry.length > maxBytes ? 'too_large' : 'spool_unwritable';
    events.lost(reason, count, true);
    return undefined;
  }

  /** Writes the attributes of a resource that were not known when its records were written. */
  appendResource(blob: Buffer): void {
    const entry = Buffer.concat([Buffer.alloc(FRAME_BYTES), blob]);
    writeFrame(entry, 0, this.#nextOrdinal);
    // With no record waiting nobody will ask for it.
    if (this.own.pending > 0) this.append(entry, 0);
  }

  /** Takes over what dead processes left in the root, as far as `maxBytes` has room. Never rejects. */
  async adopt(): Promise<void> {
    const owner = this.#owner;
    if (this.#isAdopting || this.#isClosed || owner === undefined) return;
    this.#isAdopting = true;
    try {
      await owner.removeUnborn();
      const hasNone = this.adopted.segments.length === 0;
      // One is always taken, or a smaller bound than the dead process had would leave it for ever.
      const { maxBytes } = this.#options;
      const segments = await this.#adoption.takeOver(
        owner,
        (bytes, before) => !this.#isClosed && ((hasNone && before === 0) || this.bytes + before + bytes <= maxBytes),
      );
      // Closed meanwhile: what was taken over is left with the rest.
      if (this.#isClosed) return;
      for (const segment of segments) this.adopted.add(segment);
      this.#makeRoom(0);
    } catch (error) {
      this.#options.reporter.limited(
        'adopt',
        'taking over the spool of a dead process failed; it is tried again',
        error,
      );
    } finally {
      this.#isAdopting = false;
    }
  }

  /** Drops segments whose last record is older than `maxAgeMillis`. */
  dropAged(): void {
    const { maxAgeMillis, now } = this.#options;
    if (maxAgeMillis === undefined) return;
    const before = now() - maxAgeMillis;
    for (const queue of [this.adopted, this.own]) {
      for (const segment of queue.segments.slice()) {
        if (segment.newestMillis < before && segment.inFlight === 0 && segment !== this.#active)
          queue.drop(segment, 'expired');
      }
    }
  }

  /** With nothing to send, the last own segment is closed and removed: an idle folder is empty. */
  closeIdle(): void {
    if (this.#active === undefined || this.#active.settled < this.#active.records) return;
    this.#seal();
    this.own.sweep();
  }

  /**
   * Tries to bring what waits in memory to disk. Gives the number of records that still wait there.
   *
   * @param isEnding Nothing is read or sent any more: what was begun to be read is written too.
   */
  persist(isEnding: boolean): number {
    for (const segment of this.own.segments.slice()) {
      if (segment instanceof MemorySegment && segment.settled < segment.records)
        this.#persistSegment(segment, isEnding);
    }
    return this.own.segments.reduce(
      (sum, segment) => sum + (segment.directory === undefined ? segment.records - segment.settled : 0),
      0,
    );
  }

  /** Syncs what is written, lets go of all files and of the directory: what is left is free to be adopted. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sync.stop();
    this.#active?.seal();
    // Before the sync, which may take its time: the descriptors stay good whoever moves the files.
    this.#owner?.close();
    await this.#sync.flush();
    for (const segment of [...this.own.segments, ...this.adopted.segments]) segment.close();
  }

  #write(entry: Buffer, count: number): Segment | undefined {
    this.#makeRoom(entry.length);
    const file = this.#writeToFile(entry, count);
    if (file !== undefined) return file;
    if (this.#options.whenDiskFull === 'drop-oldest') {
      const oldest = this.own.segments.find((segment) => this.#mayDrop(segment));
      if (oldest !== undefined) {
        this.own.drop(oldest, 'disk_full');
        this.#retry.hurry();
        const retried = this.#writeToFile(entry, count);
        if (retried !== undefined) return retried;
      }
    }
    return this.#writeToMemory(entry, count);
  }

  #writeToFile(entry: Buffer, count: number): Segment | undefined {
    if (!this.#retry.isDue) return undefined;
    try {
      const now = this.#options.now();
      const segment = this.#activeFile(entry.length, now);
      segment.append(entry, count, now);
      this.own.grow(entry.length);
      this.#sync.written(segment);
      if (this.#retry.succeeded()) this.persist(false);
      return segment;
    } catch (error) {
      this.#failed(error);
      // A file that could be made but not written to: its name is wanted by the next try.
      const active = this.#active;
      if (active?.directory !== undefined && active.bytes === 0) {
        this.#active = undefined;
        this.own.drop(active, 'spool_unwritable');
      }
      return undefined;
    }
  }

  #activeFile(length: number, now: number): Segment {
    const active = this.#active;
    if (active !== undefined && active.directory !== undefined) {
      if (active.bytes === 0 || active.bytes + length <= this.#segmentBytes) return active;
    }
    const owner = (this.#owner ??= this.#openOwner());
    const file = FileSegment.create(owner.path, owner.id, this.#nextOrdinal, now);
    this.#sync.created(owner.path);
    this.#seal();
    this.#active = file;
    this.own.add(file);
    return file;
  }

  #openOwner(): OwnerDirectory {
    const { root, now } = this.#options;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const owner = OwnerDirectory.create(root, now());
    this.#sync.created(root);
    return owner;
  }

  #seal(): void {
    this.#active?.seal();
    this.#active = undefined;
  }

  /** New records wait in memory, in a segment of their own, until the disk takes them. */
  #writeToMemory(entry: Buffer, count: number): Segment | undefined {
    const waiting = this.own.segments.reduce(
      (sum, { directory, bytes }) => sum + (directory === undefined ? bytes : 0),
      0,
    );
    if (waiting + entry.length > MAX_MEMORY_BYTES) return undefined;
    const now = this.#options.now();
    let memory = this.own.segments.at(-1);
    if (!(memory instanceof MemorySegment) || memory.isSealed) {
      this.#seal();
      memory = new MemorySegment(this.#nextOrdinal, now);
      this.own.add(memory);
    }
    memory.append(entry, count, now);
    this.#active = memory;
    return memory;
  }

  #persistSegment(memory: MemorySegment, isEnding: boolean): void {
    if (!isEnding && (this.#owner === undefined || !this.own.isUnread(memory))) return;
    let file: FileSegment | undefined;
    try {
      const now = this.#options.now();
      const owner = (this.#owner ??= this.#openOwner());
      file = FileSegment.create(owner.path, owner.id, memory.firstOrdinal, now);
      file.append(memory.content(), memory.records, now);
      file.seal();
      if (memory.settled > 0) file.acknowledge(memory.position, memory.settled);
      if (this.#active === memory) this.#active = undefined;
      this.own.replace(memory, file);
      this.#sync.created(owner.path);
      this.#sync.written(file);
    } catch (error) {
      file?.remove();
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    // Somebody removed our directory: the next try makes one anew.
    if ((code === 'ENOENT' || code === 'ENOTDIR') && this.#owner !== undefined) {
      this.#owner.close();
      this.#owner = undefined;
    }
    this.#retry.failed(error);
  }

  #makeRoom(incoming: number): void {
    while (this.bytes + incoming > this.#options.maxBytes) {
      const adopted = this.adopted.segments.find((segment) => this.#mayDrop(segment));
      const own = adopted ?? this.own.segments.find((segment) => this.#mayDrop(segment));
      if (own === undefined) return;
      (adopted === undefined ? this.own : this.adopted).drop(own, 'spool_full');
    }
  }

  #mayDrop(segment: Segment): boolean {
    return segment.inFlight === 0 && segment.directory !== undefined && segment !== this.#active;
  }
}
