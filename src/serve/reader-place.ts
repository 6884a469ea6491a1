import type { SessionCursor, SessionStore } from '../store/session-store.ts';
import { startTimer } from '../support/timers.ts';

/** How long a place is kept for a body that is not pulled, so that a framework can run its hooks first. */
export const PLACE_MILLIS = 2_000;

/**
 * A place among the readers that a store admits, taken when a client is answered and held until its reader reads. So
 * the status is known before the reader begins, and no other client can take the place meanwhile.
 */
export class ReaderPlace {
  readonly #cursor: SessionCursor;
  #timer: NodeJS.Timeout | undefined;

  private constructor(cursor: SessionCursor, onGivenUp: () => void) {
    this.#cursor = cursor;
    // A framework may silently throw a response away unread, as for a HEAD request.
    this.#timer = startTimer(() => {
      this.leave();
      onGivenUp();
    }, PLACE_MILLIS).unref();
  }

  /**
   * @param onGivenUp Called if the body is not pulled in time.
   * @returns `undefined` if a limit of readers is reached.
   */
  static take(store: SessionStore, sessionId: string, onGivenUp: () => void): ReaderPlace | undefined {
    const cursor = store.open(sessionId, { from: 'now', isBounded: true });
    if (cursor.enter(true) === true) return new ReaderPlace(cursor, onGivenUp);
    cursor.leave();
    return undefined;
  }

  /** The client reads: keeps the place until `leave()`. */
  keep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Frees the place. Idempotent. A reader that begins to read in the same turn gets the place. */
  leave(): void {
    this.keep();
    this.#cursor.leave();
  }
}
