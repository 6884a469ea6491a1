import type { EntryDetail } from '../../entry/entry-detail.ts';
import { CHUNK_ROWS, EntryChunk } from './entry-chunk.ts';
import type { Entry } from './entry-chunk.ts';

const SHIFT = Math.log2(CHUNK_ROWS);
const MASK = CHUNK_ROWS - 1;
/** Unused rows, and UTF-16 units of text, that may accumulate before a pass over all chunks begins. */
const SLACK_ROWS = 2 * CHUNK_ROWS;
const SLACK_UNITS = 64 * 1024;
/** Cost of tidying a chunk, in freed rows of a chain. */
const TIDY_ROWS = CHUNK_ROWS / 2;

/** An owner of entries in the log: a session. */
export interface LogOwner {
  /** `held`, or what happened to it and to the entries that it then held. */
  readonly fate: 'held' | 'evicted' | 'deleted';
}

/** The rest of a removed session's chain. */
interface DeadChain {
  readonly owner: number;
  place: number;
  left: number;
  readonly isDeleted: boolean;
}

/**
 * The entries of all sessions in the order logged, in chunks of 1,024 rows. An entry has a place as long as it is held;
 * the entries of a session are a chain of places, oldest first.
 *
 * Memory of removed entries is reclaimed gradually: a chunk at once when its last entry goes, the rest by {@link work},
 * a limited part with each call. Appending never waits for it.
 */
export class EntryLog<Owner extends LogOwner> {
  /** Owners by their numbers, which are reused when no row has them any more. */
  readonly #owners: (Owner | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #chunks: (EntryChunk | undefined)[] = [];
  readonly #freeIndexes: number[] = [];
  #spareRows: Int32Array | undefined = undefined;
  /** The first chunk in the order logged. */
  #head: EntryChunk | undefined = undefined;
  #tail: EntryChunk | undefined = undefined;
  #tailIndex = 0;
  #serial = 0;
  readonly #deadChains: DeadChain[] = [];
  readonly #chunksToErase = new Set<EntryChunk>();
  /** The next chunk of the running pass; `-1` if none runs. */
  #tidyAt = -1;
  // Sums over all chunks.
  #rows = 0;
  #live = 0;
  #units = 0;
  #deadUnits = 0;

  /** Gives a session a number, which it has until its chain is freed. */
  join(owner: Owner): number {
    const number = this.#freeNumbers.pop() ?? this.#owners.length;
    this.#owners[number] = owner;
    return number;
  }

