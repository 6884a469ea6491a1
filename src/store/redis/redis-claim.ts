import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { SessionCursor, Step, Waiter } from '../session-store.ts';
import { RedisFailure } from './redis-client.ts';
import type { Unreadable } from './redis-codec.ts';
import { CursorSeat } from './redis-cursor-seat.ts';
import type { CursorHost } from './redis-cursor-seat.ts';
import { compareStreamIds, entryIdOf } from './redis-keys.ts';
import type { SessionKeys } from './redis-keys.ts';
import { itemsOf, rangeCommand, reverseCommand } from './redis-page.ts';
import type { StoredItem } from './redis-page.ts';
import type { RedisReads } from './redis-reads.ts';
import { isFinal } from './redis-verdict.ts';

/** The one consumer group of a session's stream: its position is the shared work position. */
const GROUP = 'w';
const CONSUMER = 'c';
/** So many of the newest items are looked at for a mark that another cursor claimed, of the oldest for an entry. */
const NEWEST_ITEMS = 8;

/** Entries claimed for a cursor that had left when the answer came: they go to the next one of this process. */
export class ClaimedEntries {
  readonly #bySession = new Map<string, StoredItem[]>();
  readonly #cursors = new Map<string, Set<CursorSeat>>();

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

  /** As `giveBack`, and wakes none of them: it is for the next one that looks. */
  keep(sessionId: string, item: StoredItem): void {
    const items = this.#bySession.get(sessionId) ?? [];
    items.push(item);
    items.sort((a, b) => compareStreamIds(a.id, b.id));
    this.#bySession.set(sessionId, items);
  }

  take(sessionId: string): StoredItem | undefined {
    const items = this.#bySession.get(sessionId);
    const item = items?.shift();
    if (items?.length === 0) this.#bySession.delete(sessionId);
    return item;
  }

  forget(sessionId: string): void {
    this.#bySession.delete(sessionId);
  }
}

/**
 * A cursor over the session's shared work position, which is a consumer group read with NOACK, one entry at a time: a
 * claim is answered to one cursor of all hosts, or, when the answer is lost, to none.
 *
 * What the group evicted before anybody claimed it is not known here: `missed` stays 0.
 */
export class RedisClaimCursor implements SessionCursor {
  message = '';
  timestamp = 0;
  detail: EntryDetail | undefined = undefined;
  readonly missed = 0;

  readonly #host: CursorHost;
  readonly #reads: RedisReads;
  readonly #claimed: ClaimedEntries;
  readonly #seat: CursorSeat;
  readonly #key: string;
  readonly sessionId: string;
  /** Of the entry met last, also when it was handed out. */
  #streamId: string | undefined = undefined;
  #lastStreamId: string | undefined = undefined;
  #standsOn: StoredItem | undefined = undefined;
  /** The newest item when the cursor was opened. */
  #head: string | undefined = undefined;
  #isFirstLook = true;
  /** The newest mark that lies behind the cursor. */
  #passed: string | undefined = undefined;
  #hasClaimed = false;
  #final: Step | undefined = undefined;

  constructor(host: CursorHost, claimed: ClaimedEntries, sessionId: string, keys: SessionKeys) {
    this.#host = host;
    this.#reads = host.reads;
    this.#claimed = claimed;
    this.sessionId = sessionId;
    this.#key = keys.log;
    this.#seat = new CursorSeat(host, sessionId, keys.wake);
  }

  get id(): string {
    return this.#streamId === undefined ? '' : entryIdOf(this.#streamId);
  }

  get lastId(): string | undefined {
    return this.#lastStreamId && entryIdOf(this.#lastStreamId);
  }

