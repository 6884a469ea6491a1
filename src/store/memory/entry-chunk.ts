import type { EntryDetail } from '../../entry/entry-detail.ts';
import { ownJoin, ownText } from '../../support/own-text.ts';
import { SlotSet } from './slot-set.ts';

/** Rows of a chunk, a power of two. */
export const CHUNK_ROWS = 1024;

/** No place: the end of a session's chain. */
export const NO_PLACE = -1;

/** Rows whose texts stand together as one: joining costs a fifth of copying each, and a reader's part keeps few others. */
const PAGE_ROWS = 16;
const PAGE_MASK = PAGE_ROWS - 1;
/** A longer text stands by itself: whoever keeps a short one shall not keep it too. In UTF-16 units. */
const LONGEST_IN_PAGE = 1_000;

// Columns of a row. The text of a row begins where that of the row before it ends.
const TIME = 0;
const NEXT = 1;
const OWNER = 2;
const TEXT_END = 3;
const POSITION = 4;
const COLUMNS = 5;

/** In place of the number of the session: the row holds no entry any more, and what became of it. */
export const EVICTED = -1;
const DELETED = -2;

const NO_ROWS = new Int32Array(0);
const NO_SLOTS = new Uint16Array(0);

/** What a row holds. */
export interface Entry {
  message: string;
  timestamp: number;
  detail: EntryDetail | undefined;
}

/**
 * 1,024 rows of the log over all sessions, in the order logged. A row has the time of its entry, the number of its session,
 * the place of that session's next entry, where its text ends in the text of its page, and its position in its session.
 *
 * Few objects for many entries: what a collection has to copy and to mark is counted in objects first.
 */
export class EntryChunk {
  /** Grows from chunk to chunk. */
  readonly serial: number;
  /** Its neighbours in the order logged. */
  older: EntryChunk | undefined = undefined;
  newer: EntryChunk | undefined = undefined;
  /** Evicted entries of the chunks that stood between it and the one before it. */
  evictedBefore = 0;
  /** Rows whose entries were deleted, whoever asks for them. */
  deleted = 0;
  /** Walks that stand in it: it keeps its place in the order, although it may have no rows any more. */
  standing = 0;
  /** Rows that hold an entry. */
  live = 0;
  /** Rows there are: written ones, and when it was thinned only those that were live then. */
  used = 0;
  /** UTF-16 units in pages, and how many of them are of rows that are free. */
  units = 0;
  deadUnits = 0;
  readonly #baseMillis: number;
  #rows: Int32Array;
  /** The slots of the rows, ascending, once it was thinned; else each row's index is its slot. */
  #slots: Uint16Array | undefined = undefined;
  #pages: string[] = [];
  /** Texts of the last page that are not joined yet, from row `#sealed` on, as they came. */
  readonly #open: string[];
  #sealed = 0;
  #pageEnd = 0;
  // What few rows have.
  #details: (EntryDetail | undefined)[] | undefined = undefined;
  #longTexts: Map<number, string> | undefined = undefined;
  #oddTimes: Map<number, number> | undefined = undefined;
  /** Pages with texts that have to go soon. */
  #pagesToErase: Set<number> | undefined = undefined;
  /** Slots of evicted entries whose rows are gone. */
  #evicted: SlotSet | undefined = undefined;

  /** @param rows The memory of a chunk that is no more. */
  constructor(serial: number, timestamp: number, rows?: Int32Array) {
    this.serial = serial;
    this.#baseMillis = Math.floor(timestamp);
    this.#rows = rows ?? new Int32Array(CHUNK_ROWS * COLUMNS);
    this.#open = Array.from({ length: PAGE_ROWS }, () => '');
  }

  get isFull(): boolean {
    return this.used === CHUNK_ROWS;
  }

