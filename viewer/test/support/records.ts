import { logData } from '../../src/model/log-data.ts';
import type { LogData } from '../../src/model/log-data.ts';
import type { Arrival, SessionModel } from '../../src/model/session-model.ts';
import type { Value } from '../../src/model/value.ts';

const START = 1_790_000_000_000;

/** Puts records of one session into a model, a second apart. */
export class SessionScript {
  readonly #model: SessionModel;
  readonly #arrival: Arrival;
  readonly #id: string;
  millis: number = START;

  constructor(model: SessionModel, id: string, arrival?: Arrival) {
    this.#model = model;
    this.#id = id;
    this.#arrival = arrival ?? { source: model.addSource('test', 'otlp') };
  }

  add(fields: Partial<LogData>, attributes: Readonly<Record<string, Value>> = {}): this {
    this.millis += 1_000;
    const all = { 'session.id': this.#id, ...attributes };
    this.#model.add(logData({ millis: this.millis, ...fields, attributes: all }), this.#arrival);
    return this;
  }

  chunk(text: string, streamId?: string): this {
    return this.add({ body: text }, streamId === undefined ? {} : { 'session_logs.stream_id': streamId });
  }

  /** A mark, by the end of its event name. */
  mark(name: string, attributes: Readonly<Record<string, Value>> = {}): this {
    return this.add({ eventName: `session_logs.${name}` }, attributes);
  }

  log(text: string, severityNumber = 9): this {
    return this.add({ body: text, severityNumber });
  }
}
