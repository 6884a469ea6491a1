import type { EntryDetail } from '../../entry/entry-detail.ts';
import { nextMicrotask, nextTurn } from '../../support/timers.ts';
import type { Maybe, SessionCursor, Step, Waiter } from '../session-store.ts';
import type { Entry } from './entry-chunk.ts';
import type { EntryLog } from './entry-log.ts';
import { LogWalk } from './log-walk.ts';
import type { WalkStart } from './log-walk.ts';
import type { MemorySession } from './memory-session.ts';
import type { WaitList, WaitNode } from './wait-list.ts';

/** The parts of a store that a cursor over all sessions needs. */
export interface AllSessionsHost {
  readonly isClosed: boolean;
  readonly log: EntryLog<MemorySession>;
  /** Waiting cursors over all sessions, which every append wakes. */
  readonly followers: WaitList;
  /** Returns `true`, or which limit of readers is reached. */
  admitReader(sessionId: undefined, isForClient: boolean): true | string;
  dismissReader(sessionId: undefined): void;
}

/** A reader that was made but never used holds a chunk of the log until it is garbage-collected. */
const forgottenWalks = new FinalizationRegistry<LogWalk<MemorySession>>((walk) => walk.leave());

/** A cursor over all sessions in memory, in the order logged. */
export class AllSessionsCursor implements SessionCursor, Entry, WaitNode {
  // The entry that it stands on.
  message = '';
  timestamp = 0;
  detail: EntryDetail | undefined = undefined;

  missed: number;

  // WaitNode
  waiter: Waiter | undefined = undefined;
  list: WaitList | undefined = undefined;
  previous: WaitNode | undefined = undefined;
  following: WaitNode | undefined = undefined;

  readonly #host: AllSessionsHost;
  readonly #walk: LogWalk<MemorySession>;
  #isCounted = false;
  /** Whether the last step answered in a later turn, so that what came meanwhile woke nobody. */
  #hasAnsweredLate = false;
  #session: MemorySession | undefined = undefined;
  #position = 0;
  #lastSession: MemorySession | undefined = undefined;
  #lastPosition = 0;

  constructor(host: AllSessionsHost, start: WalkStart, { isBounded, missed }: { isBounded: boolean; missed: 0 | -1 }) {
    this.#host = host;
    this.#walk = new LogWalk(host.log, start, isBounded);
    this.missed = missed;
    forgottenWalks.register(this, this.#walk, this.#walk);
  }

  get sessionId(): string {
    return this.#session?.id ?? '';
  }

  get id(): string {
    return this.#session?.idAt(this.#position) ?? '';
  }

  get lastId(): string | undefined {
    return this.#lastSession?.idAt(this.#lastPosition);
  }

  step(): Maybe<Step> {
    const walk = this.#walk;
    const found = walk.next(this);
    // Gives the event loop a turn, because the rows of many removed entries are walked over one by one.
    if (found === 'far') return this.#stepLater();
    if (this.missed !== -1) this.missed = walk.evicted;
    if (found === 'end') return 'caught-up';
    if (found === 'newest') return this.#host.isClosed ? 'closed' : 'none';
    const session = walk.owner as MemorySession;
    this.#session = session;
    this.#position = session.positionBy(walk.position);
    return 'entry';
  }

  async #stepLater(): Promise<Step> {
    await new Promise<void>((resolve) => nextTurn(resolve));
    const step = await this.step();
    this.#hasAnsweredLate = true;
    return step;
  }

  delivered(): void {
    this.#lastSession = this.#session;
    this.#lastPosition = this.#position;
    this.#letGo();
  }

  /**
   * Drops its entry: the text may keep its page alive, and the session may be deleted while the cursor waits or is not
   * used.
   */
  #letGo(): void {
    this.message = '';
    this.detail = undefined;
  }

  wait(waiter: Waiter): void {
    this.waiter = waiter;
    // The last entry may be one that a filter left out.
    this.#letGo();
    if (this.list === undefined) this.#host.followers.add(this);
    if (!this.#hasAnsweredLate) return;
    this.#hasAnsweredLate = false;
    // Not within the call, because the caller has not finished `wait` yet.
    nextMicrotask(() => this.waiter?.wake());
  }

  stopWaiting(): void {
    this.waiter = undefined;
    this.list?.remove(this);
  }

  enter(isForClient = false): true | string {
    if (this.#isCounted) return true;
    const admitted = this.#host.admitReader(undefined, isForClient);
    this.#isCounted = admitted === true;
    return admitted;
  }

  leave(): void {
    this.stopWaiting();
    forgottenWalks.unregister(this.#walk);
    this.#walk.leave();
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.#host.dismissReader(undefined);
  }

  /** Ends and deletions of sessions do not concern it. */
  notify(): void {}
}
