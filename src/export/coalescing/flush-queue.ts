import { settlesWithin, within } from '../../support/timeouts.ts';

const FLUSH_TIMEOUT_MILLIS = 30_000;
const SHUTDOWN_TIMEOUT_MILLIS = 10_000;

/** An inner processor's ends. The SDK passes no time to either; a processor that knows the option gets it. */
interface Ends {
  forceFlush(options?: { readonly timeoutMillis?: number }): Promise<void>;
  shutdown(options?: { readonly timeoutMillis?: number }): Promise<void>;
}

/**
 * The flushes and the shutdown of an inner processor, one after the other: the SDK's batch processor answers a second
 * `forceFlush` at once, and a shutdown during a flush loses records.
 *
 * Callers that arrive while one flush runs share the next.
 */
export class FlushQueue {
  readonly #owner: string;
  readonly #inner: Ends;
  #running: Promise<void> = Promise.resolve();
  #next: { promise: Promise<void>; timeoutMillis: number } | undefined;
  #shutdown: Promise<void> | undefined;

  constructor(owner: string, inner: Ends) {
    this.#owner = owner;
    this.#inner = inner;
  }

  /** Resolves when a flush of the inner processor that began after this call is over. */
  forceFlush(timeoutMillis: number = FLUSH_TIMEOUT_MILLIS): Promise<void> {
    if (this.#shutdown !== undefined) return this.#shutdown;
    const next = (this.#next ??= this.#enqueue(timeoutMillis));
    next.timeoutMillis = Math.max(next.timeoutMillis, timeoutMillis);
    return within(next.promise, timeoutMillis, 'flush_timeout', `${this.#owner}: forceFlush`);
  }

  #enqueue(timeoutMillis: number): { promise: Promise<void>; timeoutMillis: number } {
    const flush = { promise: this.#running, timeoutMillis };
    flush.promise = this.#running.then(() => {
      this.#next = undefined;
      return this.#inner.forceFlush({ timeoutMillis: flush.timeoutMillis });
    });
    this.#running = flush.promise.catch(() => {
      // Each caller gets the rejection; the queue only waits for the end.
    });
    return flush;
  }

  /** Shuts the inner processor down after the running flush, but no later than half of the time allowed. */
  shutdown(timeoutMillis: number = SHUTDOWN_TIMEOUT_MILLIS): Promise<void> {
    return (this.#shutdown ??= within(
      this.#afterFlushes(timeoutMillis / 2).then(() => this.#inner.shutdown({ timeoutMillis })),
      timeoutMillis,
      'shutdown_timeout',
      `${this.#owner}: shutdown`,
    ));
  }

  async #afterFlushes(patienceMillis: number): Promise<void> {
    // A flush that hangs must not keep the inner processor from being shut down.
    await settlesWithin(this.#running, patienceMillis);
  }
}
