import type { OpenOptions } from '../session-store.ts';
import { answerAround, walk } from './answers.ts';
import { LatestAnswer, LifeFinder, NewestEntries } from './life-finder.ts';
import type { RemoteReads } from './remote-reads.ts';
import type { StoredItem } from './stored-item.ts';

/** The furthest entry that an unread reader of this process got. */
export interface UnreadMark {
  readonly id: string;
  readonly streamId: string | undefined;
  readonly producer: string;
  readonly sequence: number;
}

/** Where a cursor starts. */
export interface Start {
  /**
   * The first item to meet (`isIncluded`), or the last one before the start; `undefined` to start before everything.
   */
  readonly id: string | undefined;
  readonly isIncluded: boolean;
  readonly missed: number;
  /** The rest of a finished answer, which is left out up to this id. */
  readonly skip: { readonly upTo: string; readonly streamId: string | undefined } | undefined;
  /** The newest item when the cursor was opened; `undefined` if there was no session. */
  readonly head: string | undefined;
  /** Whether an end mark or a tombstone precedes the position, or there is no session. */
  readonly isAfterEnd: boolean;
  /** Whether the log had no entry yet, so that the first end mark ends a session without entries. */
  readonly isEmpty: boolean;
  /** Sequence numbers of items before the start, by producer. */
  readonly met: Map<string, number>;
}

const TAIL_ITEMS = 128;

/** Finds the start of a cursor in the log as it is now. */
export async function findStart(
  reads: RemoteReads,
  session: string,
  { from, counts }: OpenOptions,
  unread: UnreadMark | undefined,
): Promise<Start> {
  const tail = await reads.read(session, { direction: 'back', from: undefined, limit: TAIL_ITEMS });
  const head = tail[0];
  const rest = { isAfterEnd: false, isEmpty: false, met: new Map() };
  const base = { isIncluded: false, missed: 0, skip: undefined, head: head?.id, ...rest };
  const asked = typeof from === 'object' && 'after' in from ? from.after : undefined;
  const last = typeof from === 'object' && 'last' in from ? from.last : undefined;
  if (head === undefined) {
    return { ...base, id: undefined, isAfterEnd: true, isEmpty: true, missed: asked === undefined ? 0 : -1 };
  }
  if (asked !== undefined) return startAfter(reads, session, asked, base, tail);
  if (from === 'now' || last === 0) return { ...base, id: head.id, isAfterEnd: isAfterMark(tail), met: metIn(tail) };
  if (from === 'unread' && unread !== undefined) {
    const start = await startAtMark(reads, session, unread, base, tail);
    if (start !== undefined) return start;
  }
  const sought = last === undefined ? undefined : new NewestEntries(last, counts);
  return startInLife(reads, session, new LifeFinder(from === 'stream' ? new LatestAnswer() : sought), base, tail);
}

type Base = Omit<Start, 'id'>;

/** The newest sequence number of each producer among the items, which come newest first. */
function metIn(items: readonly StoredItem[]): Map<string, number> {
  const met = new Map<string, number>();
  for (const { producer, sequence } of items) if (!met.has(producer)) met.set(producer, sequence);
  return met;
}

/** Whether the log (newest first) belongs to a session that ended without ever having an entry. */
function isEmptyLife(tail: readonly StoredItem[]): boolean {
  const known = tail.filter(({ type }) => type !== 'unknown');
  return known[0]?.type === 'end' && known.every(({ isMark }) => isMark);
}

/** Whether the newest known item (newest first) is a mark. */
function isAfterMark(items: readonly StoredItem[]): boolean {
  return items.find(({ type }) => type !== 'unknown')?.isMark === true;
}

async function startAfter(
  reads: RemoteReads,
  session: string,
  asked: string,
  base: Base,
  tail: readonly StoredItem[],
): Promise<Start> {
  const lost: Start = { ...base, id: undefined, isEmpty: isEmptyLife(tail), missed: -1 };
  if (!reads.isId(asked)) return lost;
  const items = await reads.read(session, { direction: 'back', from: asked, limit: TAIL_ITEMS });
  if (items[0]?.id !== asked) return lost;
  return { ...base, id: asked, met: metIn(items) };
}

/** Starts after the unread mark; `undefined` if the session was deleted or lost since and is now a new one. */
async function startAtMark(
  reads: RemoteReads,
  session: string,
  mark: UnreadMark,
  base: Base,
  tail: readonly StoredItem[],
): Promise<Start | undefined> {
  const items = await reads.read(session, { direction: 'back', from: mark.id, limit: TAIL_ITEMS });
  const at = items[0];
  if (at === undefined) {
    // Everything up to the mark is gone: it was evicted, unless a tombstone or nothing at all is left.
    const isGone = tail.some((item) => item.type === 'tombstone');
    return isGone ? undefined : { ...base, id: undefined, met: new Map([[mark.producer, mark.sequence]]) };
  }
  // Not the mark itself: it was lost with what came right after it, and everything left was read.
  if (at.id !== mark.id) return { ...base, id: at.id, isAfterEnd: isAfterMark(items), met: metIn(items) };
  const around = await answerAround(reads, session, mark.id);
  const skip = around.end === undefined ? undefined : { upTo: around.end, streamId: mark.streamId };
  return { ...base, id: mark.id, skip, isAfterEnd: at.isMark, met: metIn(items) };
}

/** Starts at the oldest entry of the current life, or at what is sought in it. */
async function startInLife(
  reads: RemoteReads,
  session: string,
  finder: LifeFinder,
  base: Base,
  tail: readonly StoredItem[],
): Promise<Start> {
  let isFound = tail.some((item) => finder.meet(item) === 'stop');
  const last = tail.at(-1) as StoredItem;
  if (!isFound && tail.length === TAIL_ITEMS) {
    const walked = await walk(reads, session, 'back', last.id, (item) => finder.meet(item));
    isFound = walked === 'stopped';
  }
  const first = finder.start;
  // Only marks are left. After a deletion comes a new session; an end is met as that of a session without entries.
  if (first === undefined) {
    const isEmpty = isEmptyLife(tail);
    return {
      ...base,
      id: base.head,
      isIncluded: isEmpty,
      isEmpty,
      isAfterEnd: true,
      met: isEmpty ? new Map() : metIn(tail),
    };
  }
  // The log was cut before it: entries are gone, and so is the knowledge which of them were of this life.
  const missed = !isFound && finder.beginsInMidLine ? -1 : 0;
  // What precedes the start: one less than each producer's first number after it.
  return { ...base, id: first.id, isIncluded: true, missed, met: finder.met };
}
