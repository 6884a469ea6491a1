import type { SessionCursor, SessionStore } from '../store/session-store.ts';
import { startTimer } from '../support/timers.ts';

/** How long a place is kept for a body that is not pulled: time for the hooks that a framework runs first. */
export const PLACE_MILLIS = 2_000;

/**
 * A place among the readers that a store lets in, taken when a client is answered and held until its reader reads. So the
 * answer is known before the reader begins, and no other client can take the place in between.
 */
export class ReaderPlace {
  readonly #cursor: SessionCursor;
  #timer: NodeJS.Timeout | undefined;

  private constructor(cursor: SessionCursor, onGivenUp: () => void) {
    this.#cursor = cursor;
    // A framework may throw a response away unread, as it does for a HEAD request, and does not say so.
    this.#timer = startTimer(() => {
      this.leave();
      onGivenUp();
    }, PLACE_MILLIS).unref();
  }

  /**
   * @param onGivenUp Called when the body was not pulled in time.
   * @returns `undefined`: a bound of readers is reached.
   */
  static take(store: SessionStore, sessionId: string, onGivenUp: () => void): ReaderPlace | undefined {
    const cursor = store.open(sessionId, { from: 'now', isBounded: true });
    if (cursor.enter(true) === true) return new ReaderPlace(cursor, onGivenUp);
    cursor.leave();
    return undefined;
  }

  /** The client reads: the place is kept until it is left. */
  keep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Idempotent. A reader that begins to read in the same turn has the place. */
  leave(): void {
    this.keep();
    this.#cursor.leave();
  }
}
