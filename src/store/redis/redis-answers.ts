import { afterEntry, startBy } from '../../entry/answer-state.ts';
import type { OpenAnswer } from '../../entry/answer-state.ts';
import { isAbandonedEnd, isChat, kindOf } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { EntryKind } from '../../entry/tokens.ts';
import type { StreamState } from '../session-store.ts';
import { RedisFailure } from './redis-client.ts';
import { itemsOf, rangeCommand, reverseCommand } from './redis-page.ts';
import type { StoredItem } from './redis-page.ts';
import type { RedisReads } from './redis-reads.ts';

const PAGE_ITEMS = 256;

/** Walks a log in pages, from an item on or back, until told to stop. */
export async function walk(
  reads: RedisReads,
  key: string,
  direction: 'forward' | 'back',
  from: string,
  visit: (item: StoredItem) => 'stop' | undefined,
): Promise<'stopped' | 'exhausted' | RedisFailure> {
  let at = from;
  for (;;) {
    const command =
      direction === 'forward' ? rangeCommand(key, at, '+', PAGE_ITEMS) : reverseCommand(key, at, '-', PAGE_ITEMS);
    const items = itemsOf(await reads.ask(command));
    if (items instanceof RedisFailure) return items;
    for (const item of items) if (visit(item) === 'stop') return 'stopped';
    const last = items.at(-1);
    if (last === undefined || items.length < PAGE_ITEMS) return 'exhausted';
    at = `(${last.id}`;
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
export async function answerAround(reads: RedisReads, key: string, id: string): Promise<AnswerAround | RedisFailure> {
  let isInside: boolean | undefined;
  let own: StoredItem | undefined;
  /** Of the newest chat entry with that stream id, the own one included. */
  let lastKind: EntryKind | undefined;
  const back = await walk(reads, key, 'back', id, (item) => {
    if (own === undefined) {
      if (item.id !== id || item.type !== 'entry') return 'stop';
      own = item;
    } else if (item.isMark) {
      return 'stop';
    }
    const kind = answerKind(item, own.detail?.streamId);
    lastKind ??= kind;
    if (kind === 'stream-start') isInside = true;
    else if (kind === 'stream-end' && item !== own) isInside = false;
    return isInside === undefined ? undefined : 'stop';
  });
  if (back instanceof RedisFailure) return back;
  if (own === undefined || isInside === false) return NO_ANSWER;
  // The start may have been evicted: then an end before any start tells that there was one.
  if (isInside === undefined && back === 'stopped') return NO_ANSWER;
  const streamId = own.detail?.streamId;
  const follower = new AnswerFollower(streamId, lastKind === 'tool-call-end' ? 2 : 1);
  follower.meet(own);
  if (!follower.isOver) {
    const forward = await walk(reads, key, 'forward', `(${id}`, (item) => {
      const isKnown = isInside === true || follower.end !== undefined;
      if (!isKnown && (item.isMark || answerKind(item, streamId) === 'stream-start')) return 'stop';
      follower.meet(item);
      return follower.isOver ? 'stop' : undefined;
    });
    if (forward instanceof RedisFailure) return forward;
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
      if (!isAbandonedEnd(detail as EntryDetail)) this.isOver = true;
    } else if (kind === 'stream-start') {
      // Started anew without an end, by another host that did not know of this one: it ended just before.
      if (this.#previousId !== undefined && startBy(this.#open, detail) !== 'goes-on') this.end ??= this.#previousId;
      this.#isRunning = true;
    }
    this.#open = afterEntry(this.#open, detail);
    this.#previousId = item.id;
  }
}
