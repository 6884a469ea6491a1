import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { SessionCursor, Step, Waiter } from '../session-store.ts';
import { CursorSeat } from './cursor-seat.ts';
import type { CursorHost } from './cursor-seat.ts';
import type { Unreadable } from './entry-codec.ts';
import { CallFailed } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { StoredItem } from './stored-item.ts';

/** How many of the newest items are searched for a mark that another cursor claimed, and of the oldest for an entry. */
const FEW_ITEMS = 8;

/** Entries that were claimed for a cursor that has left meanwhile: they go to the next cursor of this process. */
export class ClaimedEntries {
  readonly #maxSessions: number;
  readonly #bySession = new Map<string, StoredItem[]>();
  readonly #cursors = new Map<string, Set<CursorSeat>>();

  /** @param maxSessions The most sessions; beyond that, those that waited longest for a `pop` are dropped. */
  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions;
  }

  join(seat: CursorSeat): void {
    let seats = this.#cursors.get(seat.sessionId);
    if (seats === undefined) this.#cursors.set(seat.sessionId, (seats = new Set()));
    seats.add(seat);
  }

  part(seat: CursorSeat): void {
    const seats = this.#cursors.get(seat.sessionId);
    if (seats?.delete(seat) === true && seats.size === 0) this.#cursors.delete(seat.sessionId);
  }

  giveBack(sessionId: string, item: StoredItem): void {
    this.keep(sessionId, item);
    for (const seat of this.#cursors.get(sessionId) ?? []) seat.wake();
  }

  /** Like `giveBack`, but wakes no cursor: the next one that looks gets it. */
  keep(sessionId: string, item: StoredItem): void {
    const items = this.#bySession.get(sessionId) ?? [];
    items.push(item);
    items.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#bySession.set(sessionId, items);
    if (this.#bySession.size > this.#maxSessions) this.forget(this.#bySession.keys().next().value as string);
  }

  take(sessionId: string): StoredItem | undefined {
    const items = this.#bySession.get(sessionId);
    const item = items?.shift();
    if (items?.length === 0) this.#bySession.delete(sessionId);
    return item;
  }

  /** Returns the item, or an older one that was given back meanwhile. */
  oldest(sessionId: string, item: StoredItem | undefined): StoredItem | undefined {
    if (!this.#bySession.has(sessionId)) return item;
    if (item !== undefined) this.keep(sessionId, item);
    return this.take(sessionId);
  }

  forget(sessionId: string): void {
    this.#bySession.delete(sessionId);
  }
}

/**
 * A cursor over the session's shared work position, one entry at a time: only one cursor of all hosts gets a claimed
 * entry, or none if the answer is lost.
 *
 * It does not know what was evicted before anybody claimed it: `missed` stays 0.
 */
export class RemoteClaimCursor implements SessionCursor {
  message = '';
  timestamp = 0;
  detail: EntryDetail | undefined = undefined;
  /** Id of the entry met last, even after it was delivered. */
  id = '';
  lastId: string | undefined = undefined;
  readonly missed = 0;

  readonly #host: CursorHost;
  readonly #claimed: ClaimedEntries;
  readonly #seat: CursorSeat;
  readonly sessionId: string;
  #standsOn: StoredItem | undefined = undefined;
  /** The newest item when the cursor was opened. */
  #head: string | undefined = undefined;
  #isFirstLook = true;
  /** The newest mark that the cursor has passed. */
  #passed: string | undefined = undefined;
  #hasClaimed = false;
  #final: Step | undefined = undefined;

  constructor(host: CursorHost, claimed: ClaimedEntries, sessionId: string, name: string) {
    this.#host = host;
    this.#claimed = claimed;
    this.sessionId = sessionId;
    this.#seat = new CursorSeat(host, sessionId, name);
  }

  async step(): Promise<Step> {
    this.#seat.release();
    this.#standsOn = undefined;
    if (this.#final !== undefined) return this.#final;
    try {
      return await this.#look();
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      if (this.#host.isClosed) return (this.#final = 'closed');
      this.#seat.lookLater(error);
      return 'none';
    }
  }

  async #look(): Promise<Step> {
    for (;;) {
      const own = (await this.#takeKept()) ?? (await this.#claim());
      const item = this.#claimed.oldest(this.sessionId, own);
      if (item === undefined) return this.#stepAtHead();
      if (item.unreadable !== undefined) {
        await this.#passOver(item, item.unreadable);
        if (this.#seat.hasLeft) return 'none';
        continue;
      }
      if (this.#seat.hasLeft) {
        // Claimed for nobody: give it back, so that it is not lost.
        if (item.type === 'entry') this.#claimed.giveBack(this.sessionId, item);
        return 'none';
      }
      const isEmptyEnd = item.type === 'end' && (await this.#endsEmptySession(item));
      const step = this.#meet(item);
      if (isEmptyEnd) return 'empty-end';
      if (step !== undefined) return step;
    }
  }

  delivered(): void {
    if (this.#standsOn === undefined) return;
    this.lastId = this.#standsOn.id;
    this.#standsOn = undefined;
  }

  wait(waiter: Waiter): void {
    this.#claimed.join(this.#seat);
    this.#seat.wait(waiter);
  }

  stopWaiting(): void {
    this.#seat.stopWaiting();
  }

  enter(isForClient?: boolean): true | string {
    return this.#seat.enter(isForClient);
  }

  leave(): void {
    if (this.#seat.hasLeft) return;
    this.#claimed.part(this.#seat);
    this.#seat.leave();
    const item = this.#standsOn;
    this.#standsOn = undefined;
    if (item !== undefined) this.#claimed.giveBack(this.sessionId, item);
  }

  /**
   * Takes what was claimed for a cursor that left, if it is still in the log: the session may have been deleted or
   * forgotten.
   */
  async #takeKept(): Promise<StoredItem | undefined> {
    for (let item = this.#claimed.take(this.sessionId); item; item = this.#claimed.take(this.sessionId)) {
      try {
        const range = { direction: 'forward', from: item.id, limit: 1 } as const;
        const [found] = await this.#host.reads.read(this.#seat.name, range);
        if (found?.id === item.id) return item;
      } catch (error) {
        this.#claimed.keep(this.sessionId, item);
        throw error;
      }
    }
    return undefined;
  }

  /** Claims the next unclaimed item; `undefined` if there is none now. */
  async #claim(): Promise<StoredItem | undefined> {
    this.#seat.beginLook();
    const { reads } = this.#host;
    if (this.#isFirstLook) {
      await this.#host.settled(this.sessionId);
      const [newest] = await reads.read(this.#seat.name, { direction: 'back', from: undefined, limit: 1 });
      this.#head = newest?.id;
      this.#isFirstLook = false;
      if (this.#seat.hasLeft) return undefined;
    }
    return reads.claim(this.#seat.name);
  }

  /** Whether there is no entry before the end mark. If that cannot be asked now, the mark is kept for the next look. */
  async #endsEmptySession(mark: StoredItem): Promise<boolean> {
    if (this.#hasClaimed) return false;
    const oldest = { direction: 'forward', from: undefined, limit: FEW_ITEMS } as const;
    try {
      const before = await this.#host.reads.read(this.#seat.name, oldest);
      return before.every((item) => item.isMark || item.id > mark.id);
    } catch (error) {
      this.#claimed.keep(this.sessionId, mark);
      throw error;
    }
  }

  #meet(item: StoredItem): Step | undefined {
    const { entry } = item;
    if (entry === undefined) return this.#meetMark(item);
    this.#hasClaimed = true;
    this.message = entry.message;
    this.timestamp = entry.timestamp;
    this.detail = entry.detail;
    this.id = item.id;
    this.#standsOn = item;
    return 'entry';
  }

  /** Sets aside for a newer version what that version wrote. */
  async #passOver(item: StoredItem, why: Unreadable): Promise<void> {
    if (why === 'newer_version') {
      // The wake-up that led here is done, even if the item was kept: `lookLater` schedules the next try.
      this.#seat.beginLook();
      try {
        await this.#host.reads.setAside(this.#seat.name, item.id);
      } catch (error) {
        const cause = error instanceof CallFailed ? error.cause : undefined;
        if (!(cause instanceof RemoteRefusal) || !cause.isFinal) {
          this.#claimed.keep(this.sessionId, item);
          throw error;
        }
        const message = `${this.#host.engine} refuses to set aside an entry of a newer version, which a \`pop\` of this version cannot read`;
        this.#host.reporter.limited(`set aside ${cause.code}`, message, cause.cause ?? cause);
      }
    }
    this.#host.passedOver(why);
  }

  /** A mark counts once. A mark that existed when the cursor was opened counts only after it claimed an entry. */
  #meetMark(item: StoredItem): Step | undefined {
    if (this.#passed !== undefined && item.id <= this.#passed) return undefined;
    this.#passed = item.id;
    const isOld = this.#head !== undefined && item.id <= this.#head;
    if (item.type === 'end') return isOld && !this.#hasClaimed ? undefined : 'end';
    if (isOld) return undefined;
    this.#claimed.forget(this.sessionId);
    this.#final = 'deleted';
    return 'deleted';
  }

  /** There is nothing to claim. Only one cursor can claim a mark, so the others check whether the log ends with one. */
  async #stepAtHead(): Promise<Step> {
    const newestItems = { direction: 'back', from: undefined, limit: FEW_ITEMS } as const;
    const items = await this.#host.reads.read(this.#seat.name, newestItems);
    const newest = items.find(({ type }) => type !== 'unknown') ?? items[0];
    if (newest?.isMark === true) {
      const step = this.#meetMark(newest);
      if (step !== undefined) return step;
    }
    if (this.#host.isClosed) return (this.#final = 'closed');
    return newest === undefined || newest.isMark ? 'unknown' : 'none';
  }
}
