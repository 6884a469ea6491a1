/** A draw that is done so long after it was asked for is a late one. */
const LATE_MILLIS = 400;
const MANY = 3;
const MOST = 5;
/** So much of a late draw one in time makes up for. */
const RECOVERY = 0.25;

/** Tells whether the page is slower than what arrives: by draws that come late, several of them, and not by one hiccup. */
export class Lag {
  #late = 0;
  #isBusy = false;

  /** @param millis From when a draw was asked for until it was done. @returns Whether the page is overloaded. */
  drawn(millis: number): boolean {
    const isLate = millis > LATE_MILLIS;
    this.#late = isLate ? Math.min(MOST, this.#late + 1) : Math.max(0, this.#late - RECOVERY);
    if (this.#late >= MANY) this.#isBusy = true;
    else if (this.#late === 0) this.#isBusy = false;
    return this.#isBusy;
  }
}
