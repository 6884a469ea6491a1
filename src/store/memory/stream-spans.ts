import { isAbandonedEnd } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { StreamState } from '../session-store.ts';

/** Where a stream lies in its session's log, both ends included. */
export interface StreamSpan {
  readonly streamId: string | undefined;
  readonly start: number;
  /** `Infinity` while the stream runs. */
  end: number;
  /** Another stream took its place. */
  isAbandoned: boolean;
}

/**
 * The streams of one session that are still of interest, oldest first: those that run and those of which an entry is held.
 *
 * A session has none until its first stream starts.
 */
export class StreamSpans {
  #spans: StreamSpan[] = [];

  /** Notes a `stream-start` or `stream-end` entry. */
  note(position: number, detail: EntryDetail): void {
    if (detail.kind === 'stream-start') {
      this.#close(position - 1, detail.streamId, true);
      this.#spans.push({ streamId: detail.streamId, start: position, end: Infinity, isAbandoned: false });
    } else {
      this.#close(position, detail.streamId, isAbandonedEnd(detail));
    }
  }

  #close(position: number, streamId: string | undefined, isAbandoned: boolean): void {
    const span = this.#spans.findLast((candidate) => candidate.streamId === streamId);
    if (span === undefined || span.end !== Infinity) return;
    span.end = position;
    span.isAbandoned = isAbandoned;
  }

  /** The span of the stream with that id (or of the one without) that the position lies in. */
  at(position: number, streamId: string | undefined): StreamSpan | undefined {
    return this.#spans.findLast((span) => span.streamId === streamId && span.start <= position && position <= span.end);
  }

  /** Whether the stream that the position lies in runs; of an abandoned one the stream that took its place counts. */
  stateAt(position: number, streamId: string | undefined): StreamState {
    let span = this.at(position, streamId);
    while (span?.isAbandoned === true) {
      const { end } = span;
      const successor = this.#spans.find((candidate) => candidate.streamId === streamId && candidate.start > end);
      if (successor === undefined) break;
      span = successor;
    }
    if (span === undefined) return 'none';
    return span.end === Infinity ? 'running' : 'finished';
  }

  /** The stream that started last, if it did so at `from` or later. */
  latestSince(from: number): StreamSpan | undefined {
    const latest = this.#spans.at(-1);
    return latest !== undefined && latest.start >= from ? latest : undefined;
  }

  /** Ends every stream that runs: the session's life is over. */
  closeAll(position: number): void {
    for (const span of this.#spans) if (span.end === Infinity) span.end = position;
  }

  /**
   * Forgets streams of which nothing is held. A stream that never ends is forgotten too once there are more streams
   * than entries, so that starts without ends cannot grow without bound.
   */
  trim(firstHeld: number, entriesHeld: number): void {
    const spans = this.#spans;
    // Called for each dropped entry: look at the oldest only, and rebuild when something is to be gained.
    const oldest = spans[0];
    if (oldest === undefined || (oldest.end >= firstHeld && spans.length <= 2 * entriesHeld + 1)) return;
    this.#spans = spans.filter((span) => span.end >= firstHeld).slice(-(entriesHeld + 1));
  }

  get size(): number {
    return this.#spans.length;
  }
}
