import type { EndReason } from '../read/end-reason.ts';
import type { CheckedReaderOptions } from '../read/reader-options.ts';
import type { SessionReader } from '../read/reader.ts';
import { readerOf } from './event-stream.ts';
import type { EventStreamCall, StreamSource } from './event-stream.ts';

/** What a client that connects again will find: `'refused'`, when no reader can be had that would tell. */
export type WhatFollows = 'something' | 'nothing' | 'refused';

/** Looks whether there is anything to come for a client that connects again. Counts as a reader while it looks. */
export class LookAhead {
  readonly #source: StreamSource;
  readonly #call: EventStreamCall;
  #reader: SessionReader<true> | undefined = undefined;

  constructor(source: StreamSource, call: EventStreamCall) {
    this.#source = source;
    this.#call = call;
  }

  /** Rejects when the store cannot tell in which state the stream around the entry is. */
  async findAfter(id: string): Promise<WhatFollows> {
    const { sessionId, options, defaults } = this.#call;
    const end = await this.#endAfter(id);
    if (end === 'refused') return 'refused';
    if (end === undefined) return 'something';
    // A store that does not have the session may have lost it. What came after the entry is missed, which is told.
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

  /** How the log ends that is there after the entry; `undefined`: with an entry for this client, or it is not known. */
  async #endAfter(id: string): Promise<EndReason | undefined> {
    const own: CheckedReaderOptions = { from: { after: id }, until: 'caught-up', onGap: () => {} };
    const reader = readerOf(this.#source, this.#call, own, () => true as const);
    this.#reader = reader;
    try {
      const { done } = await reader.next();
      return done === true ? reader.endReason : undefined;
    } catch {
      // The signal has aborted, or the store is away: the stream itself meets that, and tells the client.
      return reader.endReason === 'refused' ? 'refused' : undefined;
    } finally {
      this.close();
    }
  }
}
