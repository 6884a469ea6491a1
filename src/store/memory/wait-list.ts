import { nextTurn } from '../../support/timers.ts';
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

/** So many are woken within the call that wakes, which they cost some 10 us each at worst; more of them have to wait for their turn. */
const WOKEN_AT_ONCE = 16;
/** So many are woken in one turn of the event loop. */
const WOKEN_PER_TURN = 256;

/** The cursors that wait on one session, in the order they came. */
export class WaitList {
  #first: WaitNode | undefined = undefined;
  #last: WaitNode | undefined = undefined;
  #count = 0;
  /** The last of those that are woken in the turns to come; who came after it has met what they are woken for. */
  #lastDue: WaitNode | undefined = undefined;
  #isTurnDue = false;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Takes over the nodes of a list that is of no more use. */
  adopt(list: WaitList): void {
    const wasDue = list.#lastDue !== undefined;
    for (let node = list.#first; node !== undefined; node = list.#first) {
      list.remove(node);
      this.add(node);
    }
    if (wasDue) this.wakeAll();
  }

  add(node: WaitNode): void {
    node.list = this;
    node.previous = this.#last;
    node.following = undefined;
    if (this.#last === undefined) this.#first = node;
    else this.#last.following = node;
    this.#last = node;
    this.#count += 1;
  }

  remove(node: WaitNode): void {
    if (node.list !== this) return;
    this.#count -= 1;
    if (node === this.#lastDue) this.#lastDue = node.previous;
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
    // Within the call: what is logged next would otherwise be met before it.
    this.#lastDue = this.#last;
    this.#wakeDue(Infinity);
  }

  /**
   * Takes all of them out and wakes them; a cursor that waits again meanwhile waits for the next time. Few are woken within
   * the call, many in turns to come: the call is the producer's, whom it costs the same however many wait.
   */
  wakeAll(): void {
    const only = this.#first;
    if (only === undefined) return;
    if (only === this.#last) {
      this.remove(only);
      only.waiter?.wake();
      return;
    }
    this.#lastDue = this.#last;
    if (this.#isTurnDue) return;
    if (this.#count <= WOKEN_AT_ONCE) this.#wakeDue(Infinity);
    else this.#wakeNextTurn();
  }

  #wakeNextTurn(): void {
    this.#isTurnDue = true;
    nextTurn(() => {
      this.#isTurnDue = false;
      this.#wakeDue(WOKEN_PER_TURN);
      if (this.#lastDue !== undefined && !this.#isTurnDue) this.#wakeNextTurn();
    });
  }

  #wakeDue(max: number): void {
    // All are taken out before the first is woken: being woken, one may leave, come back, or make another leave.
    const waiters: Waiter[] = [];
    for (let node = this.#first; node !== undefined && this.#lastDue !== undefined; node = this.#first) {
      if (waiters.length === max) break;
      this.remove(node);
      if (node.waiter !== undefined) waiters.push(node.waiter);
    }
    for (const waiter of waiters) waiter.wake();
  }
}
