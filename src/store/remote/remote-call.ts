import { startInterval } from '../../support/timers.ts';
import { RemoteRefusal } from './remote-log.ts';

/** What is not answered in this time has come to nothing, as far as anybody knows. */
const ANSWER_MILLIS = 10_000;
const LOOK_MILLIS = 1_000;

const FIRST_BACKOFF_MILLIS = 50;
const LAST_BACKOFF_MILLIS = 2_000;

/** The wait before the next attempt: 50 ms doubled with each failure up to 2 s, of which a random half is left out. */
export function backoffMillis(failures: number): number {
  const full = Math.min(FIRST_BACKOFF_MILLIS * 2 ** Math.min(failures, 10), LAST_BACKOFF_MILLIS);
  return full * (0.5 + Math.random() / 2);
}

/** A call of a log that came to nothing. The cause is a {@link RemoteRefusal}, or anything else where nobody knows. */
export class CallFailed extends Error {
  constructor(cause: unknown) {
    super('A call of the remote log failed', { cause });
  }
}

interface Awaited {
  readonly sinceMillis: number;
  readonly giveUp: () => void;
}

/** The calls of a log that a store waits for. One timer looks after all: one for each is more than the rest of a call. */
export class RemoteCalls {
  /** Oldest first. */
  readonly #awaited = new Set<Awaited>();
  #timer: NodeJS.Timeout | undefined;
  /** Since when the log has answered every call, be it with a refusal; `Infinity`: it does not. */
  answersSinceMillis: number = -Infinity;

  /**
   * The answer of a log, which others wrote: it may throw, hang, or answer late. The process stays alive meanwhile.
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
        giveUp: () => failed(new Error(`no answer in ${ANSWER_MILLIS} ms`)),
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

  /** A function of its own: the timer would hold what the first call had. */
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
