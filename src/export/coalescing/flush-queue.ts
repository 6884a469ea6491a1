import { settlesWithin, within } from '../../support/timeouts.ts';

const FLUSH_TIMEOUT_MILLIS = 30_000;
const SHUTDOWN_TIMEOUT_MILLIS = 10_000;

/** The inner processor. Both methods get the time-out, which processors of the SDK ignore. */
interface FlushTarget {
  forceFlush(options?: { readonly timeoutMillis?: number }): Promise<void>;
  shutdown(options?: { readonly timeoutMillis?: number }): Promise<void>;
}

/**
 * Runs the flushes and the shutdown of an inner processor one after the other: the SDK's batch processor resolves a second
 * `forceFlush` at once, and loses records when it is shut down during a flush.
 *
 * Callers that arrive while a flush runs share the next one.
 */
export class FlushQueue {
  readonly #name: string;
  readonly #inner: FlushTarget;
  #running: Promise<void> = Promise.resolve();
  #next: { promise: Promise<void>; timeoutMillis: number } | undefined;
  #shutdown: Promise<void> | undefined;

  constructor(name: string, inner: FlushTarget) {
    this.#name = name;
    this.#inner = inner;
  }

  /** Resolves when a flush of the inner processor has ended that began after this call. */
  forceFlush(timeoutMillis: number = FLUSH_TIMEOUT_MILLIS): Promise<void> {
    if (this.#shutdown !== undefined) return this.#shutdown;
    const next = (this.#next ??= this.#enqueue(timeoutMillis));
    next.timeoutMillis = Math.max(next.timeoutMillis, timeoutMillis);
    return within(next.promise, timeoutMillis, 'flush_timeout', `${this.#name}: forceFlush`);
  }

  #enqueue(timeoutMillis: number): { promise: Promise<void>; timeoutMillis: number } {
    const flush = { promise: this.#running, timeoutMillis };
    flush.promise = this.#running.then(() => {
      this.#next = undefined;
      return this.#inner.forceFlush({ timeoutMillis: flush.timeoutMillis });
    });
    this.#running = flush.promise.catch(() => {
      // Each caller gets the rejection; the queue waits for the end only.
    });
    return flush;
  }

  /** Shuts the inner processor down after the running flush, but no later than half of the time allowed. */
  shutdown(timeoutMillis: number = SHUTDOWN_TIMEOUT_MILLIS): Promise<void> {
    return (this.#shutdown ??= within(
      this.#afterFlushes(timeoutMillis / 2).then(() => this.#inner.shutdown({ timeoutMillis })),
      timeoutMillis,
      'shutdown_timeout',
      `${this.#name}: shutdown`,
    ));
  }

  async #afterFlushes(patienceMillis: number): Promise<void> {
    // A flush that hangs must not keep the inner processor from being shut down.
    await settlesWithin(this.#running, patienceMillis);
  }
}
