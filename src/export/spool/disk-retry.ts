import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';

/** The first and the longest delay between tries after a failed write; the delay doubles each time. */
const FIRST_DELAY_MILLIS = 100;
const LAST_DELAY_MILLIS = 5_000;

/**
 * Decides when to try the disk again after a failed write. Logs one diag message when writes begin to fail and one when
 * they succeed again.
 */
export class DiskRetry {
  readonly #episode: Episode;
  #dueAt = 0;
  #error: unknown = undefined;
  #millis = FIRST_DELAY_MILLIS;

  constructor(reporter: Reporter) {
    this.#episode = new Episode(reporter);
  }

  get isDue(): boolean {
    return this.#dueAt === 0 || performance.now() >= this.#dueAt;
  }

  /** Whether the last write failed. */
  get isFailing(): boolean {
    return this.#episode.isOpen;
  }

  /** The error of the last write, if it failed. */
  get error(): unknown {
    return this.isFailing ? this.#error : undefined;
  }

  failed(error: unknown): void {
    this.#error = error;
    this.#dueAt = performance.now() + this.#millis;
    this.#millis = Math.min(this.#millis * 2, LAST_DELAY_MILLIS);
    this.#episode.begin('the spool cannot be written to: until it can, records are sent from memory', error);
  }

  /** Makes the next write try at once, because there may be room now. */
  hurry(): void {
    this.#dueAt = 0;
  }

  /** Notes a successful write. Returns whether the writes before it had failed. */
  succeeded(): boolean {
    if (!this.#episode.isOpen) return false;
    this.#dueAt = 0;
    this.#millis = FIRST_DELAY_MILLIS;
    this.#episode.end('the spool can be written to again');
    return true;
  }
}
