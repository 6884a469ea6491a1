import type { Gap } from '../read/gap.ts';
import type { CheckedReaderOptions } from '../read/reader-options.ts';
import type { SessionReader } from '../read/reader.ts';
import type { ClientShare } from './client-share.ts';
import { gapEvent, KEEP_ALIVE, lastBlock, retryBlock } from './event-format.ts';
import { readerOf } from './event-stream.ts';
import type { EventStreamCall, StreamSource } from './event-stream.ts';
import { LookAhead } from './look-ahead.ts';
import type { WhatFollows } from './look-ahead.ts';
import { ReaderPlace } from './reader-place.ts';
import { SharedEncoding } from './shared-encoding.ts';
import type { EncodedEntry } from './shared-encoding.ts';
import { reporterFor } from '../support/reporter.ts';
import { startTimer } from '../support/timers.ts';

/**
 * 204: nothing comes after the id that the client has. 429: its share is used up, and it does not ask again by itself. Either
 * would end an `EventSource`.
 */
export type EventStreamStatus = 200 | 204 | 429;

/** Entries that are ready go out together: a write costs several times what an event does. No more is taken at once. */
const BATCH_BYTES = 8 * 1024;

const reporter = reporterFor('event-stream');

/**
 * A session as the events of one client. A call of `next()` gives those that are ready, up to 8 KiB and one event: nothing
 * is read ahead of it, so a client that is stuck costs no more than that, and shares the bytes with others.
 *
 * The position is fixed here. {@link open} decides how the client is answered. From then on it counts as one reader until
 * it is closed or over; one that takes nothing within two seconds costs a position only, up to its first `next()`. When no
 * reader can be had, and when one fails, the stream is over without an end event, so that the client connects again.
 */
export class SessionEvents {
  readonly #source: StreamSource;
  readonly #call: EventStreamCall;
  readonly #share: ClientShare | undefined;
  readonly #reader: SessionReader<EncodedEntry>;
  /** While it reads. */
  #encoding: SharedEncoding | undefined = undefined;
  /** Counts until the reader does. */
  #place: ReaderPlace | undefined = undefined;
  #lookAhead: LookAhead | undefined = undefined;
  /** At most: retry, one per gap since the last call (gaps that come meanwhile add up), a batch of entries, the end. */
  readonly #ready: Buffer[] = [];
  #missed: number | undefined = undefined;
  #pending: ((bytes: Buffer | undefined) => void) | undefined = undefined;
  #isReading = false;
  #isOver = false;
  #skippedId: string | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isKeepAliveDue = false;

  /** @param share What the client holds; a place in it is taken and left with that among the readers. */
  constructor(source: StreamSource, call: EventStreamCall, share?: ClientShare) {
    this.#source = source;
    this.#call = call;
    this.#share = share;
    const { onGap } = call.options;
    const own: CheckedReaderOptions = {
      onGap: (gap) => {
        this.#addGap(gap);
        onGap?.(gap);
      },
    };
    this.#reader = readerOf(source, call, own, (cursor) => (this.#encoding as SharedEncoding).encode(cursor));
    this.#push(retryBlock(call.retryMillis));
  }

  /** How to answer the client, which then has its place among the readers if one can be had. Never rejects. */
  async open(): Promise<EventStreamStatus> {
    try {
      const found = await this.#findPlace();
      if (found === 'nothing') {
        this.close();
        return 204;
      }
      if (found === 'over-share') {
        this.close();
        return 429;
      }
      if (found === 'refused') this.#stop();
    } catch (error) {
      this.#fail(error);
    }
    return 200;
  }

  /** The last event has been taken: the next call gives `undefined`. */
  get isDone(): boolean {
    return this.#isOver && this.#ready.length === 0;
  }

