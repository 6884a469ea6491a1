import { isReplacedEnd, kindOf } from '../entry/entry-detail.ts';
import type { EntryDetail } from '../entry/entry-detail.ts';
import type { StreamState } from '../store/session-store.ts';

/**
 * Finds the end of the answer that a reader's first chat entry belongs to. An answer spans from a `stream-start` to its
 * `stream-end`.
 */
export class AnswerWatch {
  /**
   * The answer that ends the reader: the one with this stream id, or `'any'`. `undefined` until the first chat entry.
   */
  #answer: { readonly streamId: string | undefined } | 'any' | undefined = undefined;

  get isKnown(): boolean {
    return this.#answer !== undefined;
  }

  /** Learns the answer from the first chat entry. `false`: the entry does not tell; ask the store. */
  learnFrom(detail: EntryDetail | undefined): boolean {
    const kind = kindOf(detail);
    if (detail?.streamId === undefined && kind !== 'stream-start' && kind !== 'stream-end') return false;
    this.#answer = { streamId: detail?.streamId };
    return true;
  }

  /** Learns the answer from what the store says of the first chat entry, which has no stream id. */
  learnFromState(state: StreamState): void {
    // Outside any answer the next end counts, of any answer; inside the answer without an id, only its own end.
    this.#answer = state === 'none' ? 'any' : { streamId: undefined };
  }

  /** Whether the answer ends with this chat entry. If another answer replaced it, it goes on with that one. */
  endsWith(detail: EntryDetail | undefined): boolean {
    if (detail?.kind !== 'stream-end' || isReplacedEnd(detail)) return false;
    return this.#answer === 'any' || this.#answer?.streamId === detail.streamId;
  }
}
