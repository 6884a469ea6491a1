/** What can be evicted: knows when it was used last, as a number that only grows. */
export interface Evictable {
  readonly lastUsed: number;
  /** `lastUsed` when the item took its place in the order; kept by {@link EvictionOrder}. */
  rankedAt: number;
  /** The order that the item is in, and its place there; kept by {@link EvictionOrder}. */
  order: object | undefined;
  heapIndex: number;
}

/**
 * Least recently used first, without any work when something is used: a heap by last use that looks only when asked,
 * and then corrects what it finds at the top.
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

  /** The item that was used least recently; it stays in. */
  peek(): T | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.rankedAt === top.lastUsed) return top;
      top.rankedAt = top.lastUsed;
      this.#down(top);
    }
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
