import { startInterval } from '../../support/timers.ts';
import { RemoteRefusal } from './remote-log.ts';

/** A call that is not answered in this time counts as failed, with an unknown outcome. */
const ANSWER_MILLIS = 10_000;
const LOOK_MILLIS = 1_000;

const FIRST_BACKOFF_MILLIS = 50;
const LAST_BACKOFF_MILLIS = 2_000;

/** The wait before the next attempt: 50 ms, doubled with each failure up to 2 s, minus up to half at random. */
export function backoffMillis(failures: number): number {
  const full = Math.min(FIRST_BACKOFF_MILLIS * 2 ** Math.min(failures, 10), LAST_BACKOFF_MILLIS);
  return full * (0.5 + Math.random() / 2);
}

/** A failed call of a log. The cause is a {@link RemoteRefusal}, or anything else if the outcome is unknown. */
export class CallFailed extends Error {
  constructor(cause: unknown) {
    super('A call of the remote log failed', { cause });
  }
}

interface Awaited {
  readonly sinceMillis: number;
  readonly giveUp: () => void;
}

/**
 * The calls of a log that a store waits for. One timer serves all, because one for each would cost more than the rest
 * of a call.
 */
export class RemoteCalls {
  /** Oldest first. */
  readonly #awaited = new Set<Awaited>();
  #timer: NodeJS.Timeout | undefined;
  /** Since when the log has answered every call, even if with a refusal; `Infinity` if it does not. */
  answersSinceMillis: number = -Infinity;

  /**
   * Returns the answer of a log, which is foreign code: it may throw, hang, or answer late. Keeps the process alive
   * meanwhile.
   *
   * @throws CallFailed
   */
  answerOf<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const failed = (error: unknown): void => {
        this.#forget(waiting);
        if (error instanceof RemoteRefusal) this.#noteAnswer();
        else this.answersSinceMillis = Infinity;
        reject(new CallFailed(error));
      };
      const waiting: Awaited = {
        sinceMillis: performance.now(),
        giveUp: () => failed(new Error(`no answer within ${ANSWER_MILLIS} ms`)),
      };
      this.#await(waiting);
      try {
        call().then((answer) => {
          this.#forget(waiting);
          this.#noteAnswer();
          resolve(answer);
        }, failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  #noteAnswer(): void {
    if (this.answersSinceMillis === Infinity) this.answersSinceMillis = performance.now();
  }

  /** A function of its own, because otherwise the timer would keep the first call's values alive. */
  #await(waiting: Awaited): void {
    this.#awaited.add(waiting);
    this.#timer ??= startInterval(() => this.#lookForLate(), LOOK_MILLIS);
    if (this.#awaited.size === 1) this.#timer.ref();
  }

  #forget(waiting: Awaited): void {
    if (this.#awaited.delete(waiting) && this.#awaited.size === 0) this.#timer?.unref();
  }

  #lookForLate(): void {
    const due = performance.now() - ANSWER_MILLIS;
    for (const each of this.#awaited) {
      if (each.sinceMillis > due) break;
      each.giveUp();
    }
    if (this.#awaited.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
