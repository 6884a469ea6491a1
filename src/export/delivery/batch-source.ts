import type { Reporter } from '../../support/reporter.ts';
import type { SegmentQueue } from '../spool/segment-queue.ts';
import type { SpoolBatch } from '../spool/spool-batch.ts';
import { FIRST_PAUSE_MILLIS } from './back-off.ts';

const MAX_BATCH_BYTES = 1024 * 1024;
/** After this many failed reads in a row, the rest of the segment is given up. */
const MAX_READ_FAILURES = 5;
const READ_AGAIN_MILLIS = 50;

/** The batches of each queue: the one that is being sent, kept until it is settled, and the next one. */
export class BatchSource {
  readonly #held = new Map<SegmentQueue, SpoolBatch>();
  readonly #ahead = new Map<SegmentQueue, Promise<SpoolBatch | undefined>>();
  readonly #maxRecords: number;
  readonly #reporter: Reporter;
  #failures = 0;

  constructor(maxRecords: number, reporter: Reporter) {
    this.#maxRecords = maxRecords;
    this.#reporter = reporter;
  }

  /** Whether a batch of the queue is begun but not settled. */
  holds(queue: SegmentQueue): boolean {
    return this.#held.has(queue);
  }

  /** Resolves to the batch to send, or to the number of milliseconds after which to ask again. Never rejects. */
  async take(queue: SegmentQueue): Promise<SpoolBatch | number> {
    const held = this.#held.get(queue);
    if (held !== undefined && !held.isSettled) return held;
    this.#held.delete(queue);
    const reading = this.#ahead.get(queue) ?? this.#read(queue);
    this.#ahead.delete(queue);
    try {
      const batch = await reading;
      this.#failures = 0;
      // While being read, the pending records may have been dropped or found damaged.
      if (batch === undefined || batch.isSettled) return READ_AGAIN_MILLIS;
      this.#held.set(queue, batch);
      return batch;
    } catch (error) {
      return this.#failed(queue, error);
    }
  }

  /** Drops all batches and resolves, when nothing is being read, to those that were begun: they are read again. */
  async reset(): Promise<SpoolBatch[]> {
    const held = [...this.#held.values()];
    this.#held.clear();
    await Promise.allSettled(this.#ahead.values());
    this.#ahead.clear();
    return held;
  }

  /** Called when the batch is settled. */
  settled(queue: SegmentQueue): void {
    this.#held.delete(queue);
  }

  /** Reads the next batch while one is being sent, if at least this many records wait behind it. */
  readAhead(queue: SegmentQueue, least: number): void {
    const held = this.#held.get(queue)?.length ?? 0;
    if (this.#ahead.has(queue) || queue.pending - held < least) return;
    const reading = this.#read(queue);
    // The turn that takes this batch sees the failure too; until then it must not count as an unhandled rejection.
    reading.catch(() => {});
    this.#ahead.set(queue, reading);
  }

  #read(queue: SegmentQueue): Promise<SpoolBatch | undefined> {
    return queue.read(this.#maxRecords, MAX_BATCH_BYTES);
  }

  #failed(queue: SegmentQueue, error: unknown): number {
    this.#failures += 1;
    const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isGone && this.#failures < MAX_READ_FAILURES) return FIRST_PAUSE_MILLIS;
    this.#reporter.warn('a segment of the spool cannot be read; the rest of it counts as damaged', error);
    queue.giveUpReading();
    this.#failures = 0;
    return 0;
  }
}
