import type { Reporter } from '../../support/reporter.ts';
import { nextMicrotask } from '../../support/timers.ts';
import type { Waiter } from '../session-store.ts';
import type { Unreadable } from './entry-codec.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { CallFailed } from './remote-call.ts';
import type { RemoteReads } from './remote-reads.ts';
import type { UnreadMark } from './start.ts';
import type { WakeChannel, WakeUps } from './wake-ups.ts';

/** The parts of a store that a cursor needs. */
export interface CursorHost {
  readonly reads: RemoteReads;
  readonly wakeUps: WakeUps;
  readonly keepAlive: KeepAlive;
  readonly reporter: Reporter;
  /** The engine's name in reports. */
  readonly engine: string;
  /** Whether the store is closed and everything that it took is stored, so that nothing more will come. */
  readonly isClosed: boolean;
  /**
   * Resolves when what this process logged to the session is stored, or cannot be stored for now.
   *
   * @throws CallFailed if this process has deleted the session but the log does not have the deletion yet: then nothing
   * must be read.
   */
  settled(sessionId: string): Promise<void>;
  /** A number that grows each time this process deletes the session. */
  deletionsOf(sessionId: string): number;
  /** Called when a reader leaves out something in the log that this version cannot read. */
  passedOver(why: Unreadable): void;
  /** Returns `true`, or which limit of readers is reached. */
  admitReader(sessionId: string, isForClient: boolean): true | string;
  dismissReader(sessionId: string): void;
  unreadOf(sessionId: string): UnreadMark | undefined;
  moveUnread(sessionId: string, mark: UnreadMark): void;
  /** Called when somebody begins or stops waiting at the seat. */
  noteWaiting(seat: CursorSeat, isWaiting: boolean): void;
}

/**
 * A cursor's place among those that wait: its waiter, its watch of the session, and whether something may be new since
 * its last look.
 */
export class CursorSeat implements Waiter {
  readonly sessionId: string;
  readonly #host: CursorHost;
  /** The session's name in the log. */
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

  /** Whether nothing has happened since the last look, which a live watch would have told. */
  get isUpToDate(): boolean {
    return !this.#isStale && this.#channel?.isLive === true;
  }

  /** A message, a new connection or the clock says that something may be new. */
  wake(): void {
    this.#isStale = true;
    this.#waiter?.wake();
  }

  /** Call it when a read is sent: wake-ups before its answer may be about what the answer does not show. */
  beginLook(): void {
    this.#isStale = false;
  }

  /** Call it when a read failed: wakes the waiter when another read may succeed. */
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
      // Another cursor already watches it: the first message may be past, so look once more.
      if (this.#channel.isLive) this.#isStale = true;
    }
    if (!this.#isStale && !this.#host.isClosed) return;
    // Not within the call, because the caller has not finished `wait` yet.
    nextMicrotask(() => this.#waiter?.wake());
  }

  stopWaiting(): void {
    this.#waiter = undefined;
    this.release();
  }

  /** Nobody waits any more. Keep the watch, because the cursor will probably wait again. */
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
