/** A set of small whole numbers, with one bit for each. */
export class SlotSet {
  readonly #words: Int32Array;

  /** @param size A multiple of 32; all numbers are below it. */
  constructor(size: number) {
    this.#words = new Int32Array(size / 32);
  }

  add(slot: number): void {
    this.#words[slot >> 5] = (this.#words[slot >> 5] as number) | (1 << (slot & 31));
  }

  /** How many numbers there are from `from` up to, but not including, `to`. */
  countBetween(from: number, to: number): number {
    let count = 0;
    for (let at = from; at < to;) {
      const end = Math.min((at | 31) + 1, to);
      // The bits from `at` on and before `end`, at the top.
      count += onesIn(((this.#words[at >> 5] as number) >>> (at & 31)) << (32 - (end - at)));
      at = end;
    }
    return count;
  }
}

function onesIn(word: number): number {
  let ones = word;
  ones -= (ones >>> 1) & 0x55_55_55_55;
  ones = (ones & 0x33_33_33_33) + ((ones >>> 2) & 0x33_33_33_33);
  return Math.imul((ones + (ones >>> 4)) & 0x0f_0f_0f_0f, 0x01_01_01_01) >>> 24;
}
