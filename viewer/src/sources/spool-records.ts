import type { OwnerState } from '../formats.ts';
import type { SessionModel } from '../model/session-model.ts';
import type { SourceState } from '../model/source.ts';
import type { SpooledRecord, SpoolSink } from './spool-tail.ts';

/** An entry by its session and its number. The entry itself would stay in memory for as long as its record is in the spool. */
export interface EntryPlace {
  readonly session: string;
  readonly seq: number;
}

/** Puts the records of a spool into the model. */
export class SpoolRecords implements SpoolSink<EntryPlace> {
  readonly #model: SessionModel;
  readonly #source: SourceState;
  readonly #path: string;
  #rejected = 0;
  #gone = 0;

  constructor(model: SessionModel, source: SourceState, path: string) {
    this.#model = model;
    this.#source = source;
    this.#path = path;
  }

  record({ data, entryId, isRejected }: SpooledRecord): EntryPlace {
    if (isRejected) {
      this.#rejected += 1;
      this.#source.notes.set(
        `${this.#path} rejected`,
        `the collector rejected ${this.#rejected} of the records in ${this.#path}`,
      );
    }
    const arrival = { source: this.#source, isPast: true, ...(entryId === undefined ? {} : { entryId }) };
    const { session, seq } = this.#model.add(data, arrival);
    return { session, seq };
  }

  delivered({ session, seq }: EntryPlace): void {
    this.#model.sessions.get(session)?.markDelivered(seq, this.#model.now());
  }

  damaged(count: number): void {
    this.#source.unreadable += count;
    this.#source.notes.set(`${this.#path} damage`, `some records in ${this.#path} are damaged`);
  }

  gone(count: number): void {
    this.#gone += count;
    this.#source.notes.set(
      `${this.#path} gone`,
      `${this.#gone} records in ${this.#path} were removed, and the viewer did not see the collector get them`,
    );
  }

  missed(count: number): void {
    if (count === 0) return void this.#source.notes.delete(`${this.#path} missed`);
    const text = `${count} records in ${this.#path} were removed before the viewer read them`;
    this.#source.notes.set(`${this.#path} missed`, text);
  }

  owners(states: readonly OwnerState[]): void {
    const gone = states.filter((state) => state === 'dead').length;
    const text = `processes that have a part in ${this.#path}: ${states.length}, of which ${gone} no longer run`;
    this.#source.notes.set(`${this.#path} owners`, text);
  }
}
