import type { PendingWrite, ProducedSession } from './produced-sessions.ts';

/** Bytes of the write itself and its places in the queue. */
const WRITE_BYTES = 128;

/** Bytes that a waiting write of this many UTF-16 units counts for, right within a factor of two. */
export function writeBytes(length: number): number {
  return WRITE_BYTES + 2 * length;
}

/** Writes of one session that are sent together. */
export interface SessionWrites {
  readonly session: ProducedSession;
  readonly writes: readonly PendingWrite[];
}

const COMPACT_AT = 1_024;

/**
 * Waiting writes, in order within each session. Sessions take turns. A session whose writes failed is held: its later
 * writes wait behind them, while other sessions go on.
 */
export class WriteQueue {
  /** Sessions from `#head` on, each with writes, or since taken and held. */
  #ready: ProducedSession[] = [];
  #head = 0;
  #readyCount = 0;
  readonly #held = new Set<ProducedSession>();

  /** Number of writes that may be taken. */
  get readyCount(): number {
    return this.#readyCount;
  }

  get hasHeld(): boolean {
    return this.#held.size > 0;
  }

  push(write: PendingWrite): void {
    const { session } = write;
    const isFirst = session.waiting === undefined;
    if (session.waiting === undefined) session.waiting = [write];
    else session.waiting.push(write);
    if (this.#held.has(session)) return;
    this.#readyCount += 1;
    if (isFirst) this.#ready.push(session);
  }

  /** Takes up to `count` writes. */
  take(count: number): SessionWrites[] {
    const batch: SessionWrites[] = [];
    let taken = 0;
    while (taken < count && this.#head < this.#ready.length) {
      const session = this.#ready[this.#head] as ProducedSession;
      this.#head += 1;
      if (session.waiting === undefined || this.#held.has(session)) continue;
      let writes = session.waiting;
      session.waiting = undefined;
      if (writes.length > count - taken) {
        session.waiting = writes.slice(count - taken);
        writes = writes.slice(0, count - taken);
        this.#ready.push(session);
      }
      taken += writes.length;
      batch.push({ session, writes });
    }
    this.#readyCount -= taken;
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }

  /** Puts writes back before the other writes of their session, until `release()`. */
  hold({ session, writes }: SessionWrites): void {
    const came = session.waiting ?? [];
    if (!this.#held.has(session)) this.#readyCount -= came.length;
    this.#held.add(session);
    session.waiting = [...writes, ...came];
  }

  /** Lets held sessions go on, up to about `count` writes. */
  release(count: number): void {
    let left = count;
    for (const session of this.#held) {
      if (left <= 0) return;
      this.#held.delete(session);
      this.#ready.push(session);
      const count = session.waiting?.length ?? 0;
      this.#readyCount += count;
      left -= count;
    }
  }

  /** Removes the waiting writes of one session up to a position. */
  drop(session: ProducedSession, upTo: number): PendingWrite[] {
    const waiting = session.waiting ?? [];
    const left = waiting.filter(({ position }) => position > upTo);
    const dropped = waiting.filter(({ position }) => position <= upTo);
    if (!this.#held.has(session)) this.#readyCount -= dropped.length;
    else if (left.length === 0) this.#held.delete(session);
    session.waiting = left.length === 0 ? undefined : left;
    return dropped;
  }

  /** Removes everything. */
  drain(): PendingWrite[] {
    this.release(Infinity);
    return this.take(Infinity).flatMap(({ writes }) => writes);
  }
}
