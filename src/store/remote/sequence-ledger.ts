import type { StoredItem } from './stored-item.ts';

/** The most producers remembered per cursor. A session has few, but each restart and each pause makes another one. */
const MAX_PRODUCERS = 1_024;

/**
 * What a cursor learns from the producers' entry numbers: how many entries it missed, and which it has met before.
 *
 * The latter is the last guard against duplicates, for a log that forgot what it had of a producer.
 */
export class SequenceLedger {
  missed = 0;
  /** Whether everything in the log comes after the cursor's start, so that a new producer must begin at 1. */
  isComplete = false;
  /** Whether the current page does not begin where the last one ended, because entries between were evicted. */
  isCut = false;
  #met = new Map<string, number>();
  /** Whether a producer that seems new may have been met before. */
  #hasForgotten = false;

  open(met: Map<string, number>, options: { readonly missed: number; readonly isComplete: boolean }): void {
    this.#met = met;
    this.missed = options.missed;
    this.isComplete = options.isComplete;
  }

  hasMet({ producer, sequence }: StoredItem): boolean {
    return sequence <= (this.#met.get(producer) ?? -1);
  }

  /** Makes the number of missed entries unknown. */
  loseCount(): void {
    this.missed = -1;
  }

  /** Notes an item; `false` if it was met before. */
  note(item: StoredItem): boolean {
    const { producer, sequence } = item;
    // Not written by this package: it has no number.
    if (!Number.isSafeInteger(sequence) || sequence < 0) return true;
    const last = this.#met.get(producer);
    // A mark has the number of the entry before it, an entry its own; an unknown kind may have either.
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

  /** Forgets the producer met first. If it writes again, its numbers say nothing of what was in between. */
  #forgetOne(): void {
    this.#met.delete(this.#met.keys().next().value as string);
    this.#hasForgotten = true;
  }

  #miss(count: number): void {
    if (count > 0 && this.missed !== -1) this.missed += count;
  }
}
