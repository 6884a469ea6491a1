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
  /** Only of a reader that ends with an answer. */
  readonly #answer: AnswerWatch | undefined;
  /**
   * A plain chunk was delivered, so every later one is: they differ in nothing that a rule looks at, and what a rule has
   * learned stays learned. Nearly every entry is one, so readers need not ask again.
   */
  deliversPlainChunks = false;
  #endsAfter: EndReason | undefined = undefined;
  /** `'due'`: log entries were left out and no chat entry was met. `'settled'`: the hint was given, or is not called for. */
  #hint: 'none' | 'due' | 'settled';

  constructor(plan: ReaderPlan) {
    this.#plan = plan;
    this.#answer = plan.until === 'stream-end' ? new AnswerWatch() : undefined;
    this.#hint = plan.logType === 'chat' && plan.yields === 'message' ? 'none' : 'settled';
  }

  /** The entry that was delivered last is the reader's last: why. */
  get endsAfter(): EndReason | undefined {
    return this.#endsAfter;
  }

  /**
   * `'ask-state'`: decide the same entry again after `learnState`, with what the store says of it.
   *
   * @param detail Of the entry; `undefined` for a plain chunk.
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

  /** What the store answered to `'ask-state'`. */
  learnState(state: StreamState): void {
    this.#answer?.learnFromState(state);
  }

  /** @param hasBegun The reader has delivered an entry or waited for one. */
  decideStep(step: Exclude<Step, 'entry'>, hasBegun: boolean): Decision {
    const plan = this.#plan;
    switch (step) {
      case 'end':
        // A reader that has not begun passes the mark: it is here for the next life.
        return hasBegun || plan.wait !== true ? 'session-end' : 'skip';
      case 'empty-end':
        // There was nothing that it could have begun with.
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

  /** `true` once: a reader of chat text has left out log entries of a session without any chat entry so far. */
  takeHint(): boolean {
    if (this.#hint !== 'due') return false;
    this.#hint = 'settled';
    return true;
  }

  #waitOrEnd(): Decision {
    return this.#plan.idleTimeoutMillis === 0 ? 'idle-timeout' : 'wait';
  }

  /** Why the reader ends with this chat entry, if it does. */
  #endWith(detail: EntryDetail | undefined): EndReason | undefined {
    if (detail === undefined) return undefined;
    if (this.#answer !== undefined) return this.#answer.endsWith(detail) ? 'stream-end' : undefined;
    return this.#plan.until === 'work-end' ? workEnd(detail) : undefined;
  }
}

/** Whether the filters of the plan let an entry through. */
export function isDelivered(plan: ReaderPlan, detail: EntryDetail | undefined): boolean {
  const { yields, logType, tokens, minimumSeverity } = plan;
  const chat = isChat(detail);
  if (logType !== 'all' && (logType === 'chat') !== chat) return false;
  if (detail === undefined) return true;
  // As bare text it would be a part of the answer that it broke off.
  if (detail.kind === 'error' && chat && yields === 'message') return false;
  if (!tokens && isControlKind(detail.kind)) return false;
  return chat || minimumSeverity === undefined || (detail.severityNumber ?? 0) >= minimumSeverity;
}

/** Why a `pop` ends after the entry, if it does. */
function workEnd(detail: EntryDetail): EndReason | undefined {
  if (detail.kind === 'stream-end') return 'stream-end';
  return detail.kind === 'reasoning-stop' || detail.endsReasoning ? 'reasoning-stop' : undefined;
}
