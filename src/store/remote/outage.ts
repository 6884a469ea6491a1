import { Episode } from '../../support/reporter.ts';
import type { Reporter } from '../../support/reporter.ts';
import { startTimer } from '../../support/timers.ts';

/** A failure that lasts so long is an outage: a single cut is mended before anybody notices. */
const OUTAGE_MILLIS = 100;
/** An outage is over when nothing has failed for so long: cuts in a row are one. */
const STABLE_MILLIS = 1_000;

/** The outage of an engine: one line when calls begin to fail, one when they succeed again. */
export class Outage {
  readonly #engine: string;
  readonly #episode: Episode;
  /** Since when calls of each kind fail. */
  readonly #failingSince = new Map<string, number>();
  #cause: unknown = undefined;
  #stableTimer: NodeJS.Timeout | undefined;

  constructor(engine: string, reporter: Reporter) {
    this.#engine = engine;
    this.#episode = new Episode(reporter);
  }

  /** Why the last call of some kind failed that has not succeeded since; `undefined`: none. */
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
        `${this.#engine} cannot be reached; entries wait in bounds, readers wait, and it is tried again`,
        cause,
      );
    }
  }

  succeeded(kind: 'append' | 'read' | 'watch'): void {
    if (this.#failingSince.size > 0) this.#failingSince.delete(kind);
    if (!this.#episode.isOpen || this.#stableTimer !== undefined) return;
    this.#stableTimer = startTimer(() => this.#end(), STABLE_MILLIS).unref();
  }

  /** Nothing is called any more. */
  close(): void {
    if (this.#stableTimer !== undefined) this.#end();
  }

  #end(): void {
    clearTimeout(this.#stableTimer);
    this.#stableTimer = undefined;
    this.#episode.end(`${this.#engine} is back`);
  }
}
