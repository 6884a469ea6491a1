import { isChat } from '../entry/entry-detail.ts';
import type { LogType } from '../entry/entry-detail.ts';
import { makeEntry } from '../entry/entry.ts';
import type { LogEntry } from '../entry/entry.ts';
import { isControlKind } from '../entry/tokens.ts';
import type { SessionCursor, SessionStore, Step, Waiter } from '../store/session-store.ts';
import { watchAbort } from '../support/abort-watch.ts';
import { SessionLogsError } from '../support/errors.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { MAX_TIMER_MILLIS } from '../support/timeouts.ts';
import { StreamWatch } from './stream-watch.ts';

/** Why a reader ended. */
export type EndReason =
  | 'session-end'
  | 'stream-end'
  | 'reasoning-stop'
  | 'caught-up'
  | 'idle-timeout'
  | 'aborted'
  | 'deleted'
  | 'shutdown'
  | 'returned'
  | 'no-session'
  | 'refused'
  | 'failed';

/** A number of entries that were evicted before the reader came to them; `-1` when it cannot be known. */
export interface Gap {
  readonly missed: number;
}

/** What a reader delivers and when it ends, every member decided. */
export interface ReaderPlan {
  /** `message`: the text. `entry`: the whole {@link LogEntry}. */
  readonly yields: 'message' | 'entry';
  readonly until: 'session-end' | 'stream-end' | 'caught-up' | 'work-end';
  readonly logType: LogType | 'all';
  readonly minimumSeverity: number | undefined;
  readonly tokens: boolean;
  readonly wait: boolean;
  readonly idleTimeoutMillis: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onGap: ((gap: Gap) => void) | undefined;
  /** It serves a client over HTTP: it may not take the room that is kept for the server's own readers. */
  readonly isForClient: boolean;
  /** What the first `next()` rejects with, when it was clear at once that this reader cannot be. */
  readonly refusal: SessionLogsError | undefined;
}

/** What a look at the log came to: an entry stands ready, there is nothing yet, or the reader ends. */
type Outcome = 'entry' | 'wait' | EndReason;

/** A `next()` call that is not yet answered. */
interface PendingNext<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
  /** The call after it: calls may overlap, but hardly ever do, so there is no list to allocate for the first. */
  following: PendingNext<T> | undefined;
}

const reporter = reporterFor('reader');

/**
 * Reads one session over any store. Holds a position, nothing else: it cannot slow anybody.
 *
 * A hand-made iterator, since `return()` of an `async function*` that waits inside `next()` does not run until the wait
 * is over. `break`, `return()` and disposal free the reader at once, also while it waits. Calls of `next()` may
 * overlap; they are answered in order.
 */
export class SessionReader<T extends string | LogEntry> implements AsyncIterableIterator<T, undefined>, Waiter {
  readonly sessionId: string;
  readonly #store: SessionStore;
  readonly #cursor: SessionCursor;
  #plan: ReaderPlan;
  /** A plain chunk needs no second look: nothing in the plan could leave it out or end after it. */
  #takesPlainChunks: boolean;
  /** `'aborted'`: free, and the next `next()` rejects. `'ending'`: free, and those that wait learn it next turn. */
  #phase: 'new' | 'open' | 'aborted' | 'ending' | 'ended' = 'new';
  #endReason: EndReason | undefined = undefined;
  /** The entry just delivered was the last: why. */
  #endsNext: EndReason | undefined = undefined;
  #hasYielded = false;
  #hasWaited = false;
  #reportedMissed = 0;
  #isLooking = false;
  /** The first of the `next()` calls not yet answered: it waits for an entry. */
  #pending: PendingNext<T> | undefined = undefined;
  #idleTimer: NodeJS.Timeout | undefined = undefined;
  #stopWatchingAbort: (() => void) | undefined = undefined;
  #stream: StreamWatch | undefined;
  #leftOut: 'nothing' | 'logs' | 'told' = 'nothing';

  constructor(store: SessionStore, sessionId: string, cursor: SessionCursor, plan: ReaderPlan) {
    this.#store = store;
    this.sessionId = sessionId;
    this.#cursor = cursor;
    this.#plan = plan;
    this.#stream = plan.until === 'stream-end' ? new StreamWatch() : undefined;
    this.#takesPlainChunks = plan.logType !== 'log' && this.#stream === undefined;
    if (plan.logType !== 'chat' || plan.yields !== 'message') this.#leftOut = 'told';
  }

  /** Id of the entry delivered last: go on with `{ from: { after: reader.lastId } }`. */
  get lastId(): string | undefined {
    return this.#cursor.lastId;
  }

  /** Evicted entries after this reader's position, whatever its filter; `-1` when that cannot be known. */
  get missed(): number {
    return this.#cursor.missed;
  }

