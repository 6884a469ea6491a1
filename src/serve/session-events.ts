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
 * 204: nothing comes after the id that the client has. 429: the client's share is used up, and it does not reconnect by
 * itself. Either status ends an `EventSource`.
 */
export type EventStreamStatus = 200 | 204 | 429;

/** Entries that are ready go out together, up to this size, because a write costs several times as much as an event. */
const BATCH_BYTES = 8 * 1024;

const reporter = reporterFor('event-stream');

/**
 * A session as the events of one client. `next()` returns the events that are ready, up to 8 KiB plus one event.
 * Nothing is read ahead, so a stuck client costs no more than that, and shares the bytes with others.
 *
 * The constructor fixes the position; {@link open} decides how the client is answered. From then on the stream counts
 * as one reader until it is closed or over; if nothing is taken within two seconds, it only keeps its position until
 * its first `next()`. If no reader is available, or one fails, the stream ends without an end event, so that the client
 * reconnects.
 */
export class SessionEvents {
  readonly #source: StreamSource;
  readonly #call: EventStreamCall;
  readonly #share: ClientShare | undefined;
  readonly #reader: SessionReader<EncodedEntry>;
  /** Set while it reads. */
  #encoding: SharedEncoding | undefined = undefined;
  /** Counts as a reader until the reader itself does. */
  #place: ReaderPlace | undefined = undefined;
  #lookAhead: LookAhead | undefined = undefined;
  /** At most: retry, the gap since the last call (further gaps add up), a batch of entries, the end. */
  readonly #ready: Buffer[] = [];
  #missed: number | undefined = undefined;
  #pending: ((bytes: Buffer | undefined) => void) | undefined = undefined;
  #isReading = false;
  #isOver = false;
  #skippedId: string | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isKeepAliveDue = false;

  /** @param share The client's share; its place is taken and freed together with the place among the readers. */
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

  /** Resolves to the status for the client, and takes a place among the readers if one is available. Never rejects. */
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

  /** Whether the last event was taken: then `next()` returns `undefined`. */
  get isDone(): boolean {
    return this.#isOver && this.#ready.length === 0;
  }

  /**
   * Resolves to the next events, or a comment that keeps the connection alive; to `undefined` when the stream is over.
   * The bytes may be shared with other clients. Allows one call at a time. Never rejects.
   */
  next(): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      this.#place?.keep();
      this.#pending = resolve;
      this.#settle();
      if (this.#pending !== undefined) this.#read();
    });
  }

  /** Frees the reader at once, even while {@link open} runs: the client is gone. */
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
    // The place may have been given up while nobody pulled.
    if (this.#share?.enter() === false) {
      void this.#reader.return();
      this.#end();
      return this.#settle();
    }
    this.#timer ??= this.#startTimer();
    this.#encoding ??= SharedEncoding.join(this.#source.store, this.#call.sessionId, this.#call.format);
    // The reader takes over the place within the call of `next()`.
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

  /** Takes the entry, and those after it that the store has at once. */
  #takeBatch(first: EncodedEntry): void {
    let bytes = this.#take(first);
    while (bytes < BATCH_BYTES) {
      const entry = this.#takeNow();
      // A callback of the application may have closed the stream.
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

  /** Returns the number of its bytes. */
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

  /** Ends the stream: the store failed, the signal aborted, or the place was given up and no other is available. */
  #fail(error: unknown): void {
    const { endReason } = this.#reader;
    if (endReason !== 'aborted' && endReason !== 'refused') {
      reporter.limited('reader', 'an event stream is broken off: its reader failed; its client connects again', error);
    }
    this.#end();
  }

  #end(): void {
    // Keep nothing of a deleted session, whose id may begin again.
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

  /** Settles the pending call with what is ready, if anything is. */
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
    // A single event is the buffer that clients share.
    pending(ready.length === 1 ? ready[0] : Buffer.concat(ready));
    ready.length = 0;
  }

  #startTimer(): NodeJS.Timeout | undefined {
    const { keepAliveMillis } = this.#call;
    if (keepAliveMillis === 0) return undefined;
    const timer = startTimer(() => {
      this.#isKeepAliveDue = true;
      // Without a pending call the client does not read; the next event that it takes restarts the timer.
      this.#settle();
    }, keepAliveMillis);
    // The connection keeps the server alive, not this timer.
    return timer.unref();
  }
}