  /**
   * The next events, or a comment that keeps the connection alive; `undefined` when the stream is over. The bytes may be
   * shared with other clients. One call at a time. Never rejects.
   */
  next(): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      this.#place?.keep();
      this.#pending = resolve;
      this.#settle();
      if (this.#pending !== undefined) this.#read();
    });
  }

  /** Frees the reader at once, also while {@link open} is under way: the client is gone. */
  close(): void {
    this.#stop();
    this.#ready.length = 0;
    this.#missed = undefined;
    this.#lookAhead?.close();
    void this.#reader.return();
    this.#settle();
  }

  /** Takes a place for the reader, unless there is nothing to come. */
  async #findPlace(): Promise<WhatFollows | 'over-share'> {
    const { store, refusal } = this.#source;
    const { sessionId, after, options } = this.#call;
    if (this.#share?.enter() === false) return this.#share.isEventStream ? 'refused' : 'over-share';
    if (after !== undefined) {
      this.#lookAhead = new LookAhead(this.#source, this.#call);
      const found = await this.#lookAhead.findAfter(after);
      if (found !== 'something') return found;
    }
    if (this.#isOver || options.signal?.aborted === true || refusal !== undefined) return 'refused';
    this.#place = ReaderPlace.take(store, sessionId, () => this.#share?.leave());
    return this.#place === undefined ? 'refused' : 'something';
  }

  #read(): void {
    if (this.#isReading || this.#isOver) return;
    this.#isReading = true;
    // It may have been given up while nobody pulled.
    if (this.#share?.enter() === false) {
      void this.#reader.return();
      this.#end();
      return this.#settle();
    }
    this.#timer ??= this.#startTimer();
    this.#encoding ??= SharedEncoding.join(this.#source.store, this.#call.sessionId, this.#call.format);
    // The place goes to the reader, which takes it within the call of `next()`.
    this.#place?.leave();
    this.#place = undefined;
    this.#reader.next().then(
      (result) => {
        this.#isReading = false;
        if (this.#isOver) return;
        if (result.done === true) this.#end();
        else this.#takeBatch(result.value);
        this.#settle();
        if (this.#pending !== undefined) this.#read();
      },
      (error: unknown) => {
        this.#isReading = false;
        if (this.#isOver) return;
        this.#fail(error);
        this.#settle();
      },
    );
  }

  /** The entry, and those after it that the store has at once. */
  #takeBatch(first: EncodedEntry): void {
    let bytes = this.#take(first);
    while (bytes < BATCH_BYTES) {
      const entry = this.#takeNow();
      // A callback of the application may have closed it.
      if (entry === undefined || this.#isOver) return;
      bytes += this.#take(entry);
    }
  }

  #takeNow(): EncodedEntry | undefined {
    try {
      return this.#reader.nextNow();
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** Gives the number of its bytes. */
  #take({ id, bytes }: EncodedEntry): number {
    this.#takeGap();
    this.#skippedId = bytes === undefined ? id : undefined;
    if (bytes === undefined) return 0;
    this.#ready.push(bytes);
    return bytes.length;
  }

  #push(block: string): void {
    this.#ready.push(Buffer.from(block));
  }

  #addGap({ missed }: Gap): void {
    this.#missed = missed === -1 || this.#missed === -1 ? -1 : (this.#missed ?? 0) + missed;
    this.#settle();
  }

  #takeGap(): void {
    if (this.#missed === undefined) return;
    this.#push(gapEvent(this.#missed));
    this.#missed = undefined;
  }

  /** The store failed; or the signal aborted; or the place was given up, and no other can be had. */
  #fail(error: unknown): void {
    const { endReason } = this.#reader;
    if (endReason !== 'aborted' && endReason !== 'refused') {
      reporter.limited('reader', 'an event stream is broken off: its reader failed; its client connects again', error);
    }
    this.#end();
  }

  #end(): void {
    // Nothing of a deleted session stays, and its id may begin again.
    if (this.#reader.endReason === 'deleted') this.#encoding?.forget();
    this.#stop();
    this.#takeGap();
    this.#push(lastBlock(this.#reader.endReason, this.#call.retryMillis, this.#skippedId));
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#encoding?.leave();
    this.#encoding = undefined;
    this.#place?.leave();
    this.#place = undefined;
    this.#share?.leave();
  }

  /** Settles the pending call with what there is, if there is anything. */
  #settle(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (this.#ready.length === 0) this.#takeGap();
    if (this.#ready.length === 0 && this.#isKeepAliveDue && !this.#isOver) this.#push(KEEP_ALIVE);
    const ready = this.#ready;
    if (ready.length === 0 && !this.#isOver) return;
    this.#pending = undefined;
    if (ready.length === 0) return pending(undefined);
    this.#isKeepAliveDue = false;
    this.#timer?.refresh();
    // A single event is the one that other clients get.
    pending(ready.length === 1 ? ready[0] : Buffer.concat(ready));
    ready.length = 0;
  }

  #startTimer(): NodeJS.Timeout | undefined {
    const { keepAliveMillis } = this.#call;
    if (keepAliveMillis === 0) return undefined;
    const timer = startTimer(() => {
      this.#isKeepAliveDue = true;
      // Without a pending call the client does not read, and the next event that it takes starts the timer again.
      this.#settle();
    }, keepAliveMillis);
    // The connection is what keeps a server alive.
    return timer.unref();
  }
}
