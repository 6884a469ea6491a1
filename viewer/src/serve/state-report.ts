import { randomBytes } from 'node:crypto';

import type { SessionModel } from '../model/session-model.ts';
import type { StateEvent } from './protocol.ts';

/** Records a second are an average over this time. */
const RATE_MILLIS = 3_000;

/** Reports the state of the viewer itself. */
export class StateReport {
  /** Names this start of the viewer: cursors of another start mean nothing here. */
  readonly boot: string = randomBytes(6).toString('hex');
  readonly #model: SessionModel;
  readonly #traceLink: string | undefined;
  #counts: { readonly millis: number; readonly added: number }[] = [];

  /** @param traceLink As `checkedTraceLink` returns it. */
  constructor(model: SessionModel, traceLink?: string) {
    this.#model = model;
    this.#traceLink = traceLink;
  }

  state(): StateEvent {
    const model = this.#model;
    return {
      boot: this.boot,
      cursor: model.cursor,
      nowMillis: model.now(),
      entries: model.entries,
      bounds: model.bounds,
      sessions: model.sessions.size,
      evicted: model.evicted,
      rate: this.#rate(),
      ...(this.#traceLink === undefined ? {} : { traceLink: this.#traceLink }),
      sources: model.sources.map(({ id, name, kind, records, unreadable, notes }) => ({
        id,
        name,
        kind,
        records,
        unreadable,
        notes: [...notes.values()],
      })),
    };
  }

  #rate(): number {
    const millis = performance.now();
    const { added } = this.#model;
    this.#counts = this.#counts.filter((count) => millis - count.millis <= RATE_MILLIS);
    this.#counts.push({ millis, added });
    const [first] = this.#counts;
    if (first === undefined || millis - first.millis < 100) return 0;
    return Math.round(((added - first.added) * 1_000) / (millis - first.millis));
  }
}
