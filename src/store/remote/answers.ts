import { afterEntry, startBy } from '../../entry/answer-state.ts';
import type { OpenAnswer } from '../../entry/answer-state.ts';
import { isReplacedEnd, isChat, kindOf } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { EntryKind } from '../../entry/tokens.ts';
import type { StreamState } from '../session-store.ts';
import type { RemoteReads } from './remote-reads.ts';
import type { StoredItem } from './stored-item.ts';

const PAGE_ITEMS = 256;

/** Walks a log in pages, from what lies behind an item on or back, or from its end, until told to stop. */
export async function walk(
  reads: RemoteReads,
  session: string,
  direction: 'forward' | 'back',
  behind: string | undefined,
  visit: (item: StoredItem) => 'stop' | undefined,
): Promise<'stopped' | 'exhausted'> {
  let from = behind;
  for (;;) {
    const items = await reads.read(session, { direction, from, limit: PAGE_ITEMS });
    for (const item of items) if (item.id !== from && visit(item) === 'stop') return 'stopped';
    const last = items.at(-1);
    if (last === undefined || items.length < PAGE_ITEMS) return 'exhausted';
    from = last.id;
  }
}

/** The answer that an entry lies in, as the log shows it. */
export interface AnswerAround {
  readonly state: StreamState;
  /** Where that very answer ends, an abandoned end included; `undefined` while it runs. */
  readonly end: string | undefined;
}

const NO_ANSWER: AnswerAround = { state: 'none', end: undefined };

/**
 * Looks back for the start of the answer that the entry lies in, and on for its end.
 *
 * Which start goes on with an answer is told by the log alone, whose order all hosts share. The process that logs a start
 * cannot tell: another one may have logged the tool call before it, or the end.
 */
export async function answerAround(reads: RemoteReads, session: string, id: string): Promise<AnswerAround> {
  const [own] = await reads.read(session, { direction: 'back', from: id, limit: 1 });
  if (own?.id !== id || own.type !== 'entry') return NO_ANSWER;
  const streamId = own.detail?.streamId;
  const ownKind = answerKind(own, streamId);
  let isInside = (ownKind === 'stream-start' ? true : undefined) as boolean | undefined;
  /** Of the newest chat entry with that stream id, the own one included. */
  let lastKind: EntryKind | undefined = ownKind;
  let back: 'stopped' | 'exhausted' = 'stopped';
  if (isInside === undefined) {
    back = await walk(reads, session, 'back', id, (item) => {
      if (item.isMark) return 'stop';
      const kind = answerKind(item, streamId);
      lastKind ??= kind;
      if (kind === 'stream-start') isInside = true;
      else if (kind === 'stream-end') isInside = false;
      return isInside === undefined ? undefined : 'stop';
    });
  }
  if (isInside === false) return NO_ANSWER;
  // The start may have been evicted: then an end before any start tells that there was one.
  if (isInside === undefined && back === 'stopped') return NO_ANSWER;
  const follower = new AnswerFollower(streamId, lastKind === 'tool-call-end' ? 2 : 1);
  follower.meet(own);
  if (!follower.isOver) {
    await walk(reads, session, 'forward', id, (item) => {
      const isKnown = isInside === true || follower.end !== undefined;
      if (!isKnown && (item.isMark || answerKind(item, streamId) === 'stream-start')) return 'stop';
      follower.meet(item);
      return follower.isOver ? 'stop' : undefined;
    });
  }
  if (isInside === undefined && follower.end === undefined) return NO_ANSWER;
  return { state: follower.state, end: follower.end };
}

/** The kind of a chat entry with that stream id, or of one without; `undefined` for everything else. */
function answerKind(item: StoredItem, streamId: string | undefined): EntryKind | undefined {
  const { entry } = item;
  if (entry === undefined || !isChat(entry.detail)) return undefined;
  return entry.detail?.streamId === streamId ? kindOf(entry.detail) : undefined;
}

/** Follows one answer, and those that took its place, to the end. */
class AnswerFollower {
  readonly #streamId: string | undefined;
  #open: OpenAnswer;
  #isRunning = true;
  #previousId: string | undefined = undefined;
  isOver = false;
  end: string | undefined = undefined;

  constructor(streamId: string | undefined, open: OpenAnswer) {
    this.#streamId = streamId;
    this.#open = open;
  }

  get state(): StreamState {
    return this.#isRunning && !this.isOver ? 'running' : 'finished';
  }

  meet(item: StoredItem): void {
    if (item.isMark) {
      // The session's life is over, and every answer in it.
      this.end ??= item.id;
      this.isOver = true;
      return;
    }
    if (item.unreadable !== undefined) return;
    const { detail } = item;
    const kind = answerKind(item, this.#streamId);
    if (kind === 'stream-end') {
      this.end ??= item.id;
      this.#isRunning = false;
      if (!isReplacedEnd(detail as EntryDetail)) this.isOver = true;
    } else if (kind === 'stream-start') {
      // Started anew without an end, by another host that did not know of this one: it ended just before.
      if (this.#previousId !== undefined && startBy(this.#open, detail) !== 'goes-on') this.end ??= this.#previousId;
      this.#isRunning = true;
    }
    this.#open = afterEntry(this.#open, detail);
    this.#previousId = item.id;
  }
}
