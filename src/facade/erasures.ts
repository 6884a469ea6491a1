import type { SessionEraser } from '../entry/erasure.ts';
import { unclaimedErasers } from '../entry/unclaimed-erasers.ts';
import type { SessionStore } from '../store/session-store.ts';
import { Deadline, settlesWithin } from '../support/timeouts.ts';
import type { ErasureReceipt } from './erasure-receipt.ts';

/** Where an instance holds text of sessions. */
export interface SessionPlaces {
  readonly store: SessionStore;
  /** The known processors that got its records. */
  readonly erasers: Iterable<SessionEraser>;
  /** Drops what its writer holds back. */
  readonly forget: () => void;
}

/** The running erasures of an instance. */
export class Erasures {
  readonly #running = new Set<Promise<ErasureReceipt>>();

  /** See `SessionLogs.eraseSession`. */
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

  /** Waits until no erasure is half done, for at most half of the time; resolves to the time that is left. */
  async settled(timeoutMillis: number): Promise<number> {
    if (this.#running.size === 0) return timeoutMillis;
    const deadline = new Deadline(timeoutMillis);
    await settlesWithin(Promise.allSettled(this.#running), timeoutMillis / 2);
    return deadline.left;
  }
}
