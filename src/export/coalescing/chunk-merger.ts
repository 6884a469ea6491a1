import { wholeAttribute } from '../../otel/attribute-limits.ts';
import { afterKind, startIn } from '../../entry/answer-state.ts';
import { ABANDONED, kindOf } from '../../entry/entry-detail.ts';
import type { RoutedRecord } from '../../entry/routed-record.ts';
import { kindOfEventName } from '../../entry/tokens.ts';
import type { EntryKind } from '../../entry/tokens.ts';
import type { LogRecord } from '../../otel/log-record.ts';
import { ATTRIBUTE } from '../../otel/names.ts';
import { startTimer } from '../../support/timers.ts';
import { CoalescedAnswer } from './coalesced-answer.ts';
import type { Finished, Placement } from './coalesced-answer.ts';
import { AnswerTable } from './answer-table.ts';

/** How records are merged, and the limits; see `CoalescingOptions`. */
export interface MergeRules {
  readonly maxChars: number;
  readonly maxDelayMillis: number;
  readonly content: 'keep' | 'omit';
  /** The most open answers; beyond that the oldest is passed on unfinished. */
  readonly maxAnswers: number;
  /** The most UTF-16 units held over all answers. */
  readonly maxHeldChars: number;
}

/**
 * Decides which records are merged, and when a merged record is complete.
 *
 * `pass` gets each finished record, in order within an answer, and must not throw. It may call `take`: the state is
 * consistent before each call.
 */
