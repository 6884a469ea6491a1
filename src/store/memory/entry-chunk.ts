import type { EntryDetail } from '../../entry/entry-detail.ts';
import { ownJoin, ownText } from '../../support/own-text.ts';
import { SlotSet } from './slot-set.ts';

/** Number of rows of a chunk, a power of two. */
export const CHUNK_ROWS = 1024;

/** No place: the end of a session's chain. */
export const NO_PLACE = -1;

/**
 * Number of rows whose texts are joined: joining costs a fifth of copying each, and a reader's slice keeps only a few
 * other texts alive.
 */
const PAGE_ROWS = 16;
const PAGE_MASK = PAGE_ROWS - 1;
/** A longer text, in UTF-16 units, is stored by itself, so that keeping a short text does not keep a long one alive. */
const LONGEST_IN_PAGE = 1_000;

// Columns of a row. The text of a row begins where that of the row before it ends.
const TIME = 0;
const NEXT = 1;
const OWNER = 2;
const TEXT_END = 3;
const POSITION = 4;
const COLUMNS = 5;

/** These replace the session's number in a row that no longer holds an entry, and say what happened to it. */
export const EVICTED = -1;
const DELETED = -2;

const NO_ROWS = new Int32Array(0);
const NO_SLOTS = new Uint16Array(0);

/** The content of a row. */
export interface Entry {
  message: string;
  timestamp: number;
  detail: EntryDetail | undefined;
}

/**
 * 1,024 rows of the log over all sessions, in the order logged. A row has its entry's time, its session's number, the
 * place of the session's next entry, the end of its text in its page's text, and its position in its session.
 *
 * It uses few objects for many entries, because the cost of garbage collection depends first on the number of objects.
 */
export class EntryChunk {
  /** Grows from chunk to chunk. */
  readonly serial: number;
  /** Neighbours in the order logged. */
  older: EntryChunk | undefined = undefined;
  newer: EntryChunk | undefined = undefined;
  /** Number of evicted entries in removed chunks between it and the previous one. */
  evictedBefore = 0;
  /** Number of rows whose entries were deleted. */
  deleted = 0;
  /** Number of walks that stand in it; then it keeps its place in the order, even without rows. */
  standing = 0;
  /** Number of rows that hold an entry. */
  live = 0;
  /** Number of rows: those written, or after thinning those that were live then. */
  used = 0;
  /** UTF-16 units in pages, and how many of them belong to free rows. */
  units = 0;
  deadUnits = 0;
  readonly #baseMillis: number;
  #rows: Int32Array;
  /** The slots of the rows, ascending, after thinning; before that each row's index is its slot. */
  #slots: Uint16Array | undefined = undefined;
  #pages: string[] = [];
  /** Texts of the last page that are not joined yet, from row `#sealed` on. */
  readonly #open: string[];
  #sealed = 0;
  #pageEnd = 0;
  // What few rows have.
  #details: (EntryDetail | undefined)[] | undefined = undefined;
  #longTexts: Map<number, string> | undefined = undefined;
  #oddTimes: Map<number, number> | undefined = undefined;
  /** Pages with texts that have to be erased soon. */
  #pagesToErase: Set<number> | undefined = undefined;
  /** Slots of evicted entries whose rows were removed. */
  #evicted: SlotSet | undefined = undefined;

  /** @param rows Memory to reuse, from a discarded chunk. */
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

  /** Joins texts that are held as they came, so that they keep no larger text alive. */
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

  /** Reads the entry of the row into `target`. */
  read(slot: number, target: Entry): void {
    this.readAt(this.indexFrom(slot), slot, target);
  }

  /** The same, for a row whose index is known. */
  readAt(index: number, slot: number, target: Entry): void {
    target.message = this.#messageAt(index, slot);
    target.timestamp = this.#oddTimes?.get(slot) ?? this.#baseMillis + (this.#rows[index * COLUMNS + TIME] as number);
    target.detail = this.#details === undefined ? undefined : this.#details[index];
  }

  /** The index of the first row from the slot on; `used` if there is none. */
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

  /** The number of the session. Below 0 the row holds no entry; `EVICTED` means that it was evicted. */
  ownerAt(index: number): number {
    return this.#rows[index * COLUMNS + OWNER] as number;
  }

  /** The low 32 bits of the entry's position in its session. */
  positionAt(index: number): number {
    return this.#rows[index * COLUMNS + POSITION] as number;
  }

  /** Number of evicted entries from slot `from` up to, but not including, `to` whose rows were removed. */
  evictedBetween(from: number, to: number): number {
    return this.#evicted === undefined ? 0 : this.#evicted.countBetween(from, to);
  }

  /** Returns a slice of the page's text; V8 copies short ones. */
  #messageAt(index: number, slot: number): string {
    const start = this.#startOf(index);
    const end = this.#endOf(index);
    if (start === end) return this.#longTexts?.get(slot) ?? '';
    if (index >= this.#sealed) return this.#open[index & PAGE_MASK] as string;
    return (this.#pages[(index / PAGE_ROWS) | 0] as string).slice(start, end);
  }

  /** Length of the text in UTF-16 units. */
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

  /**
   * Frees a row. Its text stays in its page until {@link tidy}, or, if it was deleted and so has to go soon, until
   * {@link erase}.
   */
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

  /** Drops the texts of deleted rows. */
  erase(): void {
    const pages = this.#pagesToErase;
    if (pages === undefined) return;
    this.#pagesToErase = undefined;
    this.seal();
    for (const page of pages) this.#rewrite(page);
  }

  /**
   * Drops what free rows still occupy, if that is much. The newest chunk keeps its rows, because it is still written
   * to.
   */
  tidy(isNewest: boolean): void {
    if (!isNewest && 2 * this.live <= this.used) this.#thin();
    else if (4 * this.deadUnits > this.units) {
      this.seal();
      for (let page = 0; page < this.#pages.length; page += 1) this.#rewrite(page);
    }
  }

  /**
   * Gives the rows' memory to another chunk; from then on only walks that stand in this one use it. `undefined` if it
   * was thinned.
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

  /** Notes that a removed row was evicted. */
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
    // The last page continues where it now ends.
    if (page === this.#pages.length - 1 && (this.used & PAGE_MASK) !== 0) this.#pageEnd = end;
  }

  /** Keeps only the live rows, in less memory. */
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

/** Joins the texts into one that keeps none of them alive. */
function ownJoinOf(parts: readonly string[]): string {
  const text = parts.join('');
  // If only one part is not empty, V8 may return it, and so keep alive what it is a slice of.
  return parts.some((part) => part.length === text.length) ? ownText(text) : text;
}

function ownPair(head: string, tail: string): string {
  if (head === '') return tail;
  return tail === '' ? head : ownJoin(head, tail);
}
