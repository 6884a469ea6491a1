import { isChat } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { Maybe, OpenOptions, SessionCursor, Step, Waiter } from '../session-store.ts';
import { CursorSeat } from './cursor-seat.ts';
import type { CursorHost } from './cursor-seat.ts';
import type { Unreadable } from './entry-codec.ts';
import { PageSize } from './page-size.ts';
import { CallFailed } from './remote-call.ts';
import { SequenceLedger } from './sequence-ledger.ts';
import { findStart } from './start.ts';
import type { Start, UnreadMark } from './start.ts';
import type { StoredItem } from './stored-item.ts';

const RECOVERY_ITEMS = 128;

/**
 * A cursor over a session in a remote log. It reads pages after its position, only when there may be something new.
 *
 * Each read begins at the position's own item, which shows whether that still exists: so the same read notices a log
 * that was cut, lost or set back. By the producers' numbers, dropped entries count as missed, and entries that were met
 * before are left out.
 */
export class RemoteCursor implements SessionCursor {
  message = '';
  timestamp = 0;
  detail: EntryDetail | undefined = undefined;

  readonly #host: CursorHost;
  readonly #seat: CursorSeat;
  readonly sessionId: string;
  readonly #options: OpenOptions;
  readonly #ledger = new SequenceLedger();
  readonly #pageSize = new PageSize();
  /** The first answer, requested when the cursor was opened, which fixes the start. */
  #opening: Promise<Start> | undefined;
  #start: Start | undefined = undefined;
  /** The last item that the cursor has passed, or the first to meet (`isIncluded`). */
  #position: string | undefined = undefined;
  #isIncluded = false;
  #items: readonly StoredItem[] = [];
  #next = 0;
  id = '';
  lastId: string | undefined = undefined;
  #standsOn: StoredItem | undefined = undefined;
  /** Whether the last read found less than it asked for. */
  #isDrained = false;
  #isAfterEnd = false;
  /** Whether no entry precedes the position. */
  #isEmpty = false;
  /** Whether it has reported "nothing more" since it met the last end mark. */
  #hasIdled = false;
  #final: Step | undefined = undefined;
  readonly #deletions: number;

  constructor(host: CursorHost, sessionId: string, name: string, options: OpenOptions) {
    this.#host = host;
    this.sessionId = sessionId;
    this.#options = options;
    this.#seat = new CursorSeat(host, sessionId, name);
    this.#deletions = host.deletionsOf(sessionId);
    this.#opening = this.#findStart();
    // A step will report the error, if there is one.
    this.#opening.catch(() => {});
  }

  get missed(): number {
    return this.#ledger.missed;
  }

  step(): Maybe<Step> {
    this.#seat.release();
    // This process deleted the session: end at once, whatever was read ahead.
    if (this.#host.deletionsOf(this.sessionId) > this.#deletions) this.#final = 'deleted';
    const known = this.#final ?? this.#stepInPage();
    if (known !== undefined) return known;
    if (this.#isDrained && this.#seat.isUpToDate) return this.#idle();
    return this.#stepLater();
  }

  delivered(): void {
    const item = this.#standsOn;
    if (item === undefined) return;
    this.lastId = item.id;
    this.#noteUnread(item);
  }

  #noteUnread({ id, producer, sequence, detail }: StoredItem): void {
    if (this.#options.from !== 'unread') return;
    this.#host.moveUnread(this.sessionId, { id, streamId: detail?.streamId, producer, sequence });
  }

  wait(waiter: Waiter): void {
    this.#seat.wait(waiter);
  }

  stopWaiting(): void {
    this.#seat.stopWaiting();
  }

  enter(isForClient?: boolean): true | string {
    return this.#seat.enter(isForClient);
  }

  leave(): void {
    this.#seat.leave();
    this.#items = [];
    this.#next = 0;
  }

  async #findStart(): Promise<Start> {
    const unread: UnreadMark | undefined =
      this.#options.from === 'unread' ? this.#host.unreadOf(this.sessionId) : undefined;
    // A process that logs and then reads finds what it logged.
    await this.#host.settled(this.sessionId);
    return await findStart(this.#host.reads, this.#seat.name, this.#options, unread);
  }

  async #open(): Promise<Start> {
    const opening = this.#opening ?? this.#findStart();
    this.#opening = undefined;
    const start = await opening;
    this.#start = start;
    this.#position = start.id;
    this.#isIncluded = start.isIncluded;
    this.#isAfterEnd = start.isAfterEnd;
    this.#isEmpty = start.isEmpty;
    this.#ledger.open(start.met, { missed: start.missed, isComplete: start.head === undefined });
    return start;
  }

  async #stepLater(): Promise<Step> {
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
    let canRecover = true;
    for (;;) {
      this.#seat.beginLook();
      if (this.#start === undefined) await this.#open();
      await this.#read();
      const step = this.#stepInPage();
      if (step !== undefined) return step;
      if (this.#items.length === 0 && this.#position !== undefined && !this.#isIncluded && canRecover) {
        canRecover = false;
        await this.#recover();
      } else if (this.#isDrained) {
        return this.#idle();
      }
    }
  }

  /** Reads the next page. The item at the position comes first, if it still exists, and does not count. */
  async #read(): Promise<void> {
    const isAnchored = this.#position !== undefined && !this.#isIncluded;
    const limit = this.#pageSize.next + (isAnchored ? 1 : 0);
    const from = this.#position;
    const items = await this.#host.reads.read(this.#seat.name, { direction: 'forward', from, limit });
    this.#isDrained = items.length < limit;
    this.#ledger.isCut = this.#position !== undefined && items[0]?.id !== this.#position;
    this.#items = items;
    this.#next = isAnchored && items[0]?.id === this.#position ? 1 : 0;
    if (items.length > 0) this.#isIncluded = false;
    this.#pageSize.note(items);
  }

