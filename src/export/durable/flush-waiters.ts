/** Callers that wait until something is settled. */
export class FlushWaiters {
  readonly #waiters = new Set<{ readonly isDone: () => boolean; readonly settle: (isDone: boolean) => void }>();

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Resolves to whether the condition holds, at the latest after the timeout. The timer keeps the process alive:
   * somebody waits for it.
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
      // Node takes a longer delay for none at all.
      const timer = setTimeout(() => waiter.settle(isDone()), Math.min(timeoutMillis, 2 ** 31 - 1));
      this.#waiters.add(waiter);
    });
  }

  /** Something was settled: looks at every condition. */
  check(): void {
    for (const waiter of this.#waiters) if (waiter.isDone()) waiter.settle(true);
  }

  /** Nothing will be settled any more. */
  end(): void {
    for (const waiter of this.#waiters) waiter.settle(waiter.isDone());
  }
}
