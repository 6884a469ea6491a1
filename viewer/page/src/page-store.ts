import type { BlocksEvent, ListEvent, RowsEvent, SessionRow, StateEvent } from '../../src/serve/protocol.ts';
import { panesOf, readView, writeView } from './address.ts';
import type { View } from './address.ts';
import { blockIn, withBlocks, withOlder } from './blocks.ts';
import type { Conversation, OlderBlocks } from './blocks.ts';
import { answersEnded, ViewerNews } from './announcements.ts';
import { EventStream } from './event-stream.ts';
import { followInSight } from './in-sight.ts';
import { Lag } from './lag.ts';
import { listFilter } from './list-filter.ts';
import { recordsOf } from './page-state.ts';
import type { PageState } from './page-state.ts';
import { Seen } from './seen.ts';

/** How many rows of the list the page has. It requests others as the list is scrolled. */
const WINDOW = 120;
/** Typing and scrubbing change the address at most this often: browsers refuse more. */
const ADDRESS_MILLIS = 250;
/** A change of only these adds no step to the history. */
const TYPED: ReadonlySet<string> = new Set<keyof View>(['search', 'text', 'place', 'replay']);

/** Keeps what the page shows, from what the stream brings. Calls its listeners at most once a frame. */
export class PageStore {
  #state: PageState = {
    view: readView(location.hash),
    connection: { kind: 'connecting' },
    viewer: undefined,
    list: undefined,
    conversations: new Map(),
    rows: new Map(),
    played: undefined,
    paused: undefined,
    isBusy: false,
    announcement: { text: '', count: 0 },
  };
  #offset = 0;
  /** The list on the page is not the one that the view asks for. */
  #isListDue = true;
  #isDrawDue = false;
  #addressTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #seen = new Seen();
  readonly #lag = new Lag();
  readonly #news = new ViewerNews();
  readonly #loading = new Map<string, Promise<void>>();
  readonly #listeners = new Set<() => void>();
  readonly #stream: EventStream;

  constructor() {
    this.#seen.forget(panesOf(this.#state.view));
    this.#stream = new EventStream({
      address: () => this.#address(),
      event: (name, data, id) => this.#take(name, data, id),
      connection: (connection) => this.#set({ connection }),
    });
    window.addEventListener('hashchange', () => this.#show(readView(location.hash)));
    followInSight(this.#stream);
    this.#stream.open();
  }

  get state(): PageState {
    return this.#state;
  }

  /** The row of a session that is in the list's window or side by side with others. */
  rowOf(key: string): SessionRow | undefined {
    return this.#state.rows.get(key) ?? this.#state.list?.rows.find((row) => row.key === key);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Shows something else, and puts it into the address.
   *
   * @param isTyped Adds no step to the history: many such changes may follow.
   */
  show(change: Partial<View>, isTyped: boolean = Object.keys(change).every((name) => TYPED.has(name))): void {
    const before = this.#state.view;
    const isOtherSession = change.follow !== undefined && change.follow !== before.follow;
    const view = { ...before, ...(isOtherSession ? { place: '' } : {}), ...change };
    const isOther = writeView(view) !== writeView(before);
    this.#show(view);
    if (isTyped) {
      this.#addressTimer ??= setTimeout(() => this.#writeAddress(false), ADDRESS_MILLIS);
    } else if (isOther) {
      this.#writeAddress(true);
    }
  }

  #writeAddress(isStep: boolean): void {
    clearTimeout(this.#addressTimer);
    this.#addressTimer = undefined;
    const hash = writeView(this.#state.view);
    const address = location.pathname + location.search + (hash === '#' ? '' : hash);
    if (isStep) history.pushState(null, '', address);
    else history.replaceState(null, '', address);
  }

  /** Announces something to people who do not see the page, without interrupting them. */
  announce(text: string): void {
    this.#set({ announcement: { text, count: this.#state.announcement.count + 1 } });
  }

  /** Requests the rows around this one, the first in sight, unless the page has them. */
  lookAt(offset: number): void {
    const start = Math.max(0, offset - (offset % (WINDOW / 3)) - WINDOW / 3);
    if (start === this.#offset) return;
    this.#offset = start;
    this.#isListDue = true;
    this.#stream.open();
  }

  /** Keeps what is shown as it is. The server holds what comes meanwhile, and says how much. */
  pause(): void {
    if (this.#state.paused !== undefined) return;
    this.#set({ paused: { records: recordsOf(this.#state.viewer) } });
    this.announce('Paused');
    this.#stream.open();
  }

  /** Shows what came meanwhile, and follows again. */
  resume(): void {
    if (this.#state.paused === undefined) return;
    this.#set({ paused: undefined });
    this.announce('Resumed');
    this.#stream.open();
  }

  /** Sets the chosen session as its replay has it; `undefined` when the replay is closed. */
  showPlayed(played: Conversation | undefined): void {
    this.#set({ played });
  }

  /** Fetches blocks before those that the page has. Resolves when they are there, or there are none. */
  loadOlder(key: string, limit = 200): Promise<void> {
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const loading = this.#loadOlder(key, limit).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  /** Fetches older blocks until this one is there. @returns Whether it is. */
  async reach(key: string, block: number): Promise<boolean> {
    for (;;) {
      const conversation = this.#state.conversations.get(key);
      if (conversation === undefined || blockIn(conversation, block) !== undefined) return conversation !== undefined;
      const oldest = oldestOf(conversation);
      if (!conversation.hasOlder || oldest < block) return false;
      await this.loadOlder(key, 1_000);
      if (this.#state.conversations.get(key) === conversation) return false;
    }
  }

  async #loadOlder(key: string, limit: number): Promise<void> {
    const known = this.#state.conversations.get(key);
    if (known === undefined || !known.hasOlder) return;
    const before = oldestOf(known);
    const { logType, severity } = this.#state.view;
    const query = new URLSearchParams({ session: key, before: `${before}`, limit: `${limit}`, logType });
    query.set('severity', String(severity));
    const response = await fetch(`./api/blocks?${query.toString()}`).catch(() => undefined);
    // The server is gone, which the page says elsewhere.
    if (response?.ok !== true) return;
    const older = (await response.json()) as OlderBlocks;
    const conversation = this.#state.conversations.get(key);
    // The session was sent from its start meanwhile.
    if (conversation === undefined || oldestOf(conversation) !== before) return;
    this.#setConversation(key, withOlder(conversation, older));
  }

  #show(view: View): void {
    const before = this.#state.view;
    if (writeView(before) === writeView(view)) return;
    const [panes, panesBefore] = [panesOf(view), panesOf(before)];
    const isOtherFilter = before.logType !== view.logType || before.severity !== view.severity;
    const others = isOtherFilter ? panes : panes.filter((key) => !panesBefore.includes(key));
    this.#seen.forget(others);
    const isKept = (key: string): boolean => panes.includes(key) && !others.includes(key);
    this.#set({
      view,
      conversations: kept(this.#state.conversations, isKept),
      rows: kept(this.#state.rows, (key) => panes.includes(key)),
    });
    const isOtherList = listFilter(before).toString() !== listFilter(view).toString();
    if (isOtherList) {
      this.#offset = 0;
      this.#isListDue = true;
    }
    if (isOtherList || others.length > 0 || panes.length !== panesBefore.length) this.#stream.open();
  }

  /** The address of the stream. A paused page requests only what it does not have at all. */
  #address(): string {
    const { view, paused, conversations } = this.#state;
    const query = listFilter(view);
    query.set('offset', String(this.#offset));
    query.set('limit', String(paused === undefined || this.#isListDue ? WINDOW : 0));
    query.set('logType', view.logType);
    query.set('severity', String(view.severity));
    const panes = panesOf(view);
    this.#seen.resume(query, paused === undefined ? panes : panes.filter((key) => !conversations.has(key)));
    return `./api/stream?${query.toString()}`;
  }

  #take(name: string, data: unknown, id: string | undefined): void {
    if (name === 'state') this.#set({ viewer: data as StateEvent });
    else if (name === 'list') this.#takeList(data as ListEvent);
    else if (name === 'rows') this.#takeRows(data as RowsEvent);
    else if (name === 'blocks') this.#takeBlocks(data as BlocksEvent);
    if (id === undefined) return;
    if (this.#state.paused === undefined) this.#seen.reached(id);
    // The paused page has what it requested, and wants nothing more.
    else if (name !== 'state') this.#stream.open();
  }

  #takeList(list: ListEvent): void {
    this.#isListDue = false;
    this.#set({ list });
  }

  #takeRows({ rows }: RowsEvent): void {
    const { list } = this.#state;
    if (list === undefined) return;
    const changed = new Map<string, SessionRow>(rows.map((row) => [row.key, row]));
    this.#set({ list: { ...list, rows: list.rows.map((row) => changed.get(row.key) ?? row) } });
  }

  #takeBlocks(event: BlocksEvent): void {
    const { key, row, isReset, isGone } = event;
    // What comes during a pause must come again after it.
    if (this.#state.paused === undefined) this.#seen.took(key, isReset === true || isGone === true);
    // The figures of a session that is gone say nothing any more.
    if (isGone === true) this.#set({ rows: kept(this.#state.rows, (each) => each !== key) });
    if (row !== undefined) this.#set({ rows: new Map(this.#state.rows).set(key, row) });
    const ended = answersEnded(this.#state.conversations.get(key), event);
    if (ended.length > 0) this.announce(ended.join('. '));
    this.#setConversation(key, withBlocks(this.#state.conversations.get(key), event));
  }

  #setConversation(key: string, conversation: Conversation): void {
    this.#set({ conversations: new Map(this.#state.conversations).set(key, conversation) });
  }

  #set(change: Partial<PageState>): void {
    const before = this.#state;
    this.#state = { ...before, ...change };
    if (change.viewer !== undefined || change.connection !== undefined) {
      const news = this.#news.take(before, this.#state, performance.now());
      if (news.length > 0) this.announce(news.join('. '));
    }
    if (this.#isDrawDue) return;
    this.#isDrawDue = true;
    const dueAt = performance.now();
    // A tab out of sight has no frames, and is drawn when it comes back.
    requestAnimationFrame(() => {
      this.#isDrawDue = false;
      for (const listener of this.#listeners) listener();
      const isBusy = this.#lag.drawn(performance.now() - dueAt);
      if (isBusy !== this.#state.isBusy) this.#set({ isBusy });
    });
  }
}

function oldestOf({ blocks }: Conversation): number {
  return blocks[0]?.id ?? 0;
}

function kept<T>(map: ReadonlyMap<string, T>, isKept: (key: string) => boolean): ReadonlyMap<string, T> {
  return new Map([...map].filter(([key]) => isKept(key)));
}
