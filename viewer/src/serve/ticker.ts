import type { SessionModel } from '../model/session-model.ts';

/** How often streams look for what is new. What comes in between is sent together. */
const TICK_MILLIS = 20;

/** Wakes the streams of all pages together, at most 50 times a second, and not at all while none waits. */
export class Ticker {
  readonly #model: SessionModel;
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(model: SessionModel) {
    this.#model = model;
  }

  /** Resolves when the model's cursor has moved on, after the time, at the abort, or when the ticker is closed. */
  async next(cursor: number, maxMillis: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + maxMillis;
    // At least one tick, so that a burst is sent together.
    do await this.#tick(signal);
    while (!signal.aborted && !this.#isClosed && this.#model.cursor === cursor && performance.now() < end);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  #tick(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
      this.#timer ??= setInterval(() => this.#wake(), TICK_MILLIS).unref();
    });
  }

  #wake(): void {
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    // Each wait removes itself, which a set allows during the iteration.
    for (const done of this.#waiting) done();
  }

  /** Ends all waits, now and later. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
    clearInterval(this.#timer);
  }
}
