import type { Reporter } from '../../support/reporter.ts';
import { nextMicrotask } from '../../support/timers.ts';
import type { Waiter } from '../session-store.ts';
import type { Unreadable } from './entry-codec.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { CallFailed } from './remote-call.ts';
import type { RemoteReads } from './remote-reads.ts';
import type { UnreadMark } from './start.ts';
import type { WakeChannel, WakeUps } from './wake-ups.ts';

/** What a cursor needs of its store. */
export interface CursorHost {
  readonly reads: RemoteReads;
  readonly wakeUps: WakeUps;
  readonly keepAlive: KeepAlive;
  readonly reporter: Reporter;
  /** What reports call the engine. */
  readonly engine: string;
  /** The store is closed and everything it took is stored: what can be read now is all there is. */
  readonly isClosed: boolean;
  /**
   * Resolves when what this process has logged to the session is stored, or cannot be for now.
   *
   * @throws CallFailed when it has deleted the session, and the log does not have that yet: nothing in it is to be read.
   */
  settled(sessionId: string): Promise<void>;
  /** Grows each time this process deletes the session. */
  deletionsOf(sessionId: string): number;
  /** A reader leaves out something in the log that this version cannot read. */
  passedOver(why: Unreadable): void;
  /** `true`, or which bound of readers is reached. */
  admitReader(sessionId: string, isForClient: boolean): true | string;
  dismissReader(sessionId: string): void;
  unreadOf(sessionId: string): UnreadMark | undefined;
  moveUnread(sessionId: string, mark: UnreadMark): void;
  /** Somebody waits at the seat, or no longer. */
  noteWaiting(seat: CursorSeat, isWaiting: boolean): void;
}

/** A cursor's place among the waiting: its waiter, its watch of the session, and whether something may be new since its last look. */
export class CursorSeat implements Waiter {
  readonly sessionId: string;
  readonly #host: CursorHost;
  /** What the log calls the session. */
  readonly name: string;
  #waiter: Waiter | undefined = undefined;
  #channel: WakeChannel | undefined = undefined;
  #isStale = true;
  #isHolding = false;
  #isCounted = false;
  #hasLeft = false;

  constructor(host: CursorHost, sessionId: string, name: string) {
    this.#host = host;
    this.sessionId = sessionId;
    this.name = name;
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Nothing happened since the last look, and it would have been heard of. */
  get isUpToDate(): boolean {
    return !this.#isStale && this.#channel?.isLive === true;
  }

  /** Something may be new: said by a message, a new connection or the clock. */
  wake(): void {
    this.#isStale = true;
    this.#waiter?.wake();
  }

  /** A read goes out now: wake-ups that come before its answer may be about what it does not show. */
  beginLook(): void {
    this.#isStale = false;
  }

  /** A read failed: the waiter is woken when another may succeed. */
  lookLater(failure: CallFailed): void {
    this.#host.reads.retryLater(this, failure);
  }

  wait(waiter: Waiter): void {
    this.#waiter = waiter;
    if (this.#hasLeft) return;
    this.#hold();
    if (this.#channel === undefined) {
      this.#channel = this.#host.wakeUps.acquire(this.name);
      this.#channel.waiters.add(this);
      // Watched for another cursor already: its first message may be past, so look once more.
      if (this.#channel.isLive) this.#isStale = true;
    }
    if (!this.#isStale && !this.#host.isClosed) return;
    // Not within the call: the caller has not finished waiting yet.
    nextMicrotask(() => this.#waiter?.wake());
  }

  stopWaiting(): void {
    this.#waiter = undefined;
    this.release();
  }

  /** Nobody waits any more; the watch stays, since who waited once will do so again. */
  release(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#host.noteWaiting(this, false);
    this.#host.keepAlive.release();
  }

  enter(isForClient = false): true | string {
    if (this.#isCounted) return true;
    const admitted = this.#host.admitReader(this.sessionId, isForClient);
    this.#isCounted = admitted === true;
    return admitted;
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.stopWaiting();
    this.#host.reads.forget(this);
    if (this.#channel !== undefined) {
      this.#channel.waiters.delete(this);
      this.#host.wakeUps.release(this.#channel);
      this.#channel = undefined;
    }
    if (this.#isCounted) {
      this.#isCounted = false;
      this.#host.dismissReader(this.sessionId);
    }
  }

  #hold(): void {
    if (this.#isHolding) return;
    this.#isHolding = true;
    this.#host.noteWaiting(this, true);
    this.#host.keepAlive.hold();
  }
}
