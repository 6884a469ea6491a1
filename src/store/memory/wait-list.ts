import type { Waiter } from '../session-store.ts';

/** A cursor that waits, linked to its neighbours so that leaving costs the same among one or 10,000. */
export interface WaitNode {
  waiter: Waiter | undefined;
  list: WaitList | undefined;
  previous: WaitNode | undefined;
  following: WaitNode | undefined;
  /** What it meets at its next step although it does not stand in the log. */
  notify(notice: 'end' | 'deleted'): void;
}

/** The cursors that wait on one session, in the order they came. */
export class WaitList {
  #first: WaitNode | undefined = undefined;
  #last: WaitNode | undefined = undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(node: WaitNode): void {
    node.list = this;
    node.previous = this.#last;
    node.following = undefined;
    if (this.#last === undefined) this.#first = node;
    else this.#last.following = node;
    this.#last = node;
  }

  remove(node: WaitNode): void {
    if (node.list !== this) return;
    if (node.previous === undefined) this.#first = node.following;
    else node.previous.following = node.following;
    if (node.following === undefined) this.#last = node.previous;
    else node.following.previous = node.previous;
    node.list = undefined;
    node.previous = undefined;
    node.following = undefined;
  }

  /** Wakes everybody with something that does not stand in the log. */
  notifyAll(notice: 'end' | 'deleted'): void {
    for (let node = this.#first; node !== undefined; node = node.following) node.notify(notice);
    this.wakeAll();
  }

  /** Takes all of them out and wakes them; a cursor that waits again meanwhile waits for the next time. */
  wakeAll(): void {
    const only = this.#first;
    if (only === undefined) return;
    if (only === this.#last) {
      this.remove(only);
      only.waiter?.wake();
      return;
    }
    // All are taken out before the first is woken: being woken, one may leave, come back, or make another leave.
    const waiters: Waiter[] = [];
    for (let node = this.#first; node !== undefined; node = this.#first) {
      this.remove(node);
      if (node.waiter !== undefined) waiters.push(node.waiter);
    }
    for (const waiter of waiters) waiter.wake();
  }
}