  /** Writes the next row; it must not be full. @returns The row's slot. */
  push(message: string, timestamp: number, detail: EntryDetail | undefined, owner: number, position: number): number {
    const slot = this.used;
    const rows = this.#rows;
    const base = slot * COLUMNS;
    const time = timestamp - this.#baseMillis;
    if ((time | 0) !== time) (this.#oddTimes ??= new Map()).set(slot, timestamp);
    let text = message;
    if (message.length > LONGEST_IN_PAGE) {
      (this.#longTexts ??= new Map()).set(slot, ownText(message));
      text = '';
    }
    this.#pageEnd += text.length;
    rows[base + TIME] = time;
    rows[base + NEXT] = NO_PLACE;
    rows[base + OWNER] = owner;
    rows[base + TEXT_END] = this.#pageEnd;
    rows[base + POSITION] = position;
    if (detail !== undefined) this.#setDetail(slot, detail);
    this.#open[slot & PAGE_MASK] = text;
    this.used = slot + 1;
    this.live += 1;
    if ((slot & PAGE_MASK) === PAGE_MASK) this.seal();
    return slot;
  }

  #setDetail(slot: number, detail: EntryDetail): void {
    this.#details ??= Array.from({ length: CHUNK_ROWS }, () => undefined);
    this.#details[slot] = detail;
  }

  /** Joins the texts that are held as they came, so that what is held holds only itself. */
  seal(): void {
    const { used } = this;
    if (this.#sealed === used) return;
    const from = this.#sealed & PAGE_MASK;
    const to = ((used - 1) & PAGE_MASK) + 1;
    const isWhole = to - from === PAGE_ROWS;
    const added = ownJoinOf(isWhole ? this.#open : this.#open.slice(from, to));
    if (from === 0) this.#pages.push(added);
    else this.#pages.push(ownPair(this.#pages.pop() as string, added));
    this.#open.fill('', from, to);
    this.#sealed = used;
    this.units += added.length;
    if (to === PAGE_ROWS) this.#pageEnd = 0;
  }

  next(slot: number): number {
    return this.#rows[this.indexFrom(slot) * COLUMNS + NEXT] as number;
  }

  setNext(slot: number, place: number): void {
    this.#rows[this.indexFrom(slot) * COLUMNS + NEXT] = place;
  }

  detail(slot: number): EntryDetail | undefined {
    return this.#details === undefined ? undefined : this.#details[this.indexFrom(slot)];
  }

  /** The entry of the row, into `target`. */
  read(slot: number, target: Entry): void {
    this.readAt(this.indexFrom(slot), slot, target);
  }

  /** The same of a row whose index is known. */
  readAt(index: number, slot: number, target: Entry): void {
    target.message = this.#messageAt(index, slot);
    target.timestamp = this.#oddTimes?.get(slot) ?? this.#baseMillis + (this.#rows[index * COLUMNS + TIME] as number);
    target.detail = this.#details === undefined ? undefined : this.#details[index];
  }

  /** The index of the first row from the slot on; `used` when there is none. */
  indexFrom(slot: number): number {
    const slots = this.#slots;
    if (slots === undefined) return slot;
    let low = 0;
    let high = slots.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((slots[middle] as number) < slot) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  slotAt(index: number): number {
    return this.#slots === undefined ? index : (this.#slots[index] as number);
  }

  /** The number of the session; below 0 the row holds no entry, and `EVICTED` says that it was evicted. */
  ownerAt(index: number): number {
    return this.#rows[index * COLUMNS + OWNER] as number;
  }

  /** The low 32 bits of the entry's position in its session. */
  positionAt(index: number): number {
    return this.#rows[index * COLUMNS + POSITION] as number;
  }

  /** Evicted entries from slot `from` on and before `to` whose rows are gone. */
  evictedBetween(from: number, to: number): number {
    return this.#evicted === undefined ? 0 : this.#evicted.countBetween(from, to);
  }

  /** A part of its page's text, but for a short one: V8 copies those. */
  #messageAt(index: number, slot: number): string {
    const start = this.#startOf(index);
    const end = this.#endOf(index);
    if (start === end) return this.#longTexts?.get(slot) ?? '';
    if (index >= this.#sealed) return this.#open[index & PAGE_MASK] as string;
    return (this.#pages[(index / PAGE_ROWS) | 0] as string).slice(start, end);
  }

  /** UTF-16 units of the text. */
  textLength(slot: number): number {
    const index = this.indexFrom(slot);
    return this.#endOf(index) - this.#startOf(index) || (this.#longTexts?.get(slot)?.length ?? 0);
  }

  #startOf(index: number): number {
    return (index & PAGE_MASK) === 0 ? 0 : (this.#rows[index * COLUMNS - COLUMNS + TEXT_END] as number);
  }

  #endOf(index: number): number {
    return this.#rows[index * COLUMNS + TEXT_END] as number;
  }

  /** Frees a row. Its text stays in its page until {@link tidy}, or until {@link erase} when it was deleted: that has to go soon. */
  free(slot: number, isDeleted: boolean): void {
    const index = this.indexFrom(slot);
    const units = this.#endOf(index) - this.#startOf(index);
    this.#rows[index * COLUMNS + OWNER] = isDeleted ? DELETED : EVICTED;
    this.live -= 1;
    this.deadUnits += units;
    if (this.#details !== undefined) this.#details[index] = undefined;
    this.#longTexts?.delete(slot);
    this.#oddTimes?.delete(slot);
    if (!isDeleted) return;
    this.deleted += 1;
    if (units > 0) (this.#pagesToErase ??= new Set()).add((index / PAGE_ROWS) | 0);
  }

  /** Lets go of the texts of deleted rows. */
  erase(): void {
    const pages = this.#pagesToErase;
    if (pages === undefined) return;
    this.#pagesToErase = undefined;
    this.seal();
    for (const page of pages) this.#rewrite(page);
  }

  /** Lets go of what free rows still take, where that is much. The newest chunk keeps its rows: it is still written to. */
  tidy(isNewest: boolean): void {
    if (!isNewest && 2 * this.live <= this.used) this.#thin();
    else if (4 * this.deadUnits > this.units) {
      this.seal();
      for (let page = 0; page < this.#pages.length; page += 1) this.#rewrite(page);
    }
  }

  /**
   * The rows' memory, for another chunk; this one is of no more use but to walks that stand in it. `undefined` when it was
   * thinned.
   */
  takeRows(): Int32Array | undefined {
    if (this.standing > 0) for (let index = 0; index < this.used; index += 1) this.#noteEvicted(index);
    const rows = this.#slots === undefined ? this.#rows : undefined;
    this.#rows = NO_ROWS;
    this.#slots = NO_SLOTS;
    this.used = 0;
    this.#pages = [];
    this.#details = undefined;
    return rows;
  }

  /** Of a row that goes. */
  #noteEvicted(index: number): void {
    if (this.ownerAt(index) === EVICTED) (this.#evicted ??= new SlotSet(CHUNK_ROWS)).add(this.slotAt(index));
  }

  #rewrite(page: number): void {
    const rows = this.#rows;
    const text = this.#pages[page] as string;
    const parts: string[] = [];
    let start = 0;
    let end = 0;
    for (let index = page * PAGE_ROWS; index < Math.min((page + 1) * PAGE_ROWS, this.#sealed); index += 1) {
      const oldEnd = this.#endOf(index);
      const part = this.ownerAt(index) < 0 ? '' : text.slice(start, oldEnd);
      start = oldEnd;
      parts.push(part);
      end += part.length;
      rows[index * COLUMNS + TEXT_END] = end;
    }
    const gone = text.length - end;
    if (gone === 0) return;
    this.#pages[page] = ownJoinOf(parts);
    this.units -= gone;
    this.deadUnits -= gone;
    // The last page goes on where it ends now.
    if (page === this.#pages.length - 1 && (this.used & PAGE_MASK) !== 0) this.#pageEnd = end;
  }

  /** Keeps the live rows only, in less memory. */
  #thin(): void {
    const { live } = this;
    const slots = new Uint16Array(live);
    const rows = new Int32Array(live * COLUMNS);
    const details = this.#details && Array.from({ length: live }, (): EntryDetail | undefined => undefined);
    const pages: string[] = [];
    let parts: string[] = [];
    let kept = 0;
    let end = 0;
    this.units = 0;
    for (let index = 0; index < this.used; index += 1) {
      const base = index * COLUMNS;
      if (this.ownerAt(index) < 0) {
        this.#noteEvicted(index);
        continue;
      }
      const start = this.#startOf(index);
      const part = (this.#pages[(index / PAGE_ROWS) | 0] as string).slice(start, this.#endOf(index));
      parts.push(part);
      end += part.length;
      slots[kept] = this.slotAt(index);
      rows.set(this.#rows.subarray(base, base + COLUMNS), kept * COLUMNS);
      rows[kept * COLUMNS + TEXT_END] = end;
      if (details !== undefined) details[kept] = this.#details?.[index];
      kept += 1;
      if ((kept & PAGE_MASK) !== 0 && kept < live) continue;
      pages.push(ownJoinOf(parts));
      this.units += end;
      parts = [];
      end = 0;
    }
    this.#slots = slots;
    this.#rows = rows;
    this.#details = details;
    this.#pages = pages;
    this.#pagesToErase = undefined;
    this.used = live;
    this.#sealed = live;
    this.deadUnits = 0;
  }
}

/** The texts as one that holds only itself. */
function ownJoinOf(parts: readonly string[]): string {
  const text = parts.join('');
  // V8 may give back the one part that is not empty, and with it what that one is a part of.
  return parts.some((part) => part.length === text.length) ? ownText(text) : text;
}

function ownPair(head: string, tail: string): string {
  if (head === '') return tail;
  return tail === '' ? head : ownJoin(head, tail);
}
