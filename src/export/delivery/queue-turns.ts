import type { SegmentQueue } from '../spool/segment-queue.ts';
import { pauseOfRefused } from './back-off.ts';

/** The facts that decide which queue's turn it is. */
export interface QueueState {
  readonly own: SegmentQueue;
  readonly adopted: SegmentQueue | undefined;
  /** Whether own records are to be sent now. */
  readonly isOwnDue: boolean;
  /** Whether a flush waits for own records. */
  readonly isFlushing: boolean;
}

/**
 * Decides which queue is sent: this process's own while a flush waits for it; otherwise both take turns, so that
 * neither waits for the other's backlog. A queue whose every record is refused pauses while the other goes on.
 */
export class QueueTurns {
  #last: SegmentQueue | undefined;
  readonly #refusedSince = new Map<SegmentQueue, number>();

  next(state: QueueState): SegmentQueue | undefined {
    const { own, adopted, isFlushing } = state;
    const isOwnReady = state.isOwnDue && own.pending > 0 && this.#pause(own, state) === 0;
    const isAdoptedReady = adopted !== undefined && adopted.pending > 0 && this.#pause(adopted, state) === 0;
    if (isOwnReady && (isFlushing || !isAdoptedReady || this.#last !== own)) return (this.#last = own);
    return isAdoptedReady ? (this.#last = adopted) : undefined;
  }

  /** Called when the collector refuses every record at the head of this queue. The records may be the cause. */
  refused(queue: SegmentQueue): void {
    this.#refusedSince.set(queue, performance.now());
  }

  /** Milliseconds until a pausing queue gets its turn; `undefined` if none is pausing. */
  pauseLeft(state: QueueState): number | undefined {
    const left = [...this.#refusedSince.keys()].map((queue) => this.#pause(queue, state));
    return left.length === 0 ? undefined : Math.max(1, Math.min(...left));
  }

  #pause(queue: SegmentQueue, { own, isFlushing }: QueueState): number {
    const since = this.#refusedSince.get(queue);
    if (since === undefined) return 0;
    const left = pauseOfRefused(since, queue === own && isFlushing);
    if (left === 0) this.#refusedSince.delete(queue);
    return left;
  }
}
