import { afterEntry, startBy } from '../../entry/answer-state.ts';
import type { OpenAnswer } from '../../entry/answer-state.ts';
import { isReplacedEnd, isChat, kindOf } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { EntryKind } from '../../entry/tokens.ts';
import type { StreamState } from '../session-store.ts';
import type { RemoteReads } from './remote-reads.ts';
import type { StoredItem } from './stored-item.ts';

const PAGE_ITEMS = 256;

/** Walks a log in pages, forwards or backwards from after an item, or from its end, until `visit` says stop. */
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

/** The answer that contains an entry, as the log shows it. */
export interface AnswerAround {
  readonly state: StreamState;
  /** Where this very answer ends, even if it was abandoned; `undefined` while it runs. */
  readonly end: string | undefined;
}

const NO_ANSWER: AnswerAround = { state: 'none', end: undefined };

/**
 * Looks backwards for the start of the answer that contains the entry, and forwards for its end.
 *
 * Only the log, whose order all hosts share, shows which start goes on with an answer. The process that logs a start
 * cannot know: another one may have logged the tool call before it, or the end.
 */
export async function answerAround(reads: RemoteReads, session: string, id: string): Promise<AnswerAround> {
  const [own] = await reads.read(session, { direction: 'back', from: id, limit: 1 });
  if (own?.id !== id || own.type !== 'entry') return NO_ANSWER;
  const streamId = own.detail?.streamId;
  const ownKind = answerKind(own, streamId);
  let isInside = (ownKind === 'stream-start' ? true : undefined) as boolean | undefined;
  /** Kind of the newest chat entry with this stream id, including the given one. */
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
  // The start may have been evicted: then an end before any start shows that there was one.
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

/** The kind of a chat entry with this stream id (or without one); `undefined` for everything else. */
function answerKind(item: StoredItem, streamId: string | undefined): EntryKind | undefined {
  const { entry } = item;
  if (entry === undefined || !isChat(entry.detail)) return undefined;
  return entry.detail?.streamId === streamId ? kindOf(entry.detail) : undefined;
}

/** Follows one answer, and those that replaced it, to the end. */
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
      // The session's life is over, and so is every answer in it.
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
      // Another host that did not know of this answer started a new one: this one ended just before.
      if (this.#previousId !== undefined && startBy(this.#open, detail) !== 'goes-on') this.end ??= this.#previousId;
      this.#isRunning = true;
    }
    this.#open = afterEntry(this.#open, detail);
    this.#previousId = item.id;
  }
}
