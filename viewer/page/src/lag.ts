/** A draw is late if it is done this long after it was requested. */
const LATE_MILLIS = 400;
const MANY = 3;
const MOST = 5;
/** The share of a late draw that one in time makes up for. */
const RECOVERY = 0.25;

/** Tells whether more arrives than the page can draw: if several draws are late, but not after one hiccup. */
export class Lag {
  #late = 0;
  #isBusy = false;

  /** @param millis From the request of a draw until it was done. @returns Whether the page is overloaded. */
  drawn(millis: number): boolean {
    const isLate = millis > LATE_MILLIS;
    this.#late = isLate ? Math.min(MOST, this.#late + 1) : Math.max(0, this.#late - RECOVERY);
    if (this.#late >= MANY) this.#isBusy = true;
    else if (this.#late === 0) this.#isBusy = false;
    return this.#isBusy;
  }
}