  async step(): Promise<Step> {
    this.#seat.release();
    this.#standsOn = undefined;
    if (this.#final !== undefined) return this.#final;
    for (;;) {
      const item = this.#claimed.take(this.sessionId) ?? (await this.#claim());
      if (item instanceof RedisFailure) return this.#failed(item);
      if (item === undefined) return this.#stepAtHead();
      if (item.unreadable !== undefined) {
        const failure = await this.#passOver(item, item.unreadable);
        if (failure !== undefined) return this.#failed(failure);
        if (this.#seat.hasLeft) return 'none';
        continue;
      }
      if (this.#seat.hasLeft) {
        // Claimed for nobody: at most once, but not lost either.
        if (item.type === 'entry') this.#claimed.giveBack(this.sessionId, item);
        return 'none';
      }
      const isEmptyEnd = item.type === 'end' && (await this.#endsEmptySession(item));
      if (isEmptyEnd instanceof RedisFailure) return this.#failed(isEmptyEnd);
      const step = this.#meet(item);
      if (isEmptyEnd) return 'empty-end';
      if (step !== undefined) return step;
    }
  }

  delivered(): void {
    if (this.#standsOn === undefined) return;
    this.#lastStreamId = this.#standsOn.id;
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

  /** The next item of the group; `undefined`: none now. */
  async #claim(): Promise<StoredItem | undefined | RedisFailure> {
    this.#seat.beginLook();
    if (this.#isFirstLook) {
      await this.#host.settled(this.sessionId);
      const newest = itemsOf(await this.#reads.ask(reverseCommand(this.#key, '+', '-', 1)));
      if (newest instanceof RedisFailure) return newest;
      this.#head = newest[0]?.id;
      this.#isFirstLook = false;
    }
    const key = this.#key;
    const args = ['XREADGROUP', 'GROUP', GROUP, CONSUMER, 'COUNT', '1', 'NOACK', 'STREAMS', key, '>'];
    const reply = await this.#reads.ask({ key, args });
    if (!(reply instanceof RedisFailure)) return firstItem(reply);
    if (reply.code !== 'NOGROUP') return reply;
    const made = await this.#reads.ask({ key, args: ['XGROUP', 'CREATE', key, GROUP, '0'] });
    // BUSYGROUP: another host was faster. ERR: there is no such key, hence no session.
    if (!(made instanceof RedisFailure) || made.code === 'BUSYGROUP') return this.#claim();
    return made.code === 'ERR' ? undefined : made;
  }

  /** Whether there is no entry before the end mark. When that cannot be asked now, the mark is for the next look. */
  async #endsEmptySession(item: StoredItem): Promise<boolean | RedisFailure> {
    if (this.#hasClaimed) return false;
    const before = itemsOf(await this.#reads.ask(rangeCommand(this.#key, '-', item.id, NEWEST_ITEMS)));
    if (!(before instanceof RedisFailure)) return before.every(({ isMark }) => isMark);
    this.#claimed.keep(this.sessionId, item);
    return before;
  }

  #meet(item: StoredItem): Step | undefined {
    const { entry } = item;
    if (entry === undefined) return this.#meetMark(item);
    this.#hasClaimed = true;
    this.message = entry.message;
    this.timestamp = entry.timestamp;
    this.detail = entry.detail;
    this.#streamId = item.id;
    this.#standsOn = item;
    return 'entry';
  }

  /**
   * What a newer version wrote is set aside for it: it becomes the group's only kind of pending entry, since all others
   * are claimed with NOACK. There XREADGROUP finds it, and one XACK of several takes it.
   */
  async #passOver(item: StoredItem, why: Unreadable): Promise<RedisFailure | undefined> {
    if (why === 'newer_version') {
      // The wake-up that led here is answered, also when it was kept: the next try is `lookLater`'s.
      this.#seat.beginLook();
      const key = this.#key;
      const args = ['XCLAIM', key, GROUP, CONSUMER, '0', item.id, 'FORCE', 'JUSTID'];
      const reply = await this.#reads.ask({ key, args });
      if (reply instanceof RedisFailure) {
        if (!isFinal(reply)) {
          this.#claimed.keep(this.sessionId, item);
          return reply;
        }
        const message = 'Redis refuses to set aside for a newer version what a `pop` of this one cannot read';
        this.#host.reporter.limited(`set aside ${reply.code}`, message, reply.cause);
      }
    }
    this.#host.passedOver(why);
    return undefined;
  }

  /** A mark is news once. One that was there when the cursor was opened is news only after it claimed an entry. */
  #meetMark(item: StoredItem): Step | undefined {
    if (this.#passed !== undefined && compareStreamIds(item.id, this.#passed) <= 0) return undefined;
    this.#passed = item.id;
    const isOld = this.#head !== undefined && compareStreamIds(item.id, this.#head) <= 0;
    if (item.type === 'end') return isOld && !this.#hasClaimed ? undefined : 'end';
    if (isOld) return undefined;
    this.#claimed.forget(this.sessionId);
    this.#final = 'deleted';
    return 'deleted';
  }

  /** Nothing to claim: a mark is claimed by one cursor only, so the others look whether the log ends with one. */
  async #stepAtHead(): Promise<Step> {
    const reply = await this.#reads.ask(reverseCommand(this.#key, '+', '-', NEWEST_ITEMS));
    const items = itemsOf(reply);
    if (items instanceof RedisFailure) return this.#failed(items);
    const newest = items.find(({ type }) => type !== 'unknown') ?? items[0];
    if (newest?.isMark === true) {
      const step = this.#meetMark(newest);
      if (step !== undefined) return step;
    }
    if (this.#host.isClosed) return (this.#final = 'closed');
    return newest === undefined || newest.isMark ? 'unknown' : 'none';
  }

  #failed(failure: RedisFailure): Step {
    if (this.#host.isClosed) return (this.#final = 'closed');
    this.#seat.lookLater(failure);
    return 'none';
  }
}

/** The item of an XREADGROUP reply: `[[key, [[id, fields]]]]`, or nil. */
function firstItem(reply: unknown): StoredItem | undefined | RedisFailure {
  const stream: unknown = Array.isArray(reply) ? reply[0] : reply;
  const items = itemsOf(Array.isArray(stream) ? stream[1] : stream);
  return items instanceof RedisFailure ? items : items[0];
}