export class ChunkMerger {
  readonly #rules: MergeRules;
  readonly #pass: (finished: Finished) => void;
  readonly #answers = new AnswerTable();
  /** Answers that hold something, in the order in which their delay ends. */
  readonly #held = new Set<CoalescedAnswer>();
  #heldChars = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(rules: MergeRules, pass: (finished: Finished) => void) {
    this.#rules = rules;
    this.#pass = pass;
  }

  /** The number of open answers. */
  get answerCount(): number {
    return this.#answers.size;
  }

  /** The number of UTF-16 units held. */
  get heldChars(): number {
    return this.#heldChars;
  }

  /**
   * Takes a record of a session. Returns `true` if it merged the record, `false` if the caller has to pass it on
   * unchanged; by then it has passed on what has to precede it.
   */
  take(record: LogRecord, sessionId: string, placement: Placement): boolean {
    const kind = chatKindOf(record, placement.routed);
    if (kind === undefined) return false;
    const id = wholeAttribute(
      record,
      ATTRIBUTE.streamId,
      record.attributes[ATTRIBUTE.streamId],
      placement.routed?.detail?.streamId,
    );
    const streamId = typeof id === 'string' ? id : undefined;
    const known = this.#answers.get(sessionId, streamId);
    const answer = known ?? new CoalescedAnswer(sessionId, streamId, this.#rules.content);
    // The effect of a start or an end depends on the state of the answer before it.
    if (kind !== 'stream-start' && kind !== 'stream-end') answer.open = afterKind(answer.open, kind);
    switch (kind) {
      case 'text':
        return this.#takeText(record, answer, placement);
      case 'stream-start':
        this.#takeStart(record, answer, placement);
        return true;
      case 'stream-end':
        this.#release(answer, () => answer.finish(record, placement));
        return true;
      case 'error':
        this.#cut(answer, () => answer.breakOff('error'));
        return false;
      default:
        // A mark: the text before it is complete.
        this.#cut(answer, () => answer.cut(true));
        return false;
    }
  }

  /** Passes on what is held, of one session or all. `isOver`: the text ends here, even within a surrogate pair. */
  flush(isOver: boolean, sessionId?: string): void {
    const answers = sessionId === undefined ? this.#answers.all() : this.#answers.ofSession(sessionId);
    for (const answer of answers) this.#cut(answer, () => answer.cut(isOver));
  }

  /** Passes on everything and forgets all answers, open ones too. */
  close(): void {
    for (const answer of this.#answers.all()) {
      const last = answer.isOpen ? () => answer.finish(undefined, undefined, ABANDONED) : () => answer.cut(true);
      this.#release(answer, last);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #takeText(record: LogRecord, answer: CoalescedAnswer, placement: Placement): boolean {
    const { maxChars, content } = this.#rules;
    const { body } = record;
    const text = typeof body === 'string' ? body : '';
    const isJoinable = typeof body === 'string' || content === 'omit';
    const before = answer.length;
    if (isJoinable && answer.addMore(record, text, placement, maxChars)) {
      this.#heldChars += answer.length - before;
      if (this.#heldChars > this.#rules.maxHeldChars) this.#keepBounds();
      return true;
    }
    if (answer.hasContent) {
      // A body that is not text cannot be joined; the chunks before it are passed on first.
      if (!isJoinable || !answer.accepts(record, placement)) this.#cut(answer, () => answer.cut(true));
      else if (answer.length + text.length > maxChars) this.#cut(answer, () => answer.cut(false));
    }
    if (!isJoinable) return false;
    const left = answer.length;
    answer.add(record, text, placement, maxChars);
    this.#heldChars += answer.length - left;
    if (!this.#held.has(answer)) this.#hold(answer);
    while (answer.length > maxChars) this.#cut(answer, () => answer.cutFull(maxChars));
    this.#keepBounds();
    return true;
  }

  #takeStart(record: LogRecord, running: CoalescedAnswer, placement: Placement): void {
    let answer = running;
    const { sessionId, streamId } = answer;
    const start = streamId === undefined ? startIn(answer.open) : 'begins';
    if (start !== 'goes-on') {
      const reason = start === 'takes-place' ? ABANDONED : undefined;
      this.#release(running, () => running.finish(undefined, undefined, reason));
      answer = new CoalescedAnswer(sessionId, streamId, this.#rules.content);
    }
    answer.start(record, placement);
    this.#answers.add(answer);
    this.#keepBounds();
  }

  /** Drops what is held of sessions. */
  forget(isMeant: (sessionId: string) => boolean): void {
    for (const answer of [...this.#answers.all()].filter(({ sessionId }) => isMeant(sessionId))) {
      this.#heldChars -= answer.length;
      this.#held.delete(answer);
      this.#answers.delete(answer);
    }
  }

  #hold(answer: CoalescedAnswer): void {
    answer.heldSince = performance.now();
    this.#answers.add(answer);
    this.#held.add(answer);
    this.#timer ??= this.#startTimer(this.#rules.maxDelayMillis);
  }

  /** Takes a record out of the answer and passes it on. Removes an answer without a start once it holds nothing. */
  #cut(answer: CoalescedAnswer, take: () => Finished | undefined): void {
    const before = answer.length;
    const finished = take();
    this.#heldChars += answer.length - before;
    this.#held.delete(answer);
    if (answer.hasContent) this.#hold(answer);
    else if (!answer.isOpen) this.#answers.delete(answer);
    if (finished !== undefined) this.#pass(finished);
  }

  /** Takes the last record out of the answer, removes the answer, and passes the record on. */
  #release(answer: CoalescedAnswer, take: () => Finished | undefined): void {
    const before = answer.length;
    const finished = take();
    this.#heldChars -= before;
    this.#held.delete(answer);
    this.#answers.delete(answer);
    if (finished !== undefined) this.#pass(finished);
  }

  #keepBounds(): void {
    while (this.#answers.size > this.#rules.maxAnswers) {
      const oldest = this.#answers.oldest;
      if (oldest === undefined) break;
      this.#release(oldest, () => oldest.cut(true));
    }
    while (this.#heldChars > this.#rules.maxHeldChars) {
      const [oldest] = this.#held;
      if (oldest === undefined) break;
      this.#cut(oldest, () => oldest.cut(oldest.length === 1));
    }
  }

  #startTimer(delayMillis: number): NodeJS.Timeout {
    // The timer does not keep the process alive: what is held is passed on when it exits.
    return startTimer(() => this.#onTimer(), Math.ceil(delayMillis)).unref();
  }

  #onTimer(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const answer of this.#held) {
      const left = answer.heldSince + this.#rules.maxDelayMillis - now;
      // Node's timers fire up to a millisecond early.
      if (left >= 1) {
        this.#timer ??= this.#startTimer(left);
        return;
      }
      // A lone half of a surrogate pair that waited for the whole delay will not be completed.
      this.#cut(answer, () => answer.cut(answer.length === 1));
    }
  }
}

/** The kind of a chat record; `undefined` for an operator's log or an unknown event. */
function chatKindOf(record: LogRecord, routed: RoutedRecord | undefined): EntryKind | undefined {
  const known = routed === undefined ? undefined : (routed.detail?.logType ?? 'chat');
  const logType = wholeAttribute(record, ATTRIBUTE.logType, record.attributes[ATTRIBUTE.logType], known);
  if (logType === 'log' || (logType !== 'chat' && (record.severityNumber ?? 0) !== 0)) return undefined;
  const { eventName } = record;
  if (eventName === undefined) return kindOf(routed?.detail);
  // An unknown event is not merged, since its name would be lost.
  const kind = kindOfEventName(eventName);
  return kind === 'text' ? undefined : kind;
}
