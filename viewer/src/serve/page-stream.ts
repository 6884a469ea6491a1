import type { Block } from '../model/block.ts';
import type { Session, SessionState } from '../model/session.ts';
import type { SessionModel } from '../model/session-model.ts';
import { charsOf, inPieces, newestChanges } from './block-pages.ts';
import { blockChange, isShown, sessionRow } from './encode.ts';
import type { BlockChange, BlockQuery, BlocksEvent, ListEvent, ListQuery, RowsEvent } from './protocol.ts';
import type { PageCursor } from './queries.ts';
import { listWindow } from './session-list.ts';
import type { StateReport } from './state-report.ts';
import type { Ticker } from './ticker.ts';

/** What a page wants to see. */
export interface StreamQuery {
  readonly list: ListQuery;
  readonly blocks: BlockQuery;
  /** Keys of sessions. */
  readonly follow: readonly string[];
  /** Keys of followed sessions that the page has nothing of, whatever `after` says. */
  readonly anew: readonly string[];
  /** How many of the newest blocks of a session are sent at first. */
  readonly tail: number;
  /** How far the page has seen the stream. */
  readonly after: PageCursor | undefined;
}

const STATE_INTERVAL_MILLIS = 1_000;
const LIST_INTERVAL_MILLIS = 250;
/** The share of the time that making the list may take. With many sessions, it is made less often. */
const LIST_SHARE = 0.05;
/** After this time without an event a comment is sent, so that dead connections are noticed. */
const HEARTBEAT_MILLIS = 15_000;
/** About how many characters of blocks one event has, so that the page can do other work in between. */
const CHARS_PER_EVENT = 128 * 1024;

/** Most blocks that a page is told of at once, and about their characters: both take the server a fifth of a second. */
const MAX_CHANGED = 20_000;
const MAX_CHANGED_CHARS = 16 * 1024 * 1024;

/** A followed session, as the page has it. */
interface Followed {
  readonly key: string;
  session: Session | undefined;
  /** `-1`: the page has nothing of it. */
  cursor: number;
  /** The last state that the page was sent. */
  state: SessionState | undefined;
  isToldGone: boolean;
}

/**
 * The stream of one page: server-sent events, each made only when the page has taken the previous ones. So a slow page, or a
 * burst of records, makes the steps larger and costs no memory here.
 */
export class PageStream {
  readonly #model: SessionModel;
  readonly #report: StateReport;
  readonly #query: StreamQuery;
  readonly #followed: Followed[];
  #rows = new Map<Session, number>();
  #window = '';
  #stateAt = Number.NEGATIVE_INFINITY;
  #listAt = Number.NEGATIVE_INFINITY;
  #listCursor = -1;
  #listMillis = 0;
  #sentAt = 0;

