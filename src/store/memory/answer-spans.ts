import { isReplacedEnd } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { StreamState } from '../session-store.ts';

/** The positions of an answer in its session's log, both ends included. */
export interface AnswerSpan {
  readonly streamId: string | undefined;
  readonly start: number;
  /** `Infinity` while the answer runs. */
  end: number;
  /** Whether another answer replaced it. */
  isAbandoned: boolean;
}

/**
 * The relevant answers of one session, oldest first: running ones, those with held entries, and the latest one, so that
 * its start is known.
 *
 * A session has no such object until its first answer starts.
 */
export class AnswerSpans {
  #spans: AnswerSpan[] = [];

  /** Notes a `stream-start` that does not go on with an answer, or a `stream-end`. */
  note(position: number, detail: EntryDetail): void {
    if (detail.kind === 'stream-start') {
      this.#close(position - 1, detail.streamId, true);
      this.#spans.push({ streamId: detail.streamId, start: position, end: Infinity, isAbandoned: false });
    } else {
      this.#close(position, detail.streamId, isReplacedEnd(detail));
    }
  }

  #close(position: number, streamId: string | undefined, isAbandoned: boolean): void {
    const span = this.#spans.findLast((candidate) => candidate.streamId === streamId);
    if (span === undefined || span.end !== Infinity) return;
    span.end = position;
    span.isAbandoned = isAbandoned;
  }

  /** The span of the answer with this stream id (or of the one without) that contains the position. */
  at(position: number, streamId: string | undefined): AnswerSpan | undefined {
    return this.#spans.findLast((span) => span.streamId === streamId && span.start <= position && position <= span.end);
  }

  /** The state of the answer that contains the position; for an abandoned one, that of the answer that replaced it. */
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

  /** The answer that started last, if it did so at `from` or later. */
  latestSince(from: number): AnswerSpan | undefined {
    const latest = this.#spans.at(-1);
    return latest !== undefined && latest.start >= from ? latest : undefined;
  }

  /** Ends every running answer, because the session's life is over. */
  closeAll(position: number): void {
    for (const span of this.#spans) if (span.end === Infinity) span.end = position;
  }

  /**
   * Forgets answers without held entries. If there are more answers than entries, it also forgets answers that never
   * ended, so that starts without ends cannot grow without limit.
   */
  trim(firstHeld: number, entriesHeld: number): void {
    const spans = this.#spans;
    // Called for each dropped entry: look only at the oldest, and rebuild only if it pays.
    const oldest = spans[0] as AnswerSpan;
    if (spans.length < 2 || (oldest.end >= firstHeld && spans.length <= 2 * entriesHeld + 1)) return;
    const latest = spans.at(-1);
    this.#spans = spans.filter((span) => span === latest || span.end >= firstHeld).slice(-(entriesHeld + 1));
  }

  get size(): number {
    return this.#spans.length;
  }
}
