import { close, fsync, open } from 'node:fs';
import { promisify } from 'node:util';

import type { Reporter } from '../../support/reporter.ts';
import { startTimer } from '../../support/timers.ts';
import { syncDirectory } from './file-segment.ts';
import type { Segment } from './segment.ts';

export interface SegmentSyncOptions {
  readonly mode: 'interval' | 'always' | 'never';
  readonly intervalMillis: number;
  readonly reporter: Reporter;
}

/**
 * Syncs written segments to the disk, so that they survive a power cut: at an interval and off the event loop, because
 * a sync was seen to take up to 90 ms, or at each write.
 */
export class SegmentSync {
  readonly #options: SegmentSyncOptions;
  readonly #segments = new Set<Segment>();
  readonly #directories = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: SegmentSyncOptions) {
    this.#options = options;
  }

  /** Call it after each write to a segment. Never throws: without the sync, only a power cut loses the write. */
  written(segment: Segment): void {
    if (this.#options.mode === 'always') this.#syncNow(segment);
    else if (this.#options.mode === 'interval') {
      this.#segments.add(segment);
      this.#arm();
    }
  }

  /** Call it after a file or directory was created in this one: without a sync, a power cut could lose its name. */
  created(directory: string): void {
    if (this.#options.mode === 'always') syncDirectory(directory);
    else if (this.#options.mode === 'interval') {
      this.#directories.add(directory);
      this.#arm();
    }
  }

  /** Call it when the segment was removed. */
  forget(segment: Segment): void {
    this.#segments.delete(segment);
  }

  /** Resolves when everything written before the call is on the disk. Never rejects; failures are reported. */
  flush(): Promise<void> {
    // Include running syncs: what they took was written before this call too.
    const before = this.#underWay;
    return (this.#underWay = Promise.all([before, this.#syncAll()]).then(() => {}));
  }

  async #syncAll(): Promise<void> {
    const segments = [...this.#segments];
    const directories = [...this.#directories];
    this.#segments.clear();
    this.#directories.clear();
    try {
      await Promise.all([...segments.map((segment) => segment.sync()), ...directories.map(fsyncDirectory)]);
    } catch (error) {
      this.#options.reporter.limited('sync', 'syncing the spool to the disk failed', error);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #syncNow(segment: Segment): void {
    try {
      segment.syncNow();
    } catch (error) {
      this.#options.reporter.limited('sync', 'syncing the spool to the disk failed', error);
    }
  }

  #arm(): void {
    this.#timer ??= startTimer(() => {
      void this.flush().finally(() => {
        this.#timer = undefined;
        if (this.#segments.size > 0) this.#arm();
      });
    }, this.#options.intervalMillis).unref();
  }
}

const openFile = promisify(open);
const fsyncFile = promisify(fsync);
const closeFile = promisify(close);

async function fsyncDirectory(directory: string): Promise<void> {
  let fd: number;
  try {
    fd = await openFile(directory, 'r');
  } catch {
    // The directory was removed meanwhile, or the system cannot open directories.
    return;
  }
  try {
    await fsyncFile(fd);
  } finally {
    await closeFile(fd);
  }
}