  constructor(model: SessionModel, report: StateReport, query: StreamQuery) {
    this.#model = model;
    this.#report = report;
    this.#query = query;
    const seq = query.after?.boot === report.boot ? query.after.seq : -1;
    this.#followed = query.follow.map((key) => ({
      key,
      session: model.sessions.get(key),
      cursor: query.anew.includes(key) ? -1 : Math.min(seq, model.cursor),
      state: undefined,
      isToldGone: false,
    }));
    for (const followed of this.#followed) {
      // Another session of this name began since.
      if (followed.session !== undefined && followed.session.bornAt >= followed.cursor) followed.cursor = -1;
    }
  }

  async *events(ticker: Ticker, signal: AbortSignal): AsyncGenerator<string> {
    // A proxy or a browser may hold back an answer until its body begins.
    yield 'retry: 1000\n\n';
    while (!signal.aborted && !ticker.isClosed) {
      const cursor = this.#model.cursor;
      for (const text of this.#round()) {
        this.#sentAt = performance.now();
        yield text;
      }
      if (performance.now() - this.#sentAt > HEARTBEAT_MILLIS) {
        this.#sentAt = performance.now();
        yield ': still here\n\n';
      }
      await ticker.next(cursor, STATE_INTERVAL_MILLIS / 4, signal);
    }
  }

  /** Events with all that is new. The last one has the cursor to resume from. */
  #round(): string[] {
    const cursor = this.#model.cursor;
    const texts: string[] = [];
    const now = performance.now();
    if (now - this.#stateAt >= STATE_INTERVAL_MILLIS) {
      this.#stateAt = now;
      texts.push(event('state', this.#report.state()));
    }
    texts.push(...this.#listTexts(now));
    for (const followed of this.#followed) texts.push(...this.#blockTexts(followed));
    if (texts.length > 0) texts[texts.length - 1] = `id: ${this.#report.boot}-${cursor}\n${texts.at(-1) ?? ''}`;
    return texts;
  }

  #listTexts(now: number): string[] {
    if (this.#query.list.limit === 0) return [];
    const interval = Math.max(LIST_INTERVAL_MILLIS, this.#listMillis / LIST_SHARE);
    const isDue = now - this.#listAt >= interval;
    // A session can end without anything arriving.
    const isStale = now - this.#listAt >= STATE_INTERVAL_MILLIS;
    if (isStale || (isDue && this.#model.cursor !== this.#listCursor)) return this.#wholeList(now);
    return this.#changedRows();
  }

  #wholeList(now: number): string[] {
    const { list } = this.#query;
    const { matching, sessions } = listWindow(this.#model, list);
    this.#listMillis = performance.now() - now;
    this.#listAt = now;
    this.#listCursor = this.#model.cursor;
    const nowMillis = this.#model.now();
    const states = sessions.map((session) => `${session.key}\n${session.bornAt}\n${session.stateAt(nowMillis)}`);
    const window = `${matching}\n${this.#model.sessions.size}\n${states.join('\n')}`;
    if (window === this.#window) return this.#changedRows();
    this.#window = window;
    this.#rows = new Map(sessions.map((session) => [session, session.version]));
    const rows = sessions.map((session) => sessionRow(session, nowMillis));
    const total = this.#model.sessions.size;
    return [event('list', { total, matching, offset: list.offset, rows } satisfies ListEvent)];
  }

  #changedRows(): string[] {
    const nowMillis = this.#model.now();
    const changed: Session[] = [];
    for (const [session, version] of this.#rows) {
      if (session.version === version) continue;
      this.#rows.set(session, session.version);
      changed.push(session);
    }
    if (changed.length === 0) return [];
    const rows = changed.map((session) => sessionRow(session, nowMillis));
    return [event('rows', { rows } satisfies RowsEvent)];
  }

  #blockTexts(followed: Followed): string[] {
    const session = this.#model.sessions.get(followed.key);
    if (session === undefined) return this.#goneText(followed);
    followed.isToldGone = false;
    if (session !== followed.session) followed.cursor = -1;
    followed.session = session;
    const { cursor } = followed;
    const row = sessionRow(session, this.#model.now());
    // A session can end without anything arriving.
    if (cursor !== -1 && session.version <= cursor && row.state === followed.state) return [];
    followed.cursor = this.#model.cursor;
    followed.state = row.state;
    const isShownHere = (block: Block): boolean => isShown(block, this.#query.blocks);
    const changes = cursor === -1 ? undefined : changesSince(session, cursor, isShownHere);
    if (changes !== undefined) return blockTexts(session.key, changes, { row });
    const { tail } = this.#query;
    const shown = session.blocks.filter(isShownHere);
    const newest = newestChanges(shown, tail);
    const isOnlyPart = shown.length > newest.length;
    return blockTexts(session.key, newest, { row, isReset: true, ...(isOnlyPart ? { hasOlder: true } : {}) });
  }

  #goneText(followed: Followed): string[] {
    followed.session = undefined;
    if (followed.isToldGone) return [];
    followed.isToldGone = true;
    return [event('blocks', { key: followed.key, isGone: true, blocks: [] } satisfies BlocksEvent)];
  }
}

/** What changed after the cursor; `undefined` if it is more than a page is told at once, which begins with the newest blocks anew. */
function changesSince(
  session: Session,
  cursor: number,
  isShownHere: (block: Block) => boolean,
): BlockChange[] | undefined {
  const changed = session.changedSince(cursor, MAX_CHANGED + 1);
  if (changed.length > MAX_CHANGED) return undefined;
  const changes: BlockChange[] = [];
  let chars = 0;
  for (const block of changed.filter(isShownHere)) {
    const change = blockChange(block, cursor);
    if ((chars += charsOf(change)) > MAX_CHANGED_CHARS) return undefined;
    changes.push(change);
  }
  return changes;
}

/** Splits the changes into events of a bounded size. */
function blockTexts(
  key: string,
  changes: readonly BlockChange[],
  first: Pick<BlocksEvent, 'row' | 'isReset' | 'hasOlder'>,
): string[] {
  const groups: BlockChange[][] = [[]];
  let chars = 0;
  for (const change of changes.flatMap((each) => inPieces(each, CHARS_PER_EVENT))) {
    if (chars > CHARS_PER_EVENT) {
      groups.push([]);
      chars = 0;
    }
    groups.at(-1)?.push(change);
    chars += 200 + charsOf(change);
  }
  return groups.map((blocks, at) => {
    const hasMore = at < groups.length - 1;
    const data: BlocksEvent = { key, ...(at === 0 ? first : {}), ...(hasMore ? { hasMore } : {}), blocks };
    return event('blocks', data);
  });
}

/** JSON has no line ends, so one line of data is enough. */
function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