  #quit(number: number): void {
    this.#owners[number] = undefined;
    this.#freeNumbers.push(number);
  }

  /** The session with the number found in a row of the log. */
  ownerOf(number: number): Owner {
    return this.#owners[number] as Owner;
  }

  /** @param owner The number of the session. @returns The entry's place. */
  push(message: string, timestamp: number, detail: EntryDetail | undefined, owner: number, position: number): number {
    let tail = this.#tail;
    if (tail === undefined || tail.isFull) tail = this.#begin(timestamp);
    this.#live += 1;
    return (this.#tailIndex << SHIFT) | tail.push(message, timestamp, detail, owner, position);
  }

  #begin(timestamp: number): EntryChunk {
    const full = this.#tail;
    const chunk = new EntryChunk(++this.#serial, timestamp, this.#spareRows);
    this.#spareRows = undefined;
    const index = this.#freeIndexes.pop() ?? this.#chunks.length;
    this.#chunks[index] = chunk;
    const fullIndex = this.#tailIndex;
    this.#tail = chunk;
    this.#tailIndex = index;
    if (full === undefined) {
      this.#head = chunk;
    } else {
      chunk.older = full;
      full.newer = chunk;
      this.#rows += full.used;
      this.#units += full.units;
      this.#deadUnits += full.deadUnits;
      if (full.live === 0) this.#drop(fullIndex, full);
      else if (this.#isUntidy) this.#tidyAt = Math.max(this.#tidyAt, 0);
    }
    return chunk;
  }

  get #isUntidy(): boolean {
    if (this.#rows > 2 * this.#live + SLACK_ROWS) return true;
    const tail = this.#tail;
    return 3 * (this.#deadUnits + (tail?.deadUnits ?? 0)) > this.#units + (tail?.units ?? 0) + SLACK_UNITS;
  }

  /** Sets the place of the session's next entry. */
  link(place: number, next: number): void {
    this.chunkOf(place).setNext(place & MASK, next);
  }

  /** The place of the session's next entry; `NO_PLACE` if there is none yet. */
  next(place: number): number {
    return this.chunkOf(place).next(place & MASK);
  }

  /** Reads an entry into `target`. */
  read(place: number, target: Entry): void {
    this.chunkOf(place).read(place & MASK, target);
  }

  textLength(place: number): number {
    return this.chunkOf(place).textLength(place & MASK);
  }

  detail(place: number): EntryDetail | undefined {
    return this.chunkOf(place).detail(place & MASK);
  }

  /** A number that grows in the order logged, over all sessions. */
  order(place: number): number {
    return this.chunkOf(place).serial * CHUNK_ROWS + (place & MASK);
  }

  /** Frees one entry, which is evicted. */
  free(place: number): void {
    this.#free(place, false);
  }

  #free(place: number, isDeleted: boolean): void {
    const index = place >> SHIFT;
    const chunk = this.#chunks[index] as EntryChunk;
    const { deadUnits } = chunk;
    chunk.free(place & MASK, isDeleted);
    this.#live -= 1;
    if (chunk !== this.#tail) {
      this.#deadUnits += chunk.deadUnits - deadUnits;
      if (chunk.live === 0) return this.#drop(index, chunk);
    }
    if (isDeleted) this.#chunksToErase.add(chunk);
  }

  /**
   * Frees a session's chain gradually, and then its number.
   *
   * @param count Its length.
   * @param isDeleted Whether its texts have to be dropped soon; else they are dropped once they are a good part of what
   * is held.
   */
  freeChain(owner: number, place: number, count: number, isDeleted: boolean): void {
    if (count > 0) this.#deadChains.push({ owner, place, left: count, isDeleted });
    else this.#quit(owner);
  }

  /** Number of rows and UTF-16 units that occupy memory. */
  stats(): { readonly rows: number; readonly units: number } {
    const tail = this.#tail;
    return { rows: this.#rows + (tail?.used ?? 0), units: this.#units + (tail?.units ?? 0) };
  }

  /** Whether {@link work} has something to do. */
  get isBehind(): boolean {
    return this.#deadChains.length > 0 || this.#chunksToErase.size > 0 || this.#tidyAt !== -1;
  }

  /** Whether texts of deleted entries are held. */
  get hasToErase(): boolean {
    return this.#chunksToErase.size > 0 || this.#deadChains.some(({ isDeleted }) => isDeleted);
  }

  /** Copies the newest texts, which are held as they came, perhaps as slices of longer ones. */
  seal(): void {
    this.#tail?.seal();
  }

  /** Reclaims memory of about this many removed rows; `isBehind` says whether there is more. */
  work(rows: number): void {
    let left = rows;
    while (left > 0) {
      const chain = this.#deadChains.at(-1);
      if (chain === undefined) break;
      left -= this.#freeSome(chain, left);
      if (chain.left > 0) continue;
      this.#deadChains.pop();
      this.#quit(chain.owner);
    }
    for (const chunk of this.#chunksToErase) {
      if (left <= 0) return;
      left -= TIDY_ROWS;
      this.#chunksToErase.delete(chunk);
      this.#recount(chunk, () => chunk.erase());
    }
    while (left > 0 && this.#tidyAt !== -1) {
      left -= TIDY_ROWS;
      this.#tidyNext();
    }
    if (this.#tidyAt === -1 && this.#isUntidy) this.#tidyAt = 0;
  }

  #freeSome(chain: DeadChain, most: number): number {
    const count = Math.min(chain.left, most);
    for (let freed = 0; freed < count; freed += 1) {
      const { place } = chain;
      chain.place = this.next(place);
      this.#free(place, chain.isDeleted);
    }
    chain.left -= count;
    return count;
  }

  #tidyNext(): void {
    const chunk = this.#chunks[this.#tidyAt];
    this.#tidyAt = this.#tidyAt + 1 < this.#chunks.length ? this.#tidyAt + 1 : -1;
    if (chunk !== undefined) this.#recount(chunk, () => chunk.tidy(chunk === this.#tail));
  }

  #recount(chunk: EntryChunk, change: () => void): void {
    const { used, units, deadUnits } = chunk;
    change();
    if (chunk === this.#tail) return;
    this.#rows += chunk.used - used;
    this.#units += chunk.units - units;
    this.#deadUnits += chunk.deadUnits - deadUnits;
  }

  #drop(index: number, chunk: EntryChunk): void {
    this.#rows -= chunk.used;
    this.#units -= chunk.units;
    this.#deadUnits -= chunk.deadUnits;
    this.#chunks[index] = undefined;
    this.#freeIndexes.push(index);
    this.#chunksToErase.delete(chunk);
    const rows = chunk.takeRows();
    this.#spareRows ??= rows;
    if (chunk.standing === 0) this.#leaveOut(chunk);
  }

  // For walks over all entries, from chunk to chunk in the order logged.

  get oldestChunk(): EntryChunk {
    return this.#head ?? this.#begin(Date.now());
  }

  get newestChunk(): EntryChunk {
    return this.#tail ?? this.#begin(Date.now());
  }

  chunkOf(place: number): EntryChunk {
    return this.#chunks[place >> SHIFT] as EntryChunk;
  }

  slotOf(place: number): number {
    return place & MASK;
  }

  /** Called when a walk has left the chunk. */
  left(chunk: EntryChunk): void {
    chunk.standing -= 1;
    if (chunk.standing === 0 && chunk.live === 0 && chunk !== this.#tail) this.#leaveOut(chunk);
  }

  /** Removes a chunk without entries, never the newest, from the order; the next chunk takes over its counts. */
  #leaveOut(chunk: EntryChunk): void {
    const { older } = chunk;
    const newer = chunk.newer as EntryChunk;
    newer.evictedBefore += chunk.evictedBefore + CHUNK_ROWS - chunk.deleted;
    newer.older = older;
    if (older === undefined) this.#head = newer;
    else older.newer = newer;
  }
}
