import { MASKED_ERROR } from '../entry/capture.ts';
import type { LogEntry } from '../entry/entry.ts';
import type { Gap } from '../read/gap.ts';
import type { SessionReader } from '../read/reader.ts';
import { reporterFor } from '../support/reporter.ts';
import { MAX_TIMER_MILLIS } from '../support/timeouts.ts';

/** What of an entry reaches a browser, and when the wire is kept warm. */
export interface EventFrameOptions {
  readonly map: ((entry: LogEntry) => unknown) | undefined;
  readonly onError: ((attributes: Readonly<Record<string, unknown>>) => string | undefined) | undefined;
  /** 0: never. */
  readonly keepAliveMillis: number;
  readonly retryMillis: number;
}

interface Waiting {
  resolve(frame: string | undefined): void;
  reject(error: unknown): void;
}

const KEEP_ALIVE = ': keep-alive\n\n';

const reporter = reporterFor('event-stream');

/**
 * A reader as frames of a `text/event-stream`, one for each pull
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * Nothing is read ahead and nothing is queued for who does not pull: a stuck client costs one frame. Every value is
 * JSON, in which CR and LF are escaped, so no text can break a frame or begin another one.
 */
export class EventFrames {
  readonly #options: EventFrameOptions;
  #reader: SessionReader<LogEntry> | undefined;
  #probe: SessionReader<LogEntry> | undefined;
  /** At most: retry, one per gap since the last pull (gaps that nobody pulled add up), one entry, the end. */
  readonly #ready: string[] = [];
  #missed: number | undefined = undefined;
  #waiting: Waiting | undefined = undefined;
  #isReading = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined = undefined;
  #skippedId: string | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isKeepAliveDue = false;

  constructor(options: EventFrameOptions) {
    this.#options = options;
    this.#ready.push(`retry: ${options.retryMillis}\n\n`);
  }

  /** For the reader's `onGap`. */
  readonly onGap = ({ missed }: Gap): void => {
    this.#missed = missed === -1 || this.#missed === -1 ? -1 : (this.#missed ?? 0) + missed;
    this.#answer();
  };

  /**
   * @param reader Was opened with this object's `onGap`.
   * @param probe Looks ahead, before the first frame, whether there is anything to come. It goes with the client too; a
   * call without it lets go of it.
   */
  readFrom(reader: SessionReader<LogEntry>, probe?: SessionReader<LogEntry>): void {
    this.#reader = reader;
    this.#probe = probe;
    if (this.#isOver) this.close();
  }

  /** The last frame has been taken: the next call gives `undefined`. */
  get isDone(): boolean {
    return this.#isOver && this.#ready.length === 0 && this.#failure === undefined;
  }

  /** The next frame; `undefined` when the stream is over. One call at a time. Rejects when the store failed. */
  next(): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#answer();
      if (this.#waiting !== undefined) this.#read();
    });
  }

  /** The client is gone: frees the reader at once. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isOver = true;
    this.#ready.length = 0;
    this.#missed = undefined;
    void this.#probe?.return();
    void this.#reader?.return();
    this.#answer();
  }

  #read(): void {
    const reader = this.#reader;
    if (this.#isReading || this.#isOver || reader === undefined) return;
    this.#isReading = true;
    this.#timer ??= this.#startTimer();
    reader.next().then(
      (result) => {
        this.#isReading = false;
        if (this.#isOver) return;
        if (result.done === true) this.#end();
        else this.#take(result.value);
        this.#answer();
        if (this.#waiting !== undefined) this.#read();
      },
      (error: unknown) => {
        this.#isReading = false;
        if (this.#isOver) return;
        // Without an end event the client connects again, which is right when a server was away for a moment.
        if (reader.endReason === 'failed') this.#failure = { error };
        this.#end();
        this.#answer();
      },
    );
  }

  #take(entry: LogEntry): void {
    this.#takeGap();
    const data = this.#dataOf(entry);
    if (data === undefined) {
      this.#skippedId = entry.id;
      return;
    }
    this.#skippedId = undefined;
    this.#ready.push(`id: ${entry.id}\ndata: ${data}\n\n`);
  }

  #dataOf(entry: LogEntry): string | undefined {
    try {
      const { map } = this.#options;
      const shown = entry.kind === 'error' ? { ...entry, message: this.#errorText(entry) } : entry;
      const { kind, message, timestamp } = shown;
      return JSON.stringify(map === undefined ? { kind, message, timestamp } : map(shown));
    } catch (error) {
      reporter.limited('map', 'an entry could not be mapped to JSON and is left out of its event stream', error);
      return undefined;
    }
  }

  #errorText(entry: LogEntry): string {
    const { onError } = this.#options;
    if (onError === undefined) return MASKED_ERROR;
    const exception = Object.entries(entry.attributes ?? {}).filter(([key]) => key.startsWith('exception.'));
    try {
      return onError(Object.fromEntries(exception)) ?? MASKED_ERROR;
    } catch (error) {
      reporter.limited('onError', 'onError threw; the error stays masked', error);
      return MASKED_ERROR;
    }
  }

  #takeGap(): void {
    if (this.#missed === undefined) return;
    this.#ready.push(`event: gap\ndata: {"missed":${this.#missed}}\n\n`);
    this.#missed = undefined;
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#takeGap();
    if (this.#failure !== undefined) return;
    // An `EventSource` that connects again begins after what was left out, else it would be served that for ever.
    const id = this.#skippedId === undefined ? '' : `id: ${this.#skippedId}\n`;
    this.#ready.push(`${id}event: end\ndata: ${JSON.stringify({ reason: this.#reader?.endReason })}\n\n`);
  }

  /** Gives the one who waits what there is, if there is anything. */
  #answer(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#ready.length === 0) this.#takeGap();
    if (this.#ready.length === 0 && this.#isKeepAliveDue && !this.#isOver) this.#ready.push(KEEP_ALIVE);
    const frame = this.#ready.shift();
    if (frame === undefined && !this.#isOver) return;
    this.#waiting = undefined;
    if (frame !== undefined) {
      this.#isKeepAliveDue = false;
      this.#timer?.refresh();
      waiting.resolve(frame);
    } else if (this.#failure === undefined) {
      waiting.resolve(undefined);
    } else {
      waiting.reject(this.#failure.error);
    }
  }

  #startTimer(): NodeJS.Timeout | undefined {
    const { keepAliveMillis } = this.#options;
    if (keepAliveMillis === 0) return undefined;
    const timer = setTimeout(
      () => {
        this.#isKeepAliveDue = true;
        // Nobody waits: the client does not read, and the next frame that it pulls starts the timer again.
        this.#answer();
      },
      Math.min(keepAliveMillis, MAX_TIMER_MILLIS),
    );
    // The connection is what keeps a server alive.
    return timer.unref();
  }
}
