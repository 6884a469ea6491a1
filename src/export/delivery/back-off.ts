/** The pause after a first failure, which doubles from then on, up to the longest. */
export const FIRST_PAUSE_MILLIS = 1_000;
const LONGEST_PAUSE_MILLIS = 30_000;
/** The longest pause while a flush waits, or after one begins. */
const PAUSE_OF_FLUSH_MILLIS = 2_000;
/** A failure that does not pass by itself counts as this many. */
const LASTING_FAILURES = 6;

/** Computes how long to pause after a failure of the collector. A flush shortens the current pause, once. */
export class BackOff {
  #failures = 0;
  #until = 0;
  #isShortened = false;

  /** Whether the last attempt failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** @param isLasting Whether the failure does not pass by itself. */
  failed(isLasting: boolean): void {
    this.#failures = isLasting ? Math.max(this.#failures + 1, LASTING_FAILURES) : this.#failures + 1;
    // Jitter, because many processes may lose the same collector at the same moment.
    const pause = FIRST_PAUSE_MILLIS * 2 ** (this.#failures - 1) * (0.8 + Math.random() * 0.4);
    this.#until = performance.now() + Math.min(LONGEST_PAUSE_MILLIS, pause);
    this.#isShortened = false;
  }

  /** Milliseconds until the next attempt. */
  left(isFlushing: boolean): number {
    const now = performance.now();
    if (isFlushing && !this.#isShortened) {
      this.#isShortened = true;
      this.#until = Math.min(this.#until, now + PAUSE_OF_FLUSH_MILLIS);
    }
    return Math.max(0, this.#until - now);
  }
}

/** Milliseconds left of the pause of a queue whose every record was refused, counted from `since`. */
export function pauseOfRefused(since: number, isFlushing: boolean): number {
  return Math.max(0, since + (isFlushing ? PAUSE_OF_FLUSH_MILLIS : LONGEST_PAUSE_MILLIS) - performance.now());
}