  /** Why the reader ended; `undefined` while it has not. */
  get endReason(): EndReason | undefined {
    return this.#endReason;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#phase === 'open' && this.#pending === undefined && this.#endsNext === undefined) {
      if (this.#plan.signal?.aborted !== true) {
        const outcome = this.#look();
        if (outcome === 'entry') return Promise.resolve({ value: this.#deliver(), done: false });
        return this.#answerLater(outcome);
      }
    }
    return this.#answerLater(undefined);
  }

  /** Frees the reader at once; a `next()` that waits resolves as done. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#finish('returned');
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#finish('returned');
    return Promise.resolve();
  }

  /** For the store: there may be something new. */
  wake(): void {
    if (this.#pending !== undefined && !this.#isLooking && this.#phase === 'open') this.#serve(this.#look());
  }

  #answerLater(outcome: Outcome | Promise<Step> | undefined): Promise<IteratorResult<T, undefined>> {
    if (this.#phase === 'ended') return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      const call: PendingNext<T> = { resolve, reject, following: undefined };
      let last = this.#pending;
      if (last !== undefined) {
        while (last.following !== undefined) last = last.following;
        last.following = call;
        return;
      }
      this.#pending = call;
      if (this.#phase !== 'ending') this.#serve(outcome ?? this.#begin());
    });
  }

  /** Takes the first of the calls out. */
  #takePending(): PendingNext<T> | undefined {
    const first = this.#pending;
    this.#pending = first?.following;
    return first;
  }

  /** What the first of the waiting `next()` calls meets. */
  #begin(): Outcome | Promise<Step> {
    if (this.#plan.signal?.aborted === true) return 'aborted';
    if (this.#endsNext !== undefined) return this.#endsNext;
    if (this.#phase === 'new') {
      if (!this.#enters()) return 'refused';
      this.#phase = 'open';
      // As long as it is open, not only while it waits: one that nobody pulls any more is freed as well.
      this.#watchAbort();
    }
    return this.#look();
  }

  #enters(): boolean {
    if (this.#plan.refusal !== undefined) return false;
    const entered = this.#cursor.enter(this.#plan.isForClient);
    if (entered === true) return true;
    this.#plan = { ...this.#plan, refusal: new SessionLogsError('too_many_readers', entered) };
    return false;
  }

  /** Steps to the next entry that is to be delivered, as far as the store answers at once. */
  #look(): Outcome | Promise<Step> {
    const cursor = this.#cursor;
    for (;;) {
      const step = cursor.step();
      if (typeof step !== 'string') return step;
      if (step === 'entry' && this.#takesPlainChunks && cursor.detail === undefined) {
        if (cursor.missed !== this.#reportedMissed && !this.#survivesGap()) return this.#endReason ?? 'returned';
        return 'entry';
      }
      const outcome = this.#judge(step);
      if (outcome !== undefined) return outcome;
    }
  }

  /** What a step means for this reader; `undefined`: step on. */
  #judge(step: Step): Outcome | Promise<Step> | undefined {
    if (this.#cursor.missed !== this.#reportedMissed && !this.#survivesGap()) return this.#endReason ?? 'returned';
    switch (step) {
      case 'entry':
        return this.#judgeEntry();
      case 'end':
        // One that has neither yielded nor waited passes the mark: it is here for the next life.
        return this.#hasYielded || this.#hasWaited || !this.#plan.wait ? 'session-end' : undefined;
      case 'none':
        return this.#plan.idleTimeoutMillis === 0 ? 'idle-timeout' : 'wait';
      case 'unknown':
        if (!this.#plan.wait || this.#plan.until === 'caught-up') return 'no-session';
        return this.#plan.idleTimeoutMillis === 0 ? 'idle-timeout' : 'wait';
      case 'caught-up':
        return 'caught-up';
      case 'deleted':
        return 'deleted';
      case 'closed':
        return 'shutdown';
    }
  }

  #judgeEntry(): Outcome | Promise<Step> | undefined {
    const { detail } = this.#cursor;
    if (isChat(detail)) {
      if (this.#leftOut !== 'told') this.#leftOut = 'told';
      if (this.#stream !== undefined) {
        const verdict = this.#stream.meet(detail, () => this.#store.streamState(this.sessionId, this.#cursor.id));
        // The entry is judged again, once it is known which stream it belongs to.
        if (typeof verdict !== 'string') return verdict.then(() => 'entry');
        // From here on only a `stream-end` matters, which is no plain chunk.
        this.#takesPlainChunks = this.#plan.logType !== 'log';
        if (verdict === 'last') {
          if (!this.#passes()) return 'stream-end';
          this.#endsNext = 'stream-end';
          return 'entry';
        }
      }
    }
    if (!this.#passes()) return undefined;
    if (this.#plan.until === 'work-end' && detail !== undefined) this.#endsNext = workEnd(detail);
    return 'entry';
  }

  /** Whether the filters let the entry through. */
  #passes(): boolean {
    const { detail } = this.#cursor;
    const { logType, tokens, minimumSeverity } = this.#plan;
    const chat = isChat(detail);
    if (logType !== 'all' && (logType === 'chat') !== chat) {
      if (!chat && this.#leftOut === 'nothing') this.#leftOut = 'logs';
      return false;
    }
    if (detail === undefined) return true;
    if (!tokens && isControlKind(detail.kind)) return false;
    return chat || minimumSeverity === undefined || (detail.severityNumber ?? 0) >= minimumSeverity;
  }

  #deliver(): T {
    this.#hasYielded = true;
    const cursor = this.#cursor;
    cursor.delivered();
    if (this.#plan.yields === 'message') return cursor.message as T;
    return makeEntry(cursor.id, this.sessionId, cursor.message, cursor.timestamp, cursor.detail) as T;
  }

  /** Answers waiting `next()` calls as far as possible, beginning with this outcome. */
  #serve(first: Outcome | Promise<Step>): void {
    let outcome = first;
    for (;;) {
      if (typeof outcome !== 'string') return this.#lookLater(outcome);
      if (outcome === 'wait') return this.#waitForMore();
      if (outcome !== 'entry') return this.#end(outcome);
      this.#stopIdleTimer();
      this.#takePending()?.resolve({ value: this.#deliver(), done: false });
      if (this.#pending === undefined) return undefined;
      outcome = this.#begin();
    }
  }

  /** A remote store answers later. */
  #lookLater(answer: Promise<Step>): void {
    this.#isLooking = true;
    answer.then(
      (step) => this.#afterLooking(step),
      (error: unknown) => {
        this.#isLooking = false;
        this.#fail('failed', error);
      },
    );
  }

  #afterLooking(step: Step): void {
    this.#isLooking = false;
    // Ended meanwhile: returned, aborted or timed out.
    if (this.#phase !== 'open') return;
    this.#serve(this.#judge(step) ?? this.#look());
  }

  #waitForMore(): void {
    this.#hasWaited = true;
    if (this.#leftOut === 'logs') this.#tellAboutLogs();
    this.#cursor.wait(this);
    const { idleTimeoutMillis } = this.#plan;
    if (idleTimeoutMillis !== undefined) {
      this.#idleTimer ??= setTimeout(
        () => {
          this.#idleTimer = undefined;
          this.#end('idle-timeout');
        },
        Math.min(idleTimeoutMillis, MAX_TIMER_MILLIS),
      );
    }
  }

  #watchAbort(): void {
    const { signal } = this.#plan;
    if (signal === undefined) return;
    this.#stopWatchingAbort = watchAbort(signal, () => {
      if (this.#pending === undefined) this.#free('aborted', 'aborted');
      else this.#end('aborted');
    });
  }

  #stopIdleTimer(): void {
    if (this.#idleTimer === undefined) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  #end(reason: EndReason): void {
    switch (reason) {
      case 'aborted':
        return this.#fail(reason, this.#plan.signal?.reason);
      case 'refused':
        return this.#fail(reason, this.#plan.refusal);
      default:
    }
    if (this.#hasWaited || this.#phase === 'ended') return this.#finish(reason);
    // A reader that never waited would let a loop around readers starve timers: its end comes one turn later.
    this.#free(reason, 'ending');
    setImmediate(() => this.#finish(reason));
  }

  #fail(reason: EndReason, error: unknown): void {
    const first = this.#takePending();
    this.#finish(reason);
    first?.reject(error);
  }

  /** Everybody who waits learns that it is over. */
  #finish(reason: EndReason): void {
    this.#free(reason, 'ended');
    let call = this.#pending;
    this.#pending = undefined;
    for (; call !== undefined; call = call.following) call.resolve({ value: undefined, done: true });
  }

  #free(reason: EndReason, phase: 'aborted' | 'ending' | 'ended'): void {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'new' || this.#phase === 'open') {
      this.#endReason = reason;
      this.#stopIdleTimer();
      this.#stopWatchingAbort?.();
      this.#stopWatchingAbort = undefined;
      this.#cursor.leave();
    }
    this.#phase = phase;
  }

