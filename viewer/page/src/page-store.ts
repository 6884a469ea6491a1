import type { BlocksEvent, ListEvent, RowsEvent, SessionRow, StateEvent } from '../../src/serve/protocol.ts';
import { readView, writeView } from './address.ts';
import type { View } from './address.ts';
import { withBlocks } from './blocks.ts';
import type { Conversation } from './blocks.ts';
import { EventStream } from './event-stream.ts';
import type { Connection } from './event-stream.ts';

export interface PageState {
  readonly view: View;
  readonly connection: Connection;
  readonly viewer: StateEvent | undefined;
  readonly list: ListEvent | undefined;
  readonly conversation: Conversation | undefined;
}

/** Rows of the list that are there; the page asks for others as it is scrolled. */
const WINDOW = 200;

/** What the page shows, put together from the stream. Its listeners are called once a frame at most. */
export class PageStore {
  #state: PageState;
  #offset = 0;
  #isDue = false;
  readonly #listeners = new Set<() => void>();
  readonly #stream: EventStream;

  constructor() {
    this.#state = {
      view: readView(location.hash),
      connection: 'connecting',
      viewer: undefined,
      list: undefined,
      conversation: undefined,
    };
    this.#stream = new EventStream({
      event: (name, data) => this.#take(name, data),
      connection: (connection) => this.#set({ connection }),
    });
    window.addEventListener('hashchange', () => this.#show(readView(location.hash)));
    this.#follow(false);
  }

  get state(): PageState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shows something else, and puts it into the address. */
  show(change: Partial<View>): void {
    const view = { ...this.#state.view, ...change };
    const hash = writeView(view);
    if (change.search === undefined) location.hash = hash;
    // Each key of a search would be a step in the history.
    else history.replaceState(null, '', hash === '#' ? ' ' : hash);
    this.#show(view);
  }

  /** The part of the list that is in sight. */
  lookAt(offset: number): void {
    const start = Math.max(0, offset - (offset % (WINDOW / 2)) - WINDOW / 4);
    if (start === this.#offset) return;
    this.#offset = start;
    this.#follow(true);
  }

  #show(view: View): void {
    const before = this.#state.view;
    if (writeView(before) === writeView(view)) return;
    const isSame = before.follow === view.follow && before.logType === view.logType;
    this.#set({ view, ...(isSame ? {} : { conversation: undefined }) });
    if (writeView({ ...before, block: 0 }) === writeView({ ...view, block: 0 })) return;
    if (before.search !== view.search || before.sort !== view.sort || before.state !== view.state) this.#offset = 0;
    this.#follow(isSame);
  }

  #follow(isResumed: boolean): void {
    const { follow, search, sort, state, logType } = this.#state.view;
    const query = new URLSearchParams({
      search,
      sort,
      state,
      logType,
      offset: String(this.#offset),
      limit: String(WINDOW),
    });
    if (follow !== '') query.set('follow', follow);
    this.#stream.open((lastId) => {
      if (lastId !== '') query.set('after', lastId);
      return `./api/stream?${query.toString()}`;
    }, isResumed);
  }

  #take(name: string, data: unknown): void {
    if (name === 'state') this.#set({ viewer: data as StateEvent });
    else if (name === 'list') this.#set({ list: data as ListEvent });
    else if (name === 'rows') this.#takeRows(data as RowsEvent);
    else if (name === 'blocks') this.#takeBlocks(data as BlocksEvent);
  }

  #takeRows({ rows }: RowsEvent): void {
    const { list } = this.#state;
    if (list === undefined) return;
    const changed = new Map<string, SessionRow>(rows.map((row) => [row.key, row]));
    this.#set({ list: { ...list, rows: list.rows.map((row) => changed.get(row.key) ?? row) } });
  }

  #takeBlocks(event: BlocksEvent): void {
    if (event.key === this.#state.view.follow) this.#set({ conversation: withBlocks(this.#state.conversation, event) });
  }

  #set(change: Partial<PageState>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#isDue) return;
    this.#isDue = true;
    // A tab out of sight has no frames, and is drawn when it comes back.
    requestAnimationFrame(() => {
      this.#isDue = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
