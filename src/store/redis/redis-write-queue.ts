import type { ProducedSession } from './redis-producer.ts';

/** Something that is to be appended to a session's stream. */
export interface PendingWrite {
  readonly type: 'entry' | 'end' | 'tombstone';
  readonly session: ProducedSession;
  /** The entry's number among its producer's; of a mark the number of the entry before it. */
  readonly sequence: number;
  /** Of a mark: its number among the producer's marks. */
  readonly mark: number;
  /** The entry as it is stored; of a mark ''. */
  readonly data: string;
  /** Order among all writes of the store, for `flush`; the writer sets it. */
  order: number;
}

/** The write itself and its places in the queue. */
const WRITE_BYTES = 128;

/** Bytes that a waiting write of so many UTF-16 units counts for: within a factor of two what it holds. */
export function writeBytes(length: number): number {
  return WRITE_BYTES + 2 * length;
}

const COMPACT_AT = 1_024;

/**
 * Writes that wait, in the order given per session: fresh ones, and those parked for another try. A session's fresh
 * writes wait behind its parked ones; other sessions go on.
 */
export class WriteQueue {
  /** Those from `#head` on. The places before it are empty: a write that is taken is held no longer. */
  #fresh: (PendingWrite | undefined)[] = [];
  #head = 0;
  #parked: PendingWrite[] = [];

  get freshCount(): number {
    return this.#fresh.length - this.#head;
  }

  get parkedCount(): number {
    return this.#parked.length;
  }

  push(write: PendingWrite): void {
    this.#fresh.push(write);
  }

  /** Puts writes back in front of everything else of their sessions. */
  park(writes: readonly PendingWrite[]): void {
    if (writes.length === 0) return;
    for (const { session } of writes) session.parked += 1;
    this.#parked = [...writes, ...this.#parked];
  }

  /**
   * Takes up to `count` writes, of a session that is being probed one only.
   *
   * @param isProbing Every session counts as probed.
   */
  take(count: number, options: { readonly withParked: boolean; readonly isProbing: boolean }): PendingWrite[] {
    const batch: PendingWrite[] = [];
    const probed = new Set<ProducedSession>();
    const isLeft = ({ session }: PendingWrite): boolean => batch.length >= count || probed.has(session);
    const add = (write: PendingWrite): void => {
      batch.push(write);
      if (options.isProbing || write.session.isProbing) probed.add(write.session);
    };
    if (options.withParked && this.#parked.length > 0) {
      const left: PendingWrite[] = [];
      for (const write of this.#parked) {
        if (isLeft(write)) {
          left.push(write);
        } else {
          write.session.parked -= 1;
          add(write);
        }
      }
      this.#parked = left;
    }
    while (batch.length < count && this.#head < this.#fresh.length) {
      const write = this.#fresh[this.#head] as PendingWrite;
      this.#fresh[this.#head] = undefined;
      this.#head += 1;
      if (write.session.parked > 0 || isLeft(write)) {
        write.session.parked += 1;
        this.#parked.push(write);
      } else {
        add(write);
      }
    }
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }

  /** Takes those that match out of the parked ones. */
  withdraw(isMatch: (write: PendingWrite) => boolean): PendingWrite[] {
    const found = this.#parked.filter(isMatch);
    if (found.length === 0) return found;
    this.#parked = this.#parked.filter((write) => !isMatch(write));
    for (const { session } of found) session.parked -= 1;
    return found;
  }

  /** Takes everything. */
  drain(): PendingWrite[] {
    const all = [...this.#parked, ...(this.#fresh.slice(this.#head) as PendingWrite[])];
    for (const { session } of this.#parked) session.parked -= 1;
    this.#parked = [];
    this.#fresh = [];
    this.#head = 0;
    return all;
  }

  /** Order of the oldest write that waits; `Infinity` when none does. */
  oldestOrder(): number {
    let oldest = this.#fresh[this.#head]?.order ?? Infinity;
    for (const { order } of this.#parked) oldest = Math.min(oldest, order);
    return oldest;
  }
}