  /** Reports a gap; `false`: `onGap` made the reader return. */
  #survivesGap(): boolean {
    this.#reportGap();
    return this.#phase === 'open';
  }

  #reportGap(): void {
    const { missed } = this.#cursor;
    const gap: Gap = { missed: missed === -1 ? -1 : missed - this.#reportedMissed };
    const isFirst = this.#reportedMissed === 0;
    this.#reportedMissed = missed;
    const { onGap } = this.#plan;
    if (onGap !== undefined) {
      try {
        catchRejection(onGap(gap), reportThrow);
      } catch (error) {
        reportThrow(error);
      }
    } else if (isFirst) {
      const count = missed === -1 ? 'an unknown number of' : String(missed);
      reporter.warn(`a reader missed ${count} entries that were evicted before it came to them`);
    }
  }

  #tellAboutLogs(): void {
    this.#leftOut = 'told';
    reporter.limited(
      'logs-left-out',
      "a reader of chat text left out log entries of a session without any chat entry; read them with { logType: 'all' }",
    );
  }
}

function reportThrow(error: unknown): void {
  reporter.limited('onGap', 'onGap threw', error);
}

/** Why a `pop` ends after the entry, if it does. */
function workEnd(detail: { readonly kind: string; readonly endsReasoning: boolean }): EndReason | undefined {
  if (detail.kind === 'stream-end') return 'stream-end';
  return detail.kind === 'reasoning-stop' || detail.endsReasoning ? 'reasoning-stop' : undefined;
}
