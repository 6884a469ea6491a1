import { startTimer } from '../../support/timers.ts';

/** Callers that wait until something is settled. */
export class FlushWaiters {
  readonly #waiters = new Set<{ readonly isDone: () => boolean; readonly settle: (isDone: boolean) => void }>();

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Resolves to whether the condition holds, after the timeout at the latest. The timer keeps the process alive,
   * because a caller waits for the result.
   */
  wait(isDone: () => boolean, timeoutMillis: number): Promise<boolean> {
    if (isDone()) return Promise.resolve(true);
    return new Promise<boolean>((resolve) => {
      const waiter = {
        isDone,
        settle: (result: boolean): void => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(result);
        },
      };
      const timer = startTimer(() => waiter.settle(isDone()), timeoutMillis);
      this.#waiters.add(waiter);
    });
  }

  /** Checks every condition: something was settled. */
  check(): void {
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.settle(true);
  }

  /** Ends every wait: nothing more will be settled. */
  end(): void {
    for (const waiter of this.#waiters) waiter.settle(waiter.isDone());
  }
}
