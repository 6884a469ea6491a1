import { SessionLogsError } from '../support/errors.ts';
import { Deadline, settlesWithin, within } from '../support/timeouts.ts';

const FLUSH_TIMEOUT_MILLIS = 30_000;
const SHUTDOWN_TIMEOUT_MILLIS = 10_000;

/** The inner processor. Both methods get the time that is left; the SDK's processors ignore it. */
interface FlushTarget {
  forceFlush(options?: { readonly timeoutMillis?: number }): Promise<void>;
  shutdown(options?: { readonly timeoutMillis?: number }): Promise<void>;
}

/** A waiting or running flush of the inner processor, which callers share. */
interface Flush {
  /** The deadline of the caller with the most time. */
  deadline: Deadline;
  /** The time that the inner processor got. */
  givenMillis: number;
  /** Resolves when the flush has begun. */
  begun: Promise<void>;
  ended: Promise<void>;
}

/**
 * Runs the flushes and the shutdown of an inner processor one after the other: the SDK's batch processor resolves a
 * second `forceFlush` at once, and loses records when it is shut down during a flush.
 *
 * Callers that arrive while a flush runs share the next one. Their timers start after that of the inner processor, so
 * that a processor that keeps its time limit can first say how many records are pending.
 */
export class FlushQueue {
  readonly #name: string;
  readonly #inner: FlushTarget;
  #running: Promise<void> = Promise.resolve();
  #next: Flush | undefined;
  #shutdown: Promise<void> | undefined;

  constructor(name: string, inner: FlushTarget) {
    this.#name = name;
    this.#inner = inner;
  }

  /** Resolves when a flush of the inner processor that began after this call has ended. */
  async forceFlush(timeoutMillis: number = FLUSH_TIMEOUT_MILLIS): Promise<void> {
    const what = `${this.#name}: forceFlush`;
    if (this.#shutdown !== undefined) return within(this.#shutdown, timeoutMillis, 'flush_timeout', what);
    const deadline = new Deadline(timeoutMillis);
    const flush = (this.#next ??= this.#enqueue(deadline));
    if (deadline.left > flush.deadline.left) flush.deadline = deadline;
    const hasBegun = await settlesWithin(flush.begun, timeoutMillis);
    const leftMillis = flush.deadline === deadline ? flush.givenMillis : deadline.left;
    if (hasBegun && (await settlesWithin(flush.ended, leftMillis))) return;
    throw new SessionLogsError('flush_timeout', `${what} did not end within ${timeoutMillis} ms`);
  }

  #enqueue(deadline: Deadline): Flush {
    const flush: Flush = { deadline, givenMillis: 0, begun: this.#running, ended: this.#running };
    flush.begun = this.#running.then(() => {
      this.#next = undefined;
      flush.givenMillis = flush.deadline.left;
      flush.ended = (async () => this.#inner.forceFlush({ timeoutMillis: flush.givenMillis }))();
    });
    this.#running = flush.begun
      .then(() => flush.ended)
      .catch(() => {
        // Each caller gets the rejection; the queue only waits for the end.
      });
    return flush;
  }

  /** Shuts the inner processor down after the running flush, but no later than half of the time allowed. */
  shutdown(timeoutMillis: number = SHUTDOWN_TIMEOUT_MILLIS): Promise<void> {
    return (this.#shutdown ??= this.#end(timeoutMillis));
  }

  async #end(timeoutMillis: number): Promise<void> {
    const deadline = new Deadline(timeoutMillis);
    // A flush that hangs must not keep the inner processor from being shut down.
    await settlesWithin(this.#running, timeoutMillis / 2);
    const { left } = deadline;
    const ended = (async () => this.#inner.shutdown({ timeoutMillis: left }))();
    if (await settlesWithin(ended, left)) return;
    throw new SessionLogsError('shutdown_timeout', `${this.#name}: shutdown did not end within ${timeoutMillis} ms`);
  }
}
