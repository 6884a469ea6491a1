import { isChat } from '../entry/entry-detail.ts';
import type { EntryDetail } from '../entry/entry-detail.ts';
import { isControlKind } from '../entry/tokens.ts';
import type { Step, StreamState } from '../store/session-store.ts';
import { AnswerWatch } from './answer-watch.ts';
import type { EndReason } from './end-reason.ts';
import type { ReaderPlan } from './reader-plan.ts';

/**
 * What a reader does about a step of its cursor.
 *
 * - `'deliver'`: hands the entry to its consumer.
 * - `'skip'`: steps on.
 * - `'wait'`: waits for more.
 * - An `EndReason`: ends.
 */
export type Decision = 'deliver' | 'skip' | 'wait' | EndReason;

/** Decides which entries one reader delivers and when it ends. Knows neither the store nor the consumer. */
export class ReaderRules {
  readonly #plan: ReaderPlan;
  /** Only in a reader that ends with an answer. */
  readonly #answer: AnswerWatch | undefined;
  /**
   * `true` once a plain chunk was delivered: then every later one is delivered too, since plain chunks differ in
   * nothing that a rule looks at, and rules do not unlearn. Nearly every entry is one, so this saves readers the
   * question.
   */
  deliversPlainChunks = false;
  #endsAfter: EndReason | undefined = undefined;
  /** `'due'`: log entries were left out and no chat entry came. `'settled'`: the hint was given, or is not needed. */
  #hint: 'none' | 'due' | 'settled';

  constructor(plan: ReaderPlan) {
    this.#plan = plan;
    this.#answer = plan.until === 'stream-end' ? new AnswerWatch() : undefined;
    this.#hint = plan.logType === 'chat' && plan.yields === 'message' ? 'none' : 'settled';
  }

  /** Why the reader ends after the entry delivered last; `undefined` if it goes on. */
  get endsAfter(): EndReason | undefined {
    return this.#endsAfter;
  }

  /**
   * `'ask-state'`: pass what the store says of the entry to `learnState`, then decide the same entry again.
   *
   * @param detail The entry's detail; `undefined` for a plain chunk.
   */
  decideEntry(detail: EntryDetail | undefined): Decision | 'ask-state' {
    let end: EndReason | undefined;
    if (isChat(detail)) {
      this.#hint = 'settled';
      const answer = this.#answer;
      if (answer !== undefined && !answer.isKnown && !answer.learnFrom(detail)) return 'ask-state';
      end = this.#endWith(detail);
    }
    if (isDelivered(this.#plan, detail)) {
      this.#endsAfter = end;
      if (detail === undefined) this.deliversPlainChunks = true;
      return 'deliver';
    }
    if (this.#hint === 'none') this.#hint = 'due';
    return end ?? 'skip';
  }

  /** Takes the store's answer to `'ask-state'`. */
  learnState(state: StreamState): void {
    this.#answer?.learnFromState(state);
  }

  /** @param hasBegun Whether the reader has delivered an entry or waited for one. */
  decideStep(step: Exclude<Step, 'entry'>, hasBegun: boolean): Decision {
    const plan = this.#plan;
    switch (step) {
      case 'end':
        // A reader that has not begun passes the mark: it waits for the next life.
        return hasBegun || plan.wait !== true ? 'session-end' : 'skip';
      case 'empty-end':
        // There was nothing to begin with.
        return 'session-end';
      case 'none':
        return this.#waitOrEnd();
      case 'unknown':
        return !plan.wait || plan.until === 'caught-up' ? 'no-session' : this.#waitOrEnd();
      case 'caught-up':
      case 'deleted':
        return step;
      case 'closed':
        return 'shutdown';
    }
  }

  /** `true`, once, if a reader of chat text has left out log entries of a session that has had no chat entry so far. */
  takeHint(): boolean {
    if (this.#hint !== 'due') return false;
    this.#hint = 'settled';
    return true;
  }

  #waitOrEnd(): Decision {
    return this.#plan.idleTimeoutMillis === 0 ? 'idle-timeout' : 'wait';
  }

  /** Why the reader ends with this chat entry; `undefined` if it goes on. */
  #endWith(detail: EntryDetail | undefined): EndReason | undefined {
    if (detail === undefined) return undefined;
    if (this.#answer !== undefined) return this.#answer.endsWith(detail) ? 'stream-end' : undefined;
    return this.#plan.until === 'work-end' ? workEnd(detail) : undefined;
  }
}

/** Whether the plan's filters let an entry through. */
export function isDelivered(plan: ReaderPlan, detail: EntryDetail | undefined): boolean {
  const { yields, logType, tokens, minimumSeverity } = plan;
  const chat = isChat(detail);
  if (logType !== 'all' && (logType === 'chat') !== chat) return false;
  if (detail === undefined) return true;
  // As bare text it would look like a part of the answer that it interrupted.
  if (detail.kind === 'error' && chat && yields === 'message') return false;
  if (!tokens && isControlKind(detail.kind)) return false;
  return chat || minimumSeverity === undefined || (detail.severityNumber ?? 0) >= minimumSeverity;
}

/** Why a `pop` ends after the entry; `undefined` if it goes on. */
function workEnd(detail: EntryDetail): EndReason | undefined {
  if (detail.kind === 'stream-end') return 'stream-end';
  return detail.kind === 'reasoning-stop' || detail.endsReasoning ? 'reasoning-stop' : undefined;
}
