import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';

/** A disk that took nothing is tried again after this, then after twice as long, up to the second. */
const FIRST_MILLIS = 100;
const MOST_MILLIS = 5_000;

/** When a disk that refused is tried again. One diag line when it begins to refuse, one when it takes again. */
export class DiskRetry {
  readonly #episode: Episode;
  #dueAt = 0;
  #millis = FIRST_MILLIS;

  constructor(reporter: Reporter) {
    this.#episode = new Episode(reporter);
  }

  get isDue(): boolean {
    return this.#dueAt === 0 || performance.now() >= this.#dueAt;
  }

  failed(error: unknown): void {
    this.#dueAt = performance.now() + this.#millis;
    this.#millis = Math.min(this.#millis * 2, MOST_MILLIS);
    this.#episode.begin('the spool cannot be written to: records are sent from memory until it can', error);
  }

  /** There is room now, or there may be. */
  hurry(): void {
    this.#dueAt = 0;
  }

  /** Whether it had failed before. */
  succeeded(): boolean {
    if (!this.#episode.isOpen) return false;
    this.#dueAt = 0;
    this.#millis = FIRST_MILLIS;
    this.#episode.end('the spool is written to again');
    return true;
  }
}
