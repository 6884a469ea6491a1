import { LossCounters } from '../../support/loss-counters.ts';
import { ownText } from '../../support/own-text.ts';
import type { Reporter } from '../../support/reporter.ts';
import { ReaderBounds } from '../reader-bounds.ts';
import { ClaimedEntries } from './claim-cursor.ts';
import type { CursorHost, CursorSeat } from './cursor-seat.ts';
import type { Unreadable } from './entry-codec.ts';
import type { KeepAlive } from './keep-alive.ts';
import type { Outage } from './outage.ts';
import { CallFailed } from './remote-call.ts';
import type { RemoteCalls } from './remote-call.ts';
import { RemoteRefusal } from './remote-log.ts';
import type { RemoteLog } from './remote-log.ts';
import type { ParsedRemoteOptions } from './remote-options.ts';
import { RemoteReads } from './remote-reads.ts';
import type { RemoteWriter } from './remote-writer.ts';
import type { ProducedSessions } from './produced-sessions.ts';
import type { UnreadMark } from './start.ts';
import { WakeUps } from './wake-ups.ts';

/** The longest that a new reader waits for entries of its own process to be stored. */
const SETTLE_MILLIS = 3_000;

/** The part of a store's writing side that its readers need. */
export interface WritingSide {
  readonly writer: RemoteWriter;
  readonly produced: ProducedSessions;
}

/** The reading side of a store, which its cursors share. */
export class RemoteReaders implements CursorHost {
  readonly reads: RemoteReads;
  readonly wakeUps: WakeUps;
  readonly keepAlive: KeepAlive;
  readonly reporter: Reporter;
  readonly engine: string;
  readonly claimed: ClaimedEntries;
  readonly #writing: WritingSide;
  readonly #bounds: ReaderBounds;
  readonly #maxSessions: number;
  readonly #unreadable = new LossCounters();
  readonly #unread = new Map<string, UnreadMark>();
  readonly #waiting = new Set<CursorSeat>();
  /** By session, the number of the last deletion by this process, which grows with each one. */
  readonly #deletions = new Map<string, number>();
  #deletionCount = 0;
  #isClosed = false;

  constructor(
    log: RemoteLog,
    options: ParsedRemoteOptions,
    writing: WritingSide,
    shared: {
      readonly calls: RemoteCalls;
      readonly keepAlive: KeepAlive;
      readonly outage: Outage;
      readonly reporter: Reporter;
    },
  ) {
    this.engine = log.name;
    this.keepAlive = shared.keepAlive;
    this.reporter = shared.reporter;
    this.reads = new RemoteReads(log, shared);
    this.wakeUps = new WakeUps(log, options.answerLeaseMillis, shared);
    this.#writing = writing;
    this.#bounds = new ReaderBounds(options);
    this.#maxSessions = options.maxSessions;
    this.claimed = new ClaimedEntries(options.maxSessions);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get count(): number {
    return this.#bounds.count;
  }

  /** How often readers left out something that this version cannot read, by reason. */
  get unreadable(): Record<string, number> {
    return this.#unreadable.toJSON();
  }

  /** Ids of sessions on which readers are waiting now. */
  waitedOn(): string[] {
    return [...this.#waiting].map(({ sessionId }) => sessionId);
  }

  close(): void {
    this.#isClosed = true;
    this.wakeUps.close();
  }

  /** Makes the session's cursors in this process step to `'deleted'`. */
  noteDeletion(sessionId: string): void {
    this.#unread.delete(sessionId);
    this.claimed.forget(sessionId);
    this.#deletions.delete(sessionId);
    this.#deletions.set(ownText(sessionId), ++this.#deletionCount);
    if (this.#deletions.size > this.#maxSessions) this.#deletions.delete(this.#deletions.keys().next().value as string);
  }

  async settled(sessionId: string): Promise<void> {
    const { writer, produced } = this.#writing;
    const session = produced.get(sessionId);
    if (session === undefined || session.pending === 0) return;
    // While the engine is away, nothing can be read either.
    if (!writer.isAway) await writer.flush(SETTLE_MILLIS).catch(() => {});
    if (session.pendingDeletions > 0) throw new CallFailed(new RemoteRefusal('DELETED', { isFinal: false }));
  }

  deletionsOf(sessionId: string): number {
    return this.#deletions.get(sessionId) ?? 0;
  }

  passedOver(why: Unreadable): void {
    if (this.#unreadable.get(why) === 0) {
      const what = {
        newer_version: `an entry in ${this.engine} was written by a newer version of this package: readers of this process leave it out; it stays for readers of that version`,
        not_an_entry: `an entry in ${this.engine} was not written by this package: readers leave it out`,
      };
      this.reporter.warn(what[why]);
    }
    this.#unreadable.add(why);
  }

  admitReader(sessionId: string, isForClient: boolean): true | string {
    return this.#bounds.admit(sessionId, isForClient);
  }

  dismissReader(sessionId: string): void {
    this.#bounds.dismiss(sessionId);
  }

  unreadOf(sessionId: string): UnreadMark | undefined {
    return this.#unread.get(sessionId);
  }

  moveUnread(sessionId: string, mark: UnreadMark): void {
    const before = this.#unread.get(sessionId);
    if (before !== undefined && before.id >= mark.id) return;
    this.#unread.delete(sessionId);
    this.#unread.set(sessionId, mark);
    if (this.#unread.size <= this.#maxSessions) return;
    // Drop the mark that has not moved for the longest time: its session will be read from the start again.
    this.#unread.delete(this.#unread.keys().next().value as string);
  }

  noteWaiting(seat: CursorSeat, isWaiting: boolean): void {
    if (isWaiting) this.#waiting.add(seat);
    else this.#waiting.delete(seat);
  }
}