  /**
   * Handles a position whose item is gone with nothing after it: the log has expired, was cut to nothing, or was lost
   * with a server that came back with an older one. Goes on after the newest remaining item that was met.
   */
  async #recover(): Promise<void> {
    const range = { direction: 'back', from: undefined, limit: RECOVERY_ITEMS } as const;
    const items = await this.#host.reads.read(this.#seat.name, range);
    const [newest] = items;
    if (newest === undefined) {
      this.#position = undefined;
      this.#isAfterEnd = true;
      this.#ledger.isComplete = true;
      return;
    }
    if (newest.id > (this.#position as string)) return;
    const met = items.find((item) => this.#ledger.hasMet(item));
    if (met === undefined) this.#ledger.loseCount();
    const at = met ?? newest;
    this.#position = at.id;
    this.#isAfterEnd = at.isMark;
  }

  /** Moves on within the current page. */
  #stepInPage(): Step | undefined {
    for (;;) {
      const item = this.#items[this.#next];
      if (this.#options.isBounded === true && this.#start !== undefined) {
        const { head } = this.#start;
        // There was no session when the bounded cursor was opened, and later entries do not concern it.
        if (head === undefined) return 'unknown';
        if (this.#isPast(item?.id, head)) return 'caught-up';
      }
      if (item === undefined) return undefined;
      this.#next += 1;
      this.#position = item.id;
      const step = this.#meet(item);
      if (step !== undefined) return step;
    }
  }

  #isPast(next: string | undefined, head: string): boolean {
    if (next !== undefined) return next > head;
    return this.#position !== undefined && !this.#isIncluded && this.#position >= head;
  }

  #meet(item: StoredItem): Step | undefined {
    if (!this.#ledger.note(item)) return undefined;
    if (item.type === 'tombstone') return this.#meetTombstone(item);
    if (item.type === 'end') return this.#meetEnd(item);
    this.#isEmpty = false;
    const { entry } = item;
    if (entry === undefined) return this.#passOver(item);
    this.#isAfterEnd = false;
    if (this.#leavesOut(item.id, entry.detail)) return undefined;
    this.message = entry.message;
    this.timestamp = entry.timestamp;
    this.detail = entry.detail;
    this.id = item.id;
    this.#standsOn = item;
    return 'entry';
  }

  #passOver(item: StoredItem): undefined {
    const why = item.unreadable as Unreadable;
    this.#host.passedOver(why);
    // Whatever it means, the session is live.
    if (item.type === 'entry' && why === 'newer_version') this.#isAfterEnd = false;
  }

  #meetTombstone(item: StoredItem): Step | undefined {
    const head = this.#start?.head;
    this.#isAfterEnd = true;
    // It existed when the cursor was opened, which reads the session that came after it.
    if (head !== undefined && item.id <= head) return undefined;
    this.#final = 'deleted';
    return 'deleted';
  }

  /** A second mark without an entry in between is news only for those that waited. */
  #meetEnd(item: StoredItem): Step | undefined {
    const isNew = !this.#isAfterEnd || this.#hasIdled;
    this.#isAfterEnd = true;
    this.#hasIdled = false;
    if (!this.#isEmpty) return isNew ? 'end' : undefined;
    this.#isEmpty = false;
    this.#noteUnread(item);
    return 'empty-end';
  }

  #leavesOut(id: string, detail: EntryDetail | undefined): boolean {
    const skip = this.#start?.skip;
    if (skip === undefined || id > skip.upTo) return false;
    return isChat(detail) && detail?.streamId === skip.streamId;
  }

  #idle(): Step {
    if (this.#host.isClosed) return (this.#final = 'closed');
    this.#hasIdled = true;
    if (this.#options.isBounded === true) return 'caught-up';
    return this.#isAfterEnd ? 'unknown' : 'none';
  }
}
