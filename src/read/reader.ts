import { makeEntry } from '../entry/entry.ts';
import type { SessionCursor, SessionStore, Step, Waiter } from '../store/session-store.ts';
import { watchAbort } from '../support/abort-watch.ts';
import { SessionLogsError } from '../support/errors.ts';
import { reporterFor } from '../support/reporter.ts';
import { cancelTurn, nextTurn, startTimer } from '../support/timers.ts';
import type { Turn } from '../support/timers.ts';
import type { EndReason } from './end-reason.ts';
import { reportGap } from './gap.ts';
import { NextQueue } from './next-queue.ts';
import { observed } from './observe.ts';
import type { Observed } from './observe.ts';
import type { ReaderPlan } from './reader-plan.ts';
import { ReaderRules } from './reader-rules.ts';
import type { Decision } from './reader-rules.ts';

/** The result of looking at the log; a promise if a remote store answers later. */
type Outcome = Exclude<Decision, 'skip'> | Promise<Step>;

const reporter = reporterFor('reader');

/**
 * Reads one session, or all of them, over any store. It holds only a position, so it cannot slow down writers or other
 * readers.
 *
 * `break`, `return()` and disposal free the reader at once, even while it waits; the `return()` of an `async function*`
 * would run only after the wait in `next()`. Calls of `next()` may overlap; they are settled in order.
 */
export class SessionReader<T> implements AsyncIterableIterator<T, undefined>, Waiter {
  /** `undefined` if it reads all sessions; then each entry names its session. */
  readonly sessionId: string | undefined;
  readonly #store: SessionStore;
  readonly #cursor: SessionCursor;
  readonly #plan: ReaderPlan;
  readonly #rules: ReaderRules;
  readonly #calls = new NextQueue<T>();
  /**
   * `'looking'`: open, waiting for a remote store's answer. `'aborted'`: free, and the next `next()` rejects.
   * `'ending'`: free, and waiting calls learn it in the next turn.
   */
  #phase: 'new' | 'open' | 'looking' | 'aborted' | 'ending' | 'ended' = 'new';
  #endReason: EndReason | undefined = undefined;
  #refusal: SessionLogsError | undefined;
  /** An outcome that {@link nextNow} met and that another look would not meet again. */
  #met: Outcome | undefined = undefined;
  #hasYielded = false;
  #hasWaited = false;
  #reportedMissed = 0;
  #idleTimer: NodeJS.Timeout | undefined = undefined;
  #idleTurn: Turn | undefined = undefined;
  #stopWatchingAbort: (() => void) | undefined = undefined;

  /** Use `followSession`, `followAll` or `getSessionLogs`. @hidden */
  constructor(store: SessionStore, sessionId: string | undefined, cursor: SessionCursor, plan: ReaderPlan) {
    this.#store = store;
    this.sessionId = sessionId;
    this.#cursor = cursor;
    this.#plan = plan;
    this.#rules = new ReaderRules(plan);
    this.#refusal = plan.refusal;
  }

  /** Id of the entry delivered last. Resume with `{ from: { after: reader.lastId } }`. */
  get lastId(): string | undefined {
    return this.#cursor.lastId;
  }

  /** Number of entries that were evicted before this reader reached them, whatever its filter; `-1` if unknown. */
  get missed(): number {
    return this.#cursor.missed;
  }

