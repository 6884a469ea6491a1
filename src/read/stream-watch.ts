import { isAbandonedEnd } from '../entry/entry-detail.ts';
import type { EntryDetail } from '../entry/entry-detail.ts';
import type { StreamState } from '../store/session-store.ts';

/** Watches for the end of the stream that a reader's first chat entry belongs to. */
export class StreamWatch {
  /** `undefined` until the first chat entry; then whose end counts. */
  #target: { readonly streamId: string | undefined } | 'any' | undefined = undefined;

  /** Whether the reader's stream ends with this chat entry. */
  meet(
    detail: EntryDetail | undefined,
    stateOfEntry: () => StreamState | Promise<StreamState>,
  ): 'last' | 'more' | Promise<void> {
    if (this.#target === undefined) {
      const streamId = detail?.streamId;
      if (streamId !== undefined || detail?.kind === 'stream-start' || detail?.kind === 'stream-end') {
        this.#target = { streamId };
      } else {
        // Outside any stream the next end counts, whosever it is; inside the one without an id, only its own.
        const state = stateOfEntry();
        if (typeof state !== 'string') {
          return state.then((answer) => {
            this.#target = answer === 'none' ? 'any' : { streamId: undefined };
          });
        }
        this.#target = state === 'none' ? 'any' : { streamId: undefined };
      }
    }
    if (detail?.kind !== 'stream-end' || isAbandonedEnd(detail)) return 'more';
    return this.#target === 'any' || this.#target.streamId === detail.streamId ? 'last' : 'more';
  }
}
