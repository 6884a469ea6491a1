import type { StoredItem } from './stored-item.ts';

/** Producers remembered per cursor. A session has few; each restart of one is another, and each pause. */
const MAX_PRODUCERS = 1_024;

/**
 * What a cursor knows from the numbers that producers give their entries: how many it missed, and which it has met before.
 *
 * The second is the last guard against doubles: of a log that forgot what it had of a producer.
 */
export class SequenceLedger {
  missed = 0;
  /** Everything in the log lies after the cursor's start: a producer that was never met must begin at 1. */
  isComplete = false;
  /** The page at hand does not begin where the last one ended: what lay between was evicted. */
  isCut = false;
  #met = new Map<string, number>();
  /** One that is met as if for the first time may have been met before. */
  #hasForgotten = false;

  open(met: Map<string, number>, options: { readonly missed: number; readonly isComplete: boolean }): void {
    this.#met = met;
    this.missed = options.missed;
    this.isComplete = options.isComplete;
  }

  hasMet({ producer, sequence }: StoredItem): boolean {
    return sequence <= (this.#met.get(producer) ?? -1);
  }

  /** Nobody knows any more how many were missed. */
  loseCount(): void {
    this.missed = -1;
  }

  /** Notes an item; `false`: it was met before. */
  note(item: StoredItem): boolean {
    const { producer, sequence } = item;
    // Not written by this package: it has no number.
    if (!Number.isSafeInteger(sequence) || sequence < 0) return true;
    const last = this.#met.get(producer);
    // A mark has the number of the entry before it, an entry its own; of a kind that is not known it may be either.
    const expected = item.isMark ? sequence : sequence - 1;
    if (last === undefined) {
      if (this.isComplete && !this.#hasForgotten) this.#miss(expected);
      else if (this.isCut && expected > 0) this.loseCount();
    } else if (item.type === 'entry' && sequence <= last) {
      return false;
    } else {
      this.#miss(expected - last);
    }
    if (last === undefined || sequence > last) this.#met.set(producer, sequence);
    if (this.#met.size > MAX_PRODUCERS) this.#forgetOne();
    return true;
  }

  /** Whoever was met first, though it may write again: then its numbers say nothing of what was between. */
  #forgetOne(): void {
    this.#met.delete(this.#met.keys().next().value as string);
    this.#hasForgotten = true;
  }

  #miss(count: number): void {
    if (count > 0 && this.missed !== -1) this.missed += count;
  }
}
