import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { startTimer } from '../../support/timers.ts';

/** A failure that lasts this long is an outage; a single cut is repaired before anybody notices. */
const OUTAGE_MILLIS = 100;
/** An outage is over when nothing has failed for this long, so that repeated cuts are one outage. */
const STABLE_MILLIS = 1_000;

/** Reports the outage of an engine: one line when calls begin to fail, one when they succeed again. */
export class Outage {
  readonly #engine: string;
  readonly #episode: Episode;
  /** Since when calls have failed, by kind. */
  readonly #failingSince = new Map<string, number>();
  #cause: unknown = undefined;
  #stableTimer: NodeJS.Timeout | undefined;

  constructor(engine: string, reporter: Reporter) {
    this.#engine = engine;
    this.#episode = new Episode(reporter);
  }

  /** Why calls of some kind currently fail; `undefined` if none does. */
  get cause(): unknown {
    return this.#failingSince.size > 0 ? this.#cause : undefined;
  }

  failed(kind: 'append' | 'read' | 'watch', cause: unknown): void {
    this.#cause = cause;
    clearTimeout(this.#stableTimer);
    this.#stableTimer = undefined;
    const now = performance.now();
    const since = this.#failingSince.get(kind);
    if (since === undefined) this.#failingSince.set(kind, now);
    else if (now - since >= OUTAGE_MILLIS) {
      this.#episode.begin(
        `${this.#engine} cannot be reached; entries and readers wait, and the store keeps trying`,
        cause,
      );
    }
  }

  succeeded(kind: 'append' | 'read' | 'watch'): void {
    if (this.#failingSince.size > 0) this.#failingSince.delete(kind);
    if (!this.#episode.isOpen || this.#stableTimer !== undefined) return;
    this.#stableTimer = startTimer(() => this.#end(), STABLE_MILLIS).unref();
  }

  /** Ends the reports: nothing is called any more. */
  close(): void {
    if (this.#stableTimer !== undefined) this.#end();
  }

  #end(): void {
    clearTimeout(this.#stableTimer);
    this.#stableTimer = undefined;
    this.#episode.end(`${this.#engine} is back`);
  }
}
