import { nextTurn, sleep } from '../../support/timers.ts';
import { HEADER_BYTES, writeHeader } from './codec/frame.ts';
import { OriginDecoder } from './codec/origin-codec.ts';
import { DiskRetry } from './disk-retry.ts';
import { FileSegment } from './file-segment.ts';
import type { NewerContent } from './known-format.ts';
import { MemorySegment } from './memory-segment.ts';
import { eraseMarked } from './erase-owners.ts';
import { OwnerDirectory } from './owner-directory.ts';
import { OwnerPlace } from './owner-place.ts';
import { DeadOwners } from './dead-owners.ts';
import type { RecordSpool } from './record-spool.ts';
import type { SpoolOptions } from './spool-options.ts';
import { SegmentQueue } from './segment-queue.ts';
import { SegmentSync } from './segment-sync.ts';
import { MAX_SEGMENT_BYTES } from './segment.ts';
import type { Segment } from './segment.ts';
import { isPassing } from './spool-root.ts';

/** The most bytes that wait in memory while the disk cannot be written to. */
const MAX_MEMORY_BYTES = 8 * 1024 * 1024;
const ADOPTION_LOOK_MILLIS = 5;

/**
 * Holds the segment files of this process below a root, and those that it took over from dead processes.
 *
 * It has two queues: own records and adopted ones. `maxBytes` limits both together; at the limit the oldest segment is
 * dropped, adopted ones first. While the disk cannot be written to, up to 8 MiB wait in memory.
 */
export class Spool implements RecordSpool {
  readonly place = 'the spool';
  readonly own: SegmentQueue;
  readonly adopted: SegmentQueue;
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  readonly #retry: DiskRetry;
  readonly #sync: SegmentSync;
  readonly #deadOwners: DeadOwners;
  readonly #place: OwnerPlace;
  #active: Segment | undefined;
  #nextOrdinal = 1;
  #isAdopting = false;
  #isClosed = false;

