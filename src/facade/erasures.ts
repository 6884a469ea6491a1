import type { SessionEraser } from '../entry/erasure.ts';
import { unclaimedErasers } from '../entry/unclaimed-erasers.ts';
import type { SessionStore } from '../store/session-store.ts';
import { Deadline, settlesWithin } from '../support/timeouts.ts';
import type { ErasureReceipt } from './erasure-receipt.ts';

/** What an instance has of sessions. */
export interface SessionPlaces {
  readonly store: SessionStore;
  /** The processors that got its records, as far as they are known. */
  readonly erasers: Iterable<SessionEraser>;
  /** Lets go of what its writer holds back. */
  readonly forget: () => void;
}

/** The erasures of an instance that are under way. */
export class Erasures {
  readonly #running = new Set<Promise<ErasureReceipt>>();

  /** See `eraseSession` of the instance. */
  async run(sessionId: string, { store, erasers, forget }: SessionPlaces): Promise<ErasureReceipt> {
    const erasing = import('./erase-session.ts').then(({ eraseSession }) =>
      eraseSession({ sessionId, store, erasers: new Set([...erasers, ...unclaimedErasers]), forget }),
    );
    this.#running.add(erasing);
    try {
      return await erasing;
    } finally {
      this.#running.delete(erasing);
    }
  }

  /** Waits until none is left in halves, at most half of the time; resolves to what is left of it. */
  async settled(timeoutMillis: number): Promise<number> {
    if (this.#running.size === 0) return timeoutMillis;
    const deadline = new Deadline(timeoutMillis);
    await settlesWithin(Promise.allSettled(this.#running), timeoutMillis / 2);
    return deadline.left;
  }
}
