import { mkdirSync } from 'node:fs';

import { Episode } from '../diagnostics.ts';
import type { LossReason, Reporter } from '../diagnostics.ts';
import { FRAME_BYTES, writeFrame } from './entry-frame.ts';
import { FileSegment, ownerOf } from './file-segment.ts';
import { Lane } from './lane.ts';
import { MemorySegment } from './memory-segment.ts';
import { OriginDecoder } from './origin-codec.ts';
import { OwnerDirectory } from './owner-directory.ts';
import type { AdoptedFile } from './owner-directory.ts';
import { scanSegment } from './segment-reader.ts';
import type { Segment } from './segment.ts';
import type { Outcome, SpoolBatch } from './spool-batch.ts';
import { isPassing } from './spool-root.ts';

const MAX_SEGMENT_BYTES = 8 * 1024 * 1024;
/** What waits in memory at most while the disk takes nothing. */
const MAX_MEMORY_BYTES = 8 * 1024 * 1024;
/** A disk that took nothing is tried again after this, then after twice as long, up to the second. */
const RETRY_MILLIS = { first: 100, most: 5_000 } as const;

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
 * Two lanes: own records and adopted ones. Bounded by `maxBytes` in all; when that is reached the oldest segment goes,
 * adopted ones first. While the disk takes nothing, up to 8 MiB wait in memory.
 */
export class Spool {
  readonly own: Lane;
  readonly adopted: Lane;
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  readonly #episode: Episode;
  #owner: OwnerDirectory | undefined;
  #active: Segment | undefined;
  #nextOrdinal = 1;
  #retryAt = 0;
  #retryMillis: number = RETRY_MILLIS.first;
  #syncTimer: NodeJS.Timeout | undefined;
  /** Written since the last sync. */
  readonly #unsynced = new Set<Segment>();
  #isAdopting = false;
  #isClosed = false;

