import type { CoalescedAnswer } from './coalesced-answer.ts';

/** The answers of one session, without and with a stream id. */
interface SessionAnswers {
  unnamed: CoalescedAnswer | undefined;
  named: Map<string, CoalescedAnswer> | undefined;
}

/**
 * The open answers, by session and stream id. The maps are nested because ids are arbitrary strings that cannot be
 * joined into a safe key, and because then no key has to be built for each chunk.
 */
export class AnswerTable {
  readonly #bySession = new Map<string, SessionAnswers>();
  /** All answers, oldest first. */
  readonly #all = new Set<CoalescedAnswer>();

  get size(): number {
    return this.#all.size;
  }

  get oldest(): CoalescedAnswer | undefined {
    return this.#all.values().next().value;
  }

  get(sessionId: string, streamId: string | undefined): CoalescedAnswer | undefined {
    const answers = this.#bySession.get(sessionId);
    if (answers === undefined) return undefined;
    return streamId === undefined ? answers.unnamed : answers.named?.get(streamId);
  }

  add(answer: CoalescedAnswer): void {
    let answers = this.#bySession.get(answer.sessionId);
    if (answers === undefined) {
      answers = { unnamed: undefined, named: undefined };
      this.#bySession.set(answer.sessionId, answers);
    }
    if (answer.streamId === undefined) answers.unnamed = answer;
    else (answers.named ??= new Map<string, CoalescedAnswer>()).set(answer.streamId, answer);
    this.#all.add(answer);
  }

  delete(answer: CoalescedAnswer): void {
    if (!this.#all.delete(answer)) return;
    const answers = this.#bySession.get(answer.sessionId);
    if (answers === undefined) return;
    if (answer.streamId === undefined) answers.unnamed = undefined;
    else answers.named?.delete(answer.streamId);
    if (answers.unnamed === undefined && (answers.named?.size ?? 0) === 0) this.#bySession.delete(answer.sessionId);
  }

  /** The answers of one session, in a new array. */
  ofSession(sessionId: string): CoalescedAnswer[] {
    const answers = this.#bySession.get(sessionId);
    if (answers === undefined) return [];
    const unnamed = answers.unnamed === undefined ? [] : [answers.unnamed];
    return [...unnamed, ...(answers.named?.values() ?? [])];
  }

  /** All answers, oldest first, in a new array. */
  all(): CoalescedAnswer[] {
    return [...this.#all];
  }
}
