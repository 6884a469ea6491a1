import { nextTurn, startWorkTimer, workNow } from '../../support/timers.ts';
import type { Waiter } from '../session-store.ts';

/** A waiting cursor, linked to its neighbours so that leaving costs the same among one or 10,000. */
export interface WaitNode {
  waiter: Waiter | undefined;
  list: WaitList | undefined;
  previous: WaitNode | undefined;
  following: WaitNode | undefined;
  /** Sets what it meets at its next step in addition to the log. */
  notify(notice: 'end' | 'deleted'): void;
}

/** How many are woken within the waking call, at some 10 us each at worst; further ones wait for their turn. */
const WOKEN_AT_ONCE = 16;
/** How many are woken in one turn of the event loop. */
const WOKEN_PER_TURN = 256;
/**
 * The least time between the starts of two waves, for each cursor of a wave: four times what a client of an event
 * stream costs. So an audience takes at most a quarter of the event loop, and gets together what was logged meanwhile;
 * what is logged after a pause goes out at once.
 */
const MILLIS_PER_WOKEN = 0.08;

/** Wakes many cursors, in turns of the event loop. */
interface Wave {
  /** Whether a turn of this wave, or of the next one, is scheduled. */
  isDue: boolean;
  /** Number of its cursors that are not woken yet. */
  left: number;
  /** When the next wave may begin. */
  next: number;
}

/** The cursors that wait on one session, in the order in which they came. */
export class WaitList {
  #first: WaitNode | undefined = undefined;
  #last: WaitNode | undefined = undefined;
  #count = 0;
  /** The last cursor to be woken in the coming turns; those after it already know what the others are woken for. */
  #lastDue: WaitNode | undefined = undefined;
  /** Set once there were many. */
  #wave: Wave | undefined = undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Takes over the nodes of a list that is no longer used. */
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

  /** Wakes all cursors with something that is not in the log. */
  notifyAll(notice: 'end' | 'deleted'): void {
    for (let node = this.#first; node !== undefined; node = node.following) node.notify(notice);
    // Within the call, because otherwise cursors would meet what is logged next before it.
    this.#lastDue = this.#last;
    this.#wakeDue(Infinity);
  }

  /**
   * Removes and wakes all cursors; one that waits again meanwhile waits for the next time. Few are woken within the
   * call, many in later turns, so that the producer's call costs the same however many wait.
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
    if (this.#wave?.isDue === true) return;
    if (this.#count <= WOKEN_AT_ONCE) this.#wakeDue(Infinity);
    else this.#planWave((this.#wave ??= { isDue: false, left: 0, next: 0 }));
  }

  #planWave(wave: Wave): void {
    wave.isDue = true;
    const begin = (): void => {
      wave.left = this.#count;
      wave.next = workNow() + this.#count * MILLIS_PER_WOKEN;
      this.#wakeSome(wave);
    };
    const wait = wave.next - workNow();
    if (wait > 0) startWorkTimer(begin, wait);
    else nextTurn(begin);
  }

  #wakeSome(wave: Wave): void {
    const some = Math.min(wave.left, WOKEN_PER_TURN);
    wave.left -= some;
    this.#wakeDue(some);
    if (this.#lastDue === undefined) wave.isDue = false;
    else if (wave.left > 0) nextTurn(() => this.#wakeSome(wave));
    else this.#planWave(wave);
  }

  #wakeDue(max: number): void {
    // Remove all before waking the first: a woken one may leave, come back, or make another leave.
    const waiters: Waiter[] = [];
    for (let node = this.#first; node !== undefined && this.#lastDue !== undefined; node = this.#first) {
      if (waiters.length === max) break;
      this.remove(node);
      if (node.waiter !== undefined) waiters.push(node.waiter);
    }
    for (const waiter of waiters) waiter.wake();
  }
}
