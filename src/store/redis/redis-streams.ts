import { isAbandonedEnd } from '../../entry/entry-detail.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import type { StreamState } from '../session-store.ts';
import { afterEntry, isAbandonedBy } from '../stream-state.ts';
import type { OpenStream } from '../stream-state.ts';
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

/** The stream that an entry lies in, as the log shows it. */
export interface StreamAround {
  readonly state: StreamState;
  /** Where that very stream ends, an abandoned end included; `undefined` while it runs. */
  readonly end: string | undefined;
}

const NO_STREAM: StreamAround = { state: 'none', end: undefined };

/** Looks back for the start of the stream that the entry lies in, and on for its end. */
export async function streamAround(reads: RedisReads, key: string, id: string): Promise<StreamAround | RedisFailure> {
  const before: StoredItem[] = [];
  let isInside: boolean | undefined;
  let own: StoredItem | undefined;
  const back = await walk(reads, key, 'back', id, (item) => {
    if (own === undefined) {
      if (item.id !== id || item.type !== 'entry') return 'stop';
      own = item;
      if (kindIn(item, own.detail?.streamId) === 'stream-start') isInside = true;
      return isInside ? 'stop' : undefined;
    }
    if (item.isMark) return 'stop';
    before.push(item);
    const kind = kindIn(item, own.detail?.streamId);
    if (kind === 'stream-start') isInside = true;
    if (kind === 'stream-end') isInside = false;
    return isInside === undefined ? undefined : 'stop';
  });
  if (back instanceof RedisFailure) return back;
  if (own === undefined || isInside === false) return NO_STREAM;
  // The start may have been evicted: then an end before any start tells that there was one.
  if (isInside === undefined && back === 'stopped') return NO_STREAM;
  const found: StoredItem = own;
  const streamId = found.detail?.streamId;
  const follower = new StreamFollower(streamId, stateAt([found, ...before], streamId));
  follower.meet(found);
  if (!follower.isOver) {
    const forward = await walk(reads, key, 'forward', `(${id}`, (item) => {
      if (isInside === undefined && item.type === 'entry' && kindIn(item, streamId) === 'stream-start') return 'stop';
      follower.meet(item);
      return follower.isOver ? 'stop' : undefined;
    });
    if (forward instanceof RedisFailure) return forward;
  }
  if (isInside === undefined && follower.end === undefined) return NO_STREAM;
  return { state: follower.state, end: follower.end };
}

/** The kind of an entry, when it belongs to the streams looked for. */
function kindIn(item: StoredItem, streamId: string | undefined): EntryDetail['kind'] | undefined {
  const { detail } = item;
  return detail !== undefined && detail.logType === 'chat' && detail.streamId === streamId ? detail.kind : undefined;
}

/** The writer's state before the entry, from what lies before it (newest first). */
function stateAt(newestFirst: readonly StoredItem[], streamId: string | undefined): OpenStream {
  if (streamId !== undefined) return 1;
  let state: OpenStream = newestFirst.length === 1 && newestFirst[0]?.detail?.kind === 'stream-start' ? 0 : 1;
  for (let index = newestFirst.length - 1; index > 0; index -= 1) {
    state = afterEntry(state, (newestFirst[index] as StoredItem).detail);
  }
  return state;
}

/** Follows one stream, and those that took its place, to the end. */
class StreamFollower {
  readonly #streamId: string | undefined;
  #open: OpenStream;
  #isRunning = true;
  #previousId: string | undefined = undefined;
  isOver = false;
  end: string | undefined = undefined;

  constructor(streamId: string | undefined, open: OpenStream) {
    this.#streamId = streamId;
    this.#open = open;
  }

  get state(): StreamState {
    return this.#isRunning && !this.isOver ? 'running' : 'finished';
  }

  meet(item: StoredItem): void {
    if (item.isMark) {
      // The session's life is over, and every stream in it.
      this.end ??= item.id;
      this.isOver = true;
      return;
    }
    if (item.unreadable !== undefined) return;
    const { detail } = item;
    const kind = kindIn(item, this.#streamId);
    if (kind === 'stream-end') {
      this.end ??= item.id;
      this.#isRunning = false;
      if (!isAbandonedEnd(detail as EntryDetail)) this.isOver = true;
    } else if (kind === 'stream-start') {
      // Started anew without an end, by another host that did not know of this one: it ended just before.
      const takesOver = this.#streamId !== undefined || isAbandonedBy(this.#open, detail);
      if (takesOver && this.#previousId !== undefined) this.end ??= this.#previousId;
      this.#isRunning = true;
    }
    if (this.#streamId === undefined) this.#open = afterEntry(this.#open, detail);
    this.#previousId = item.id;
  }
}