  /** @throws the error of the file system, unless it is temporary, such as a full disk. */
  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.ceil(options.maxBytes / 8));
    this.#retry = new DiskRetry(options.reporter);
    const { fsync, fsyncIntervalMillis, reporter } = options;
    this.#deadOwners = new DeadOwners(options);
    this.#sync = new SegmentSync({ mode: fsync, intervalMillis: fsyncIntervalMillis, reporter });
    this.#place = new OwnerPlace({ ...options, sync: this.#sync });
    const origins = new OriginDecoder();
    this.own = this.#newQueue(origins, true);
    this.adopted = this.#newQueue(origins, false);
    try {
      this.#place.open();
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#failed(error);
    }
  }

  #newQueue(origins: OriginDecoder, isOwn: boolean): SegmentQueue {
    const { events, expiredBefore } = this.#options;
    const removed = (segment: Segment): void => {
      if (segment.directory !== undefined) this.#place.owner?.removeIfEmpty(segment.directory);
      this.#sync.forget(segment);
      events.removed(segment);
    };
    // Another process may have taken the file, together with the directory.
    const onMissing = (): void => this.checkPlace();
    return new SegmentQueue({ origins, expiredBefore, isOwn, events: { ...events, removed }, onMissing });
  }

  get nextOrdinal(): number {
    return this.#nextOrdinal;
  }

  get bytes(): number {
    return this.own.bytes + this.adopted.bytes;
  }

  /** Why the disk cannot be written to; `undefined` if it can. */
  get diskError(): unknown {
    return this.#retry.error;
  }

  /**
   * What newer versions left in the root. It does not belong to this process: no limit counts or drops it, and nothing
   * waits for it.
   */
  get newer(): NewerContent {
    return this.#deadOwners.newer;
  }

  append(frame: Buffer, count: number): Segment | undefined {
    const { maxBytes, events } = this.#options;
    const segment = frame.length <= maxBytes ? this.#write(frame, count) : undefined;
    this.#nextOrdinal += count;
    if (segment !== undefined || count === 0) return segment;
    const reason = frame.length > maxBytes ? 'too_large' : 'spool_unwritable';
    events.lost(reason, count, true);
    return undefined;
  }

  sealWritten(): void {
    if (this.#active !== undefined && this.#active.records > 0) this.#seal();
  }

  /** Writes attributes of a resource that were not known when its records were written. */
  appendResource(blob: Buffer): void {
    // After the end the files belong to the process that takes them over.
    if (this.#isClosed) return;
    const frame = Buffer.concat([Buffer.alloc(HEADER_BYTES), blob]);
    writeHeader(frame, 0, this.#nextOrdinal);
    // Only waiting records need it.
    if (this.own.pending > 0) this.append(frame, 0);
  }

  /** Takes over what dead processes left in the root, as far as `maxBytes` has room. Never rejects. */
  async adopt(): Promise<void> {
    const owner = this.#place.owner;
    if (this.#isAdopting || this.#isClosed || owner === undefined) return;
    this.#isAdopting = true;
    try {
      const hasNone = this.adopted.segments.length === 0;
      // Always take over one: otherwise, with a smaller limit than the dead process had, it would never be shipped.
      const { maxBytes } = this.#options;
      const segments = await this.#deadOwners.takeOver(
        owner,
        (bytes, before) => !this.#isClosed && ((hasNone && before === 0) || this.bytes + before + bytes <= maxBytes),
      );
      // The spool was closed meanwhile: what was taken over stays in the spool's directory, like everything else.
      if (this.#isClosed) return;
      for (const segment of segments) if (eraseMarked(segment, this.#options.marks)) this.adopted.add(segment);
      this.#makeRoom(0);
    } catch (error) {
      this.#options.reporter.limited(
        'adopt',
        'taking over the spool of a dead process failed; the processor tries it again',
        error,
      );
    } finally {
      this.#isAdopting = false;
    }
  }

  /**
   * Runs the work, during which nothing is taken over.
   *
   * @throws the error of the file system if this process cannot have a directory in the root.
   */
  async withoutAdopting<T>(work: (owner: OwnerDirectory) => Promise<T>): Promise<T> {
    while (this.#isAdopting) await sleep(ADOPTION_LOOK_MILLIS);
    this.#isAdopting = true;
    let own: OwnerDirectory | undefined;
    try {
      // After the end this process has no directory any more: make one for this work.
      if (this.#isClosed) own = OwnerDirectory.create(this.#options.root, this.#options.now());
      return await work(own ?? this.#place.open());
    } finally {
      this.#isAdopting = false;
      own?.close();
    }
  }

  /** The id of this process's directory, while it has one. */
  get ownerId(): string | undefined {
    return this.#place.owner?.id;
  }

  /** Drops segments whose last record waited too long. */
  dropAged(): void {
    const before = this.#options.expiredBefore();
    for (const queue of [this.adopted, this.own]) {
      for (const segment of queue.segments.slice()) {
        if (segment.newestMillis < before && segment.inFlight === 0 && segment !== this.#active)
          queue.drop(segment, 'expired');
      }
    }
  }

  /** Removes the last own segment if everything is settled, so that the directory of an idle process is empty. */
  closeIdle(): void {
    if (this.#active === undefined || this.#active.settled < this.#active.records) return;
    this.#seal();
    this.own.sweep();
  }

  /**
   * Checks that the directory, socket and files of this process are where other processes look for them: they may have
   * been removed, or taken for those of a dead process. Makes missing ones again and rewrites waiting records; counts
   * those that can no longer be read. Synchronous; never throws.
   */
  checkPlace(): void {
    if (this.#isClosed || !this.#retry.isDue) return;
    if (this.#restore()) nextTurn(() => this.checkPlace());
    if (this.#retry.isFailing && this.#retry.isDue) this.#persist(false);
  }

  /**
   * Tries a last time to write records to disk, before the process or the processor ends. Returns how many own records
   * are neither settled nor on disk.
   */
  persistAll(): number {
    if (this.own.pending > 0 && !this.#isClosed) while (this.#restore());
    this.#persist(true);
    return this.own.segments.reduce(
      (sum, segment) => sum + (isOnDisk(segment) ? 0 : segment.records - segment.settled),
      0,
    );
  }

  /** Returns whether there is more to restore. */
  #restore(): boolean {
    try {
      return this.#place.restore(this);
    } catch (error) {
      // The open file may have no name any more: the next record must not be written to it.
      this.#seal();
      this.#failed(error);
      return false;
    }
  }

  /**
   * Tries to write to the disk what waits in memory.
   *
   * @param isEnding Whether nothing is read or sent any more, so that even partly read segments are written.
   */
  #persist(isEnding: boolean): void {
    for (const segment of this.own.segments.slice()) {
      if (segment instanceof MemorySegment && segment.settled < segment.records)
        this.#persistSegment(segment, isEnding);
    }
  }

  /** Syncs what is written, then closes all files and the directory, so that other processes may adopt what is left. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sync.stop();
    this.#active?.seal();
    const { owner } = this.#place;
    // Before the sync, which may take long. The descriptors stay valid if another process moves the files.
    this.#place.giveUp();
    await this.#sync.flush();
    for (const segment of [...this.own.segments, ...this.adopted.segments]) segment.close();
    owner?.giveUp();
  }

  #write(frame: Buffer, count: number): Segment | undefined {
    this.#makeRoom(frame.length);
    const file = this.#writeToFile(frame, count);
    if (file !== undefined) return file;
    if (this.#options.whenDiskFull === 'drop-oldest') {
      const oldest = this.own.segments.find((segment) => this.#mayDrop(segment));
      if (oldest !== undefined) {
        this.own.drop(oldest, 'disk_full');
        this.#retry.hurry();
        const retried = this.#writeToFile(frame, count);
        if (retried !== undefined) return retried;
      }
    }
    return this.#writeToMemory(frame, count);
  }

  #writeToFile(frame: Buffer, count: number): Segment | undefined {
    if (!this.#retry.isDue) return undefined;
    try {
      const now = this.#options.now();
      const segment = this.#activeFile(frame.length, now);
      segment.append(frame, count, now);
      this.own.grow(frame.length);
      this.#sync.written(segment);
      if (this.#retry.succeeded()) this.#persist(false);
      return segment;
    } catch (error) {
      this.#failed(error);
      // The file was created but could not be written: the next try needs its name.
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
    // A file that could not be read was given up and is no longer read.
    if (active !== undefined && active.directory !== undefined && !active.isSealed) {
      // Files are named after their first record, so there cannot be two without one.
      if (active.records === 0 || active.bytes + length <= this.#segmentBytes) return active;
    }
    const owner = this.#place.open();
    const file = FileSegment.create(owner.path, owner.id, this.#nextOrdinal, now);
    this.#sync.created(owner.path);
    this.#seal();
    this.#active = file;
    this.own.add(file);
    return file;
  }

  #seal(): void {
    this.#active?.seal();
    this.#active = undefined;
  }

  /** Keeps new records in memory, in a segment of their own, until the disk can be written to. */
  #writeToMemory(frame: Buffer, count: number): Segment | undefined {
    const waiting = this.own.segments.reduce(
      (sum, { directory, bytes }) => sum + (directory === undefined ? bytes : 0),
      0,
    );
    if (waiting + frame.length > MAX_MEMORY_BYTES) return undefined;
    const now = this.#options.now();
    let memory = this.own.segments.at(-1);
    if (!(memory instanceof MemorySegment) || memory.isSealed) {
      this.#seal();
      memory = new MemorySegment(this.#nextOrdinal, now);
      this.own.add(memory);
    }
    memory.append(frame, count, now);
    this.#active = memory;
    return memory;
  }

  #persistSegment(memory: MemorySegment, isEnding: boolean): void {
    if (!isEnding && (this.#place.owner === undefined || !this.own.isUnread(memory))) return;
    let file: FileSegment | undefined;
    try {
      const now = this.#options.now();
      const owner = this.#place.open();
      file = FileSegment.create(owner.path, owner.id, memory.firstOrdinal, now);
      file.append(memory.content(), memory.records, now);
      file.seal();
      if (memory.settled > 0) file.acknowledge(memory.position, memory.settled);
      if (this.#active === memory) this.#active = undefined;
      this.own.replace(memory, file);
      this.#sync.created(owner.path);
      this.#sync.written(file);
      this.#retry.succeeded();
    } catch (error) {
      file?.remove();
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    // Something removed the directory: the next try makes a new one.
    if ((code === 'ENOENT' || code === 'ENOTDIR') && this.#place.owner !== undefined) {
      this.#place.giveUp();
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

function isOnDisk(segment: Segment): boolean {
  try {
    return segment instanceof FileSegment && segment.isInPlace;
  } catch {
    // It cannot be checked, so do not rely on it.
    return false;
  }
}