  /** Why the reader ended; `undefined` while it is open. */
  get endReason(): EndReason | undefined {
    return this.#endReason;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** For `from(reader)` of rxjs: unsubscribing frees the reader at once, even while it waits. */
  '@@observable'(): Observed<T> {
    return observed(this);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#phase !== 'open' || !this.#calls.isEmpty) return this.#enqueue(undefined);
    try {
      const outcome = this.#met ?? this.#begin();
      this.#met = undefined;
      if (outcome === 'deliver') return Promise.resolve({ value: this.#deliver(), done: false });
      return this.#enqueue(outcome);
    } catch (error) {
      // The store threw, or something that it was given did.
      this.#finish('failed');
      return Promise.reject(error);
    }
  }

  /**
   * Returns the next value without a promise, if the store has it at once and no `next()` waits; else `undefined`: then
   * call `next()`.
   *
   * @throws What the store threw; then the reader has ended.
   */
  nextNow(): T | undefined {
    if (this.#phase !== 'open' || !this.#calls.isEmpty || this.#met !== undefined) return undefined;
    try {
      const outcome = this.#begin();
      if (outcome === 'deliver') return this.#deliver();
      if (outcome === 'wait') return undefined;
      this.#met = outcome;
      // `next()` reports the failure, but may be called late or never.
      if (typeof outcome !== 'string') outcome.catch(() => {});
      return undefined;
    } catch (error) {
      this.#finish('failed');
      throw error;
    }
  }

  /** Frees the reader at once; a waiting `next()` resolves as done. Returns the value, as generators do. */
  async return<V = undefined>(value?: V | PromiseLike<V>): Promise<IteratorResult<T, V>> {
    this.#finish('returned');
    return { value: (await value) as V, done: true };
  }

  /** Frees the reader at once, as `return()` does, and rejects with the error. */
  throw(error?: unknown): Promise<IteratorResult<T, undefined>> {
    this.#finish('returned');
    return Promise.reject(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#finish('returned');
    return Promise.resolve();
  }

  /** Called by the store when there may be something new. @hidden */
  wake(): void {
    if (this.#phase === 'open' && !this.#calls.isEmpty) this.#serve(undefined);
  }

  #enqueue(outcome: Outcome | undefined): Promise<IteratorResult<T, undefined>> {
    if (this.#phase === 'ended') return Promise.resolve({ value: undefined, done: true });
    const isFirst = this.#calls.isEmpty;
    const settled = this.#calls.push();
    if (isFirst && this.#phase !== 'ending') this.#serve(outcome);
    return settled;
  }

  /** The outcome for the first waiting `next()` call. */
  #begin(): Outcome {
    if (this.#plan.signal?.aborted === true) return 'aborted';
    if (this.#rules.endsAfter !== undefined) return this.#rules.endsAfter;
    if (this.#phase === 'new') {
      if (!this.#enters()) return 'refused';
      this.#phase = 'open';
      // Watch as long as the reader is open, not only while it waits, so that a reader that nobody pulls any more is
      // freed too.
      this.#watchAbort();
    }
    return this.#look();
  }

  #enters(): boolean {
    if (this.#refusal !== undefined) return false;
    const entered = this.#cursor.enter(this.#plan.isForClient);
    if (entered === true) return true;
    this.#refusal = new SessionLogsError('too_many_readers', entered);
    return false;
  }

  /** Steps to the next entry to deliver, as far as the store answers at once. */
  #look(): Outcome {
    const cursor = this.#cursor;
    for (;;) {
      const step = cursor.step();
      if (typeof step !== 'string') return step;
      if (step === 'entry' && this.#rules.deliversPlainChunks && cursor.detail === undefined) {
        if (cursor.missed === this.#reportedMissed) return 'deliver';
      }
      const outcome = this.#judge(step);
      if (outcome !== 'skip') return outcome;
    }
  }

  /** Decides what a step means for this reader. */
  #judge(step: Step): Outcome | 'skip' {
    const cursor = this.#cursor;
    if (cursor.missed !== this.#reportedMissed && !this.#survivesGap()) return this.#endReason ?? 'returned';
    if (step !== 'entry') return this.#rules.decideStep(step, this.#hasYielded || this.#hasWaited);
    const decision = this.#rules.decideEntry(cursor.detail);
    return decision === 'ask-state' ? this.#askState() : decision;
  }

  /** Asks the store whether the entry stands in an answer, then judges the entry again. */
  #askState(): Outcome | 'skip' {
    const { sessionId, id } = this.#cursor;
    const state = this.#store.streamState(sessionId, id);
    if (typeof state !== 'string') {
      return state.then((known) => {
        this.#rules.learnState(known);
        return 'entry';
      });
    }
    this.#rules.learnState(state);
    return this.#judge('entry');
  }

  #deliver(): T {
    this.#hasYielded = true;
    const cursor = this.#cursor;
    const value = this.#valueAt(cursor);
    cursor.delivered();
    return value as T;
  }

  #valueAt(cursor: SessionCursor): unknown {
    const { yields, makeInstead } = this.#plan;
    if (yields === 'message') return cursor.message;
    if (makeInstead !== undefined) return makeInstead(cursor);
    return makeEntry(cursor.id, cursor.sessionId, cursor.message, cursor.timestamp, cursor.detail);
  }

  /** Like `#settle`. A store that throws ends the reader, and the first waiting call learns why. */
  #serve(first: Outcome | undefined): void {
    try {
      this.#settle(first ?? this.#begin());
    } catch (error) {
      this.#fail('failed', error);
    }
  }

  /** Settles as many waiting `next()` calls as possible, beginning with this outcome. */
  #settle(first: Outcome): void {
    let outcome = first;
    for (;;) {
      if (typeof outcome !== 'string') return this.#lookLater(outcome);
      if (outcome === 'wait') return this.#waitForMore();
      if (outcome !== 'deliver') return this.#end(outcome);
      this.#stopIdleTimer();
      this.#calls.resolveFirst(this.#deliver());
      if (this.#calls.isEmpty) return undefined;
      outcome = this.#begin();
    }
  }

  /** A remote store answers later. */
  #lookLater(step: Promise<Step>): void {
    // A store may call back during the question, and so end the reader.
    if (this.#phase === 'open') this.#phase = 'looking';
    step.then(
      (found) => this.#afterLooking(found),
      (error: unknown) => this.#fail('failed', error),
    );
  }

  #afterLooking(step: Step): void {
    // It ended meanwhile: returned, aborted or timed out.
    if (this.#phase !== 'looking') return;
    this.#phase = 'open';
    const outcome = this.#judge(step);
    this.#serve(outcome === 'skip' ? this.#look() : outcome);
  }

  #waitForMore(): void {
    this.#hasWaited = true;
    if (this.#rules.takeHint()) {
      reporter.limited(
        'logs-left-out',
        "a reader of chat text left out log entries of a session that has no chat entry; read them with { logType: 'all' }",
      );
    }
    this.#cursor.wait(this);
    const { idleTimeoutMillis } = this.#plan;
    if (idleTimeoutMillis === undefined) return;
    // Not waiting takes no time, so a test's fake timers must not delay it.
    if (idleTimeoutMillis === 0) this.#idleTurn ??= nextTurn(() => this.#onIdle());
    else this.#idleTimer ??= startTimer(() => this.#onIdle(), idleTimeoutMillis);
  }

  #onIdle(): void {
    this.#idleTimer = undefined;
    this.#idleTurn = undefined;
    try {
      const outcome = this.#lookOnce();
      if (outcome === 'wait') this.#end('idle-timeout');
      else this.#serve(outcome);
    } catch (error) {
      this.#fail('failed', error);
    }
  }

  /**
   * When many readers wait on one session, this one's turn may still be to come although there is an entry. A remote
   * store is not asked again: its wake-ups do not take turns, and its answer would come after the timeout.
   */
  #lookOnce(): Exclude<Decision, 'skip'> {
    if (this.#phase !== 'open' || this.#store.entries === undefined) return 'wait';
    const outcome = this.#begin();
    return typeof outcome === 'string' ? outcome : 'wait';
  }

  #stopIdleTimer(): void {
    if (this.#idleTimer !== undefined) clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    cancelTurn(this.#idleTurn);
    this.#idleTurn = undefined;
  }

  #watchAbort(): void {
    const { signal } = this.#plan;
    if (signal === undefined) return;
    this.#stopWatchingAbort = watchAbort(signal, () => {
      if (this.#calls.isEmpty) this.#free('aborted', 'aborted');
      else this.#end('aborted');
    });
  }

  #end(reason: EndReason): void {
    if (reason === 'aborted') return this.#fail(reason, this.#plan.signal?.reason);
    if (reason === 'refused') return this.#fail(reason, this.#refusal);
    if (this.#hasWaited || this.#phase === 'ended') return this.#finish(reason);
    // A loop around readers that never wait would starve timers, so such a reader ends one turn later.
    this.#free(reason, 'ending');
    nextTurn(() => this.#finish(reason));
  }

  /** Rejects the first of the waiting calls; the others resolve as done. */
  #fail(reason: EndReason, error: unknown): void {
    const reject = this.#calls.takeFirst();
    this.#finish(reason);
    reject?.(error);
  }

  /** Ends the reader at once: all waiting calls resolve as done. */
  #finish(reason: EndReason): void {
    this.#free(reason, 'ended');
    this.#calls.finish();
  }

  #free(reason: EndReason, phase: 'aborted' | 'ending' | 'ended'): void {
    if (this.#phase === 'ended') return;
    this.#phase = phase;
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this.#stopIdleTimer();
    // Do this first: what follows runs code of whoever made the signal.
    this.#cursor.leave();
    this.#stopWatchingAbort?.();
    this.#stopWatchingAbort = undefined;
  }

  /** Reports a gap; `false` if `onGap` made the reader return. */
  #survivesGap(): boolean {
    const { missed } = this.#cursor;
    const reported = this.#reportedMissed;
    this.#reportedMissed = missed;
    reportGap(this.#plan.onGap, missed, reported);
    return this.#phase === 'open';
  }
}
