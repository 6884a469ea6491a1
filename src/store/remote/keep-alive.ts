import { startInterval } from '../../support/timers.ts';

/** Keeps the process alive while somebody waits for entries of other hosts; the sockets themselves do not. */
export class KeepAlive {
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;

  hold(): void {
    this.#holders += 1;
    this.#timer ??= startInterval(() => {}, 2 ** 30);
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
