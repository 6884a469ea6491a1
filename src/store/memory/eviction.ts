/** Items that were used since they took their place, and that one look for a victim puts in their place at most. */
const RANKED_PER_LOOK = 512;

/** What can be evicted: knows when it was used last, as a number that only grows, and as a time. */
export interface Evictable {
  readonly lastUsed: number;
  readonly lastUsedMillis: number;
  /** `lastUsed` and `lastUsedMillis` when the item took its place in the order; kept by {@link EvictionOrder}. */
  rankedAt: number;
  rankedMillis: number;
  /** The order that the item is in, and its place there; kept by {@link EvictionOrder}. */
  order: object | undefined;
  heapIndex: number;
}

/**
 * Least recently used first, without any work when something is used: a heap by last use that looks only when asked,
 * and then corrects what it finds at the top. A look never corrects everything at once: thousands of items that were all
 * used since would be a pause of many milliseconds.
 */
export class EvictionOrder<T extends Evictable> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** Puts an item in that is in no order. */
  add(item: T): void {
    item.order = this;
    item.rankedAt = item.lastUsed;
    item.rankedMillis = item.lastUsedMillis;
    item.heapIndex = this.#heap.length;
    this.#heap.push(item);
    this.#up(item);
  }

  /** Takes the item out; nothing when it is in another order, or in none. */
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
   * The item that was used least recently; it stays in. When more than 512 items were used since they took their place
   * and {@link rank} has not been called, the least recently used one of the 512 that had the oldest places.
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

  /** The item that was used least recently, if that was no later than `millis`; it stays in. */
  usedBy(millis: number): T | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.rankedMillis > millis) return undefined;
      if (top.rankedAt === top.lastUsed) return top;
      this.#rankTop(top);
    }
  }

  /** Puts items in their place ahead of a look, so many at most. */
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
