import type { EndReason } from '../read/end-reason.ts';
import type { CheckedReaderOptions } from '../read/reader-options.ts';
import type { SessionReader } from '../read/reader.ts';
import { readerOf } from './event-stream.ts';
import type { EventStreamCall, StreamSource } from './event-stream.ts';

/** What a reconnecting client will find; `'refused'` if no reader is available to find out. */
export type WhatFollows = 'something' | 'nothing' | 'refused';

/** Finds out whether anything is to come for a reconnecting client. Counts as a reader meanwhile. */
export class LookAhead {
  readonly #source: StreamSource;
  readonly #call: EventStreamCall;
  #reader: SessionReader<true> | undefined = undefined;

  constructor(source: StreamSource, call: EventStreamCall) {
    this.#source = source;
    this.#call = call;
  }

  /** Rejects if the store cannot tell the state of the answer around the entry. */
  async findAfter(id: string): Promise<WhatFollows> {
    const { sessionId, options, defaults } = this.#call;
    const end = await this.#endAfter(id);
    if (end === 'refused') return 'refused';
    if (end === undefined) return 'something';
    // A store that does not have the session may have lost it. Then the stream reports a gap after the entry.
    if (end === 'no-session' && (options.wait ?? defaults.wait) !== false) return 'something';
    if (end !== 'caught-up') return 'nothing';
    if ((options.until ?? defaults.until) !== 'stream-end') return 'something';
    return (await this.#source.store.streamState(sessionId, id)) === 'finished' ? 'nothing' : 'something';
  }

  /** The client is gone. */
  close(): void {
    void this.#reader?.return();
    this.#reader = undefined;
  }

  /** How the log after the entry ends; `undefined` if an entry for this client follows, or if that is unknown. */
  async #endAfter(id: string): Promise<EndReason | undefined> {
    const own: CheckedReaderOptions = { from: { after: id }, until: 'caught-up', onGap: () => {} };
    const reader = readerOf(this.#source, this.#call, own, () => true as const);
    this.#reader = reader;
    try {
      const { done } = await reader.next();
      return done === true ? reader.endReason : undefined;
    } catch {
      // The signal aborted, or the store is away: the stream itself will meet that and tell the client.
      return reader.endReason === 'refused' ? 'refused' : undefined;
    } finally {
      this.close();
    }
  }
}