  /** @throws What the file system says, unless it is a full disk or the like: those pass. */
  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.ceil(options.maxBytes / 8));
    this.#episode = new Episode(options.reporter);
    const { now } = options;
    const origins = new OriginDecoder();
    this.own = this.#lane(origins, true);
    this.adopted = this.#lane(origins, false);
    try {
      this.#owner = OwnerDirectory.create(options.root, now());
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#failed(error);
    }
  }

  #lane(origins: OriginDecoder, isOwn: boolean): Lane {
    const { events, maxAgeMillis, now } = this.#options;
    return new Lane({
      origins,
      maxAgeMillis,
      now,
      events: {
        lost: (reason, count) => events.lost(reason, count, isOwn),
        settled: (batch, from, to, outcome) => events.settled(batch, from, to, outcome, isOwn),
        moved: (from, to) => events.moved(from, to),
        removed: (segment) => {
          if (segment.directory !== undefined) this.#owner?.removeIfEmpty(segment.directory);
          this.#unsynced.delete(segment);
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
   * Writes an entry at the end of the own lane, and gives the segment it is in; `undefined` when it is lost, which is
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
      const hasNone = this.adopted.segments.length === 0;
      // One is always taken, or a smaller bound than the dead process had would leave it for ever.
      const files = await owner.adoptDead(
        (bytes, before) => (hasNone && before === 0) || this.bytes + before + bytes <= this.#options.maxBytes,
      );
      const segments = await this.#scan(files.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
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
    for (const lane of [this.adopted, this.own]) {
      for (const segment of lane.segments.slice()) {
        if (segment.newestMillis < before && segment.inFlight === 0 && segment !== this.#active)
          lane.drop(segment, 'expired');
      }
    }
  }

  /** With nothing to send, the last own segment is closed and removed: an idle folder is empty. */
  closeIdle(): void {
    if (this.#active === undefined || this.#active.settled < this.#active.records) return;
    this.#seal();
    this.own.sweep();
  }

  /** Tries to bring what waits in memory to disk. Gives the number of records that still wait there. */
  persist(): number {
    for (const segment of this.own.segments.slice()) {
      if (segment instanceof MemorySegment && segment.settled < segment.records) this.#persistSegment(segment);
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
    clearTimeout(this.#syncTimer);
    this.#active?.seal();
    // Before the sync, which may take its time: the descriptors stay good whoever moves the files.
    this.#owner?.close();
    if (this.#options.fsync !== 'never') await this.#sync();
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
        this.#retryAt = 0;
        const retried = this.#writeToFile(entry, count);
        if (retried !== undefined) return retried;
      }
    }
    return this.#writeToMemory(entry, count);
  }

  #writeToFile(entry: Buffer, count: number): Segment | undefined {
    const now = this.#options.now();
    if (now < this.#retryAt) return undefined;
    try {
      const segment = this.#activeFile(entry.length, now);
      segment.append(entry, count, now);
      this.own.grow(entry.length);
      this.#written(segment);
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
    if (this.#owner === undefined) {
      mkdirSync(this.#options.root, { recursive: true, mode: 0o700 });
      this.#owner = OwnerDirectory.create(this.#options.root, now);
    }
    const isDurable = this.#options.fsync !== 'never';
    const file = FileSegment.create(this.#owner.path, this.#owner.id, this.#nextOrdinal, { isDurable, nowMillis: now });
    this.#seal();
    this.#active = file;
    this.own.add(file);
    return file;
  }

  #seal(): void {
    this.#active?.seal();
    this.#active = undefined;
  }

  #written(segment: Segment): void {
    if (this.#episode.isOpen) {
      this.#episode.end('the spool is written to again');
      this.#retryMillis = RETRY_MILLIS.first;
      this.persist();
    }
    const { fsync, fsyncIntervalMillis } = this.#options;
    if (fsync === 'always') segment.syncNow();
    if (fsync !== 'interval') return;
    this.#unsynced.add(segment);
    this.#syncTimer ??= setTimeout(() => {
      void this.#sync().finally(() => {
        this.#syncTimer = undefined;
      });
    }, fsyncIntervalMillis).unref();
  }

  /** Off the event loop: it takes up to 90 ms. */
  async #sync(): Promise<void> {
    const segments = [...this.#unsynced];
    this.#unsynced.clear();
    try {
      await Promise.all(segments.map((segment) => segment.sync()));
    } catch (error) {
      this.#options.reporter.limited('sync', 'syncing the spool to the disk failed', error);
    }
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

  #persistSegment(memory: MemorySegment): void {
    const owner = this.#owner;
    if (owner === undefined || !this.own.isUnread(memory)) return;
    let file: FileSegment | undefined;
    try {
      const now = this.#options.now();
      file = FileSegment.create(owner.path, owner.id, memory.firstOrdinal, { isDurable: true, nowMillis: now });
      file.append(memory.content(), memory.records, now);
      file.seal();
      if (this.#active === memory) this.#active = undefined;
      this.own.replace(memory, file);
      this.#unsynced.add(file);
    } catch (error) {
      file?.remove();
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { now } = this.#options;
    this.#retryAt = now() + this.#retryMillis;
    this.#retryMillis = Math.min(this.#retryMillis * 2, RETRY_MILLIS.most);
    // Somebody removed our directory: the next try makes one anew.
    const { code } = error as NodeJS.ErrnoException;
    if ((code === 'ENOENT' || code === 'ENOTDIR') && this.#owner !== undefined) {
      this.#owner.close();
      this.#owner = undefined;
    }
    this.#episode.begin('the spool cannot be written to: records are sent from memory until it can', error);
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

  async #scan(files: readonly AdoptedFile[]): Promise<Segment[]> {
    const segments: FileSegment[] = [];
    for (const file of files) {
      const segment = FileSegment.adopt(file.directory, file.name, file.bytes, file.newestMillis);
      try {
        const scan = await scanSegment(segment, (entry) => {
          if (entry.count === 0) this.#options.onResource(Buffer.from(entry.payload));
        });
        const previous = segments.at(-1);
        if (previous !== undefined && ownerOf(previous.name) === ownerOf(segment.name)) {
          previous.correctEnd(segment.firstOrdinal);
        }
        segment.setContent(scan);
        segment.close();
        segments.push(segment);
      } catch (error) {
        this.#options.reporter.warn(`the segment ${segment.path} cannot be read; it stays where it is`, error);
      }
    }
    return segments;
  }
}
