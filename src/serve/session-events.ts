import type { LogEntry } from '../entry/entry.ts';
import type { Gap } from '../read/gap.ts';
import type { SessionReader } from '../read/reader.ts';
import { entryEvent, gapEvent, KEEP_ALIVE, lastBlock, retryBlock } from './event-format.ts';
import { readerOf } from './event-stream.ts';
import type { EventStreamCall, StreamSource } from './event-stream.ts';
import { LookAhead } from './look-ahead.ts';
import type { WhatFollows } from './look-ahead.ts';
import { ReaderPlace } from './reader-place.ts';
import { reporterFor } from '../support/reporter.ts';
import { startTimer } from '../support/timers.ts';

/** 204: nothing comes after the id that the client has. Any other status would end its `EventSource` as well. */
export type EventStreamStatus = 200 | 204;

const reporter = reporterFor('event-stream');

/**
 * A session as the events of one client, one for each call of `next()`: nothing is read ahead and nothing is queued, so
 * a client that is stuck costs one event.
 *
 * The position is fixed here. {@link open} decides how the client is answered. From then on it counts as one reader until
 * it is closed or over; one that takes nothing within two seconds costs a position only, up to its first `next()`. When no
 * reader can be had, and when one fails, the stream is over without an end event, so that the client connects again.
 */
export class SessionEvents {
  readonly #source: StreamSource;
  readonly #call: EventStreamCall;
  readonly #reader: SessionReader<LogEntry>;
  /** Counts until the reader does. */
  #place: ReaderPlace | undefined = undefined;
  #lookAhead: LookAhead | undefined = undefined;
  /** At most: retry, one per gap since the last call (gaps that come meanwhile add up), one entry, the end. */
  readonly #ready: string[] = [];
  #missed: number | undefined = undefined;
  #pending: ((event: string | undefined) => void) | undefined = undefined;
  #isReading = false;
  #isOver = false;
  #skippedId: string | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isKeepAliveDue = false;

  constructor(source: StreamSource, call: EventStreamCall) {
    this.#source = source;
    this.#call = call;
    const { onGap } = call.options;
    this.#reader = readerOf(source, call, {
      onGap: (gap) => {
        this.#addGap(gap);
        onGap?.(gap);
      },
    });
    this.#ready.push(retryBlock(call.retryMillis));
  }

  /** How to answer the client, which then has its place among the readers if one can be had. Never rejects. */
  async open(): Promise<EventStreamStatus> {
    try {
      const found = await this.#findPlace();
      if (found === 'nothing') {
        this.close();
        return 204;
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
   * The next event, or a comment that keeps the connection alive; `undefined` when the stream is over. One call at a
   * time. Never rejects.
   */
  next(): Promise<string | undefined> {
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
  async #findPlace(): Promise<WhatFollows> {
    const { store, refusal } = this.#source;
    const { sessionId, after, options } = this.#call;
    if (after !== undefined) {
      this.#lookAhead = new LookAhead(this.#source, this.#call);
      const found = await this.#lookAhead.findAfter(after);
      if (found !== 'something') return found;
    }
    if (this.#isOver || options.signal?.aborted === true || refusal !== undefined) return 'refused';
    this.#place = ReaderPlace.take(store, sessionId);
    return this.#place === undefined ? 'refused' : 'something';
  }

  #read(): void {
    if (this.#isReading || this.#isOver) return;
    this.#isReading = true;
    this.#timer ??= this.#startTimer();
    // The place goes to the reader, which takes it within the call of `next()`.
    this.#place?.leave();
    this.#place = undefined;
    this.#reader.next().then(
      (result) => {
        this.#isReading = false;
        if (this.#isOver) return;
        if (result.done === true) this.#end();
        else this.#take(result.value);
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

  #take(entry: LogEntry): void {
    this.#takeGap();
    const event = entryEvent(entry, this.#call.format);
    this.#skippedId = event === undefined ? entry.id : undefined;
    if (event !== undefined) this.#ready.push(event);
  }

  #addGap({ missed }: Gap): void {
    this.#missed = missed === -1 || this.#missed === -1 ? -1 : (this.#missed ?? 0) + missed;
    this.#settle();
  }

  #takeGap(): void {
    if (this.#missed === undefined) return;
    this.#ready.push(gapEvent(this.#missed));
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
    this.#stop();
    this.#takeGap();
    this.#ready.push(lastBlock(this.#reader.endReason, this.#call.retryMillis, this.#skippedId));
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#place?.leave();
    this.#place = undefined;
  }

  /** Settles the pending call with what there is, if there is anything. */
  #settle(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (this.#ready.length === 0) this.#takeGap();
    if (this.#ready.length === 0 && this.#isKeepAliveDue && !this.#isOver) this.#ready.push(KEEP_ALIVE);
    const event = this.#ready.shift();
    if (event === undefined && !this.#isOver) return;
    this.#pending = undefined;
    if (event !== undefined) {
      this.#isKeepAliveDue = false;
      this.#timer?.refresh();
    }
    pending(event);
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
