import type { Entry, EntryChunk } from './entry-chunk.ts';
import { CHUNK_ROWS, EVICTED } from './entry-chunk.ts';
import type { EntryLog, LogOwner } from './entry-log.ts';

/** Where a walk starts: before the oldest entry held, after the newest one, or after the entry at a place. */
export type WalkStart = 'oldest' | 'newest' | { readonly behind: number };

/**
 * The most chunks without an entry that are walked over at once: rows of removed sessions remain until they are freed.
 */
const CHUNKS_AT_ONCE = 32;

/**
 * Walks over the entries of all sessions, in the order logged, and counts entries that were evicted before it reached
 * them.
 *
 * It stands before a slot of a chunk. That chunk, and the one where the walk ends, stay in the order for it: the count
 * of evicted entries is exact within held chunks, and a sum for the chunks between them.
 */
export class LogWalk<Owner extends LogOwner> {
  /** Number of evicted entries that it has passed. */
  evicted = 0;
  /** Owner of the current entry, and the low 32 bits of its position there. */
  owner: Owner | undefined = undefined;
  position = 0;
  readonly #log: EntryLog<Owner>;
  /** `undefined` after `leave()`. */
  #chunk: EntryChunk | undefined;
  #slot: number;
  /** The chunk where it ends; `undefined` if it goes on with new entries. */
  #lastChunk: EntryChunk | undefined = undefined;
  readonly #lastSlot: number;

  /** @param isBounded Whether it ends at the entry that is now the newest. */
  constructor(log: EntryLog<Owner>, start: WalkStart, isBounded: boolean) {
    this.#log = log;
    const { newestChunk } = log;
    this.#lastSlot = newestChunk.used;
    if (isBounded) this.#lastChunk = stoodIn(newestChunk);
    if (typeof start === 'object') {
      this.#chunk = stoodIn(log.chunkOf(start.behind));
      this.#slot = log.slotOf(start.behind) + 1;
    } else {
      this.#chunk = stoodIn(start === 'newest' ? newestChunk : log.oldestChunk);
      this.#slot = start === 'newest' ? newestChunk.used : 0;
    }
    if (start === 'oldest') this.#skipToHeld();
  }

  /** Skips removed entries before the oldest held one, which do not count. */
  #skipToHeld(): void {
    const nothing: Entry = { message: '', timestamp: 0, detail: undefined };
    let found = this.next(nothing);
    while (found === 'far') found = this.next(nothing);
    if (found === 'entry') this.#slot -= 1;
    this.evicted = 0;
    this.owner = undefined;
  }

  /**
   * Moves to the next entry and reads it. `'end'`: the walk is at its end; `'newest'`: there is no entry yet; `'far'`:
   * call it again to go on.
   */
  next(entry: Entry): 'entry' | 'end' | 'newest' | 'far' {
    let left = CHUNKS_AT_ONCE;
    for (let chunk = this.#chunk; chunk !== undefined; chunk = this.#goOn(chunk)) {
      const end = chunk === this.#lastChunk ? this.#lastSlot : CHUNK_ROWS;
      for (let index = chunk.indexFrom(this.#slot); index < chunk.used; index += 1) {
        const slot = chunk.slotAt(index);
        if (slot >= end) break;
        this.evicted += chunk.evictedBetween(this.#slot, slot);
        this.#slot = slot + 1;
        if (!this.#meets(chunk, index)) continue;
        chunk.readAt(index, slot, entry);
        return 'entry';
      }
      if (chunk === this.#lastChunk || chunk.newer !== undefined) {
        this.evicted += chunk.evictedBetween(this.#slot, end);
        this.#slot = end;
      }
      if (chunk === this.#lastChunk) return 'end';
      if (--left === 0) return 'far';
    }
    return 'newest';
  }

  /** Whether the row holds an entry. */
  #meets(chunk: EntryChunk, index: number): boolean {
    const number = chunk.ownerAt(index);
    if (number < 0) {
      if (number === EVICTED) this.evicted += 1;
      return false;
    }
    const owner = this.#log.ownerOf(number);
    // The rows of a removed session are freed gradually.
    if (owner.fate !== 'held') {
      if (owner.fate === 'evicted') this.evicted += 1;
      return false;
    }
    this.owner = owner;
    this.position = chunk.positionAt(index);
    return true;
  }

  /** Moves into the next chunk, if there is one. */
  #goOn(chunk: EntryChunk): EntryChunk | undefined {
    const { newer } = chunk;
    if (newer === undefined) return undefined;
    this.#chunk = stoodIn(newer);
    this.#slot = 0;
    // Do this before leaving the other chunk, which may then add its own count.
    this.evicted += newer.evictedBefore;
    this.#log.left(chunk);
    return newer;
  }

  /** Releases the log; idempotent. */
  leave(): void {
    const chunk = this.#chunk;
    const lastChunk = this.#lastChunk;
    this.#chunk = undefined;
    this.#lastChunk = undefined;
    if (chunk !== undefined) this.#log.left(chunk);
    if (lastChunk !== undefined) this.#log.left(lastChunk);
  }
}

function stoodIn(chunk: EntryChunk): EntryChunk {
  chunk.standing += 1;
  return chunk;
}
