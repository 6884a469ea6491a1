import type { Entry, EntryChunk } from './entry-chunk.ts';
import { CHUNK_ROWS, EVICTED } from './entry-chunk.ts';
import type { EntryLog, LogOwner } from './entry-log.ts';

/** Where a walk starts: before the oldest entry held, behind the newest one, or behind the entry at the place. */
export type WalkStart = 'oldest' | 'newest' | { readonly behind: number };

/** Chunks without an entry that are walked over at once: rows of sessions that are gone lie about until they are freed. */
const CHUNKS_AT_ONCE = 32;

/**
 * A way over the entries of all sessions, in the order logged, which counts what was evicted before it came there.
 *
 * It stands before a slot of a chunk. The chunk stays in the order for it, and so does the one where it ends: what was evicted
 * is exact for every entry in the chunks that are held, and a sum for those between them.
 */
export class LogWalk<Owner extends LogOwner> {
  /** Evicted entries that it has come over. */
  evicted = 0;
  /** Whose the entry is that it came upon, and the low 32 bits of its position there. */
  owner: Owner | undefined = undefined;
  position = 0;
  readonly #log: EntryLog<Owner>;
  /** `undefined` once it was left. */
  #chunk: EntryChunk | undefined;
  #slot: number;
  /** Where it ends; `undefined` for one that goes on with whatever is logged. */
  #lastChunk: EntryChunk | undefined = undefined;
  readonly #lastSlot: number;

  /** @param isBounded It ends at the entry that is the newest one now. */
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

  /** What is gone before the oldest entry is not on the way. */
  #skipToHeld(): void {
    const nothing: Entry = { message: '', timestamp: 0, detail: undefined };
    let found = this.next(nothing);
    while (found === 'far') found = this.next(nothing);
    if (found === 'entry') this.#slot -= 1;
    this.evicted = 0;
    this.owner = undefined;
  }

  /** Comes upon the next entry, and reads it; `'end'`: its end; `'newest'`: there is none yet; `'far'`: not yet. */
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
    // The rows of a session that is gone are freed by and by.
    if (owner.fate !== 'held') {
      if (owner.fate === 'evicted') this.evicted += 1;
      return false;
    }
    this.owner = owner;
    this.position = chunk.positionAt(index);
    return true;
  }

  /** Into the next chunk, if there is one. */
  #goOn(chunk: EntryChunk): EntryChunk | undefined {
    const { newer } = chunk;
    if (newer === undefined) return undefined;
    this.#chunk = stoodIn(newer);
    this.#slot = 0;
    // Before it leaves the other one, which may add its own to that.
    this.evicted += newer.evictedBefore;
    this.#log.left(chunk);
    return newer;
  }

  /** Holds nothing of the log any more; idempotent. */
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
