/** The most items, used since they were placed, that one search for a victim places anew. */
const RANKED_PER_LOOK = 512;

/** An item that can be evicted. It knows when it was used last, as a growing number and as a time. */
export interface Evictable {
  readonly lastUsed: number;
  readonly lastUsedMillis: number;
  /** `lastUsed` and `lastUsedMillis` when the item was placed in the order; set by {@link EvictionOrder}. */
  rankedAt: number;
  rankedMillis: number;
  /** The order that the item is in, and its place there; set by {@link EvictionOrder}. */
  order: object | undefined;
  heapIndex: number;
}

/**
 * Finds the least recently used item without any work when an item is used: a heap by last use that is corrected at its
 * top only when it is asked. It never corrects everything at once, because thousands of items that were used since
 * would cause a pause of many milliseconds.
 */
export class EvictionOrder<T extends Evictable> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** Adds an item that is in no order. */
  add(item: T): void {
    item.order = this;
    item.rankedAt = item.lastUsed;
    item.rankedMillis = item.lastUsedMillis;
    item.heapIndex = this.#heap.length;
    this.#heap.push(item);
    this.#up(item);
  }

  /** Removes the item; does nothing if it is in another order or in none. */
  remove(item: T): void {
    if (item.order !== this) return;
    item.order = undefined;
    const index = item.heapIndex;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#place(last, index);
    this.#down(last);
    this.#up(last);
  }

  /**
   * Returns the least recently used item, without removing it. If more than 512 items were used since they were placed
   * and {@link rank} has not been called, it is the least recently used of the 512 with the oldest places.
   */
  leastUsed(): T | undefined {
    let least: T | undefined;
    for (let ranked = 0; ranked < RANKED_PER_LOOK; ranked += 1) {
      const top = this.#heap[0];
      if (top === undefined || top.rankedAt === top.lastUsed) return top;
      if (least === undefined || top.lastUsed < least.lastUsed) least = top;
      this.#rankTop(top);
    }
    return least;
  }

  /** Returns the least recently used item if it was used no later than `millis`, without removing it. */
  usedBy(millis: number): T | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.rankedMillis > millis) return undefined;
      if (top.rankedAt === top.lastUsed) return top;
      this.#rankTop(top);
    }
  }

  /** Places items anew ahead of a search, at most this many. */
  rank(most: number): void {
    for (let ranked = 0; ranked < most; ranked += 1) {
      const top = this.#heap[0];
      if (top === undefined || top.rankedAt === top.lastUsed) return;
      this.#rankTop(top);
    }
  }

  #rankTop(top: T): void {
    top.rankedAt = top.lastUsed;
    top.rankedMillis = top.lastUsedMillis;
    this.#down(top);
  }

  #place(item: T, index: number): void {
    this.#heap[index] = item;
    item.heapIndex = index;
  }

  #up(item: T): void {
    let index = item.heapIndex;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#heap[parent] as T;
      if (above.rankedAt <= item.rankedAt) break;
      this.#place(above, index);
      index = parent;
    }
    this.#place(item, index);
  }

  #down(item: T): void {
    let index = item.heapIndex;
    for (;;) {
      let child = 2 * index + 1;
      let smaller = this.#heap[child];
      if (smaller === undefined) break;
      const right = this.#heap[child + 1];
      if (right !== undefined && right.rankedAt < smaller.rankedAt) {
        smaller = right;
        child += 1;
      }
      if (smaller.rankedAt >= item.rankedAt) break;
      this.#place(smaller, index);
      index = child;
    }
    this.#place(item, index);
  }
}
