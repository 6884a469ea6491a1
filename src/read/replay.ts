import * as z from 'zod';

import type { LogEntry } from '../entry/entry.ts';
import { watchAbort } from '../support/abort-watch.ts';
import { abortSignalOption, lazily, parseOptions } from '../support/options.ts';
import { startTimer } from '../support/timers.ts';
import type { EndReason } from './end-reason.ts';
import { observed } from './observe.ts';
import type { Observed } from './observe.ts';
import type { SessionReader } from './reader.ts';

/** Options of a replay. */
export interface ReplayOptions {
  /** How many times faster than the original; `Infinity`: without pauses. @default 1 */
  readonly speed?: number | undefined;
  /** Aborting frees the reader at once and rejects the pending or next `next()` with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const replaySchema = lazily(() =>
  z.strictObject({
    speed: z
      .custom<number>((value) => typeof value === 'number' && value > 0, 'a number above 0, or Infinity for no pauses')
      .optional(),
    signal: abortSignalOption().optional(),
  }),
);

/** @throws TypeError for a wrong option. */
export function parseReplayOptions(options: ReplayOptions | undefined): ReplayOptions {
  return options === undefined ? {} : parseOptions('replaySession', replaySchema, options);
}

/**
 * Delivers the entries of a reader with the pauses between their timestamps. Ends as that reader does.
 *
 * Pauses are measured from the first entry, so late timers do not add up. `return()` and the signal end a pause at
 * once. Calls of `next()` may overlap; they are settled in order.
 */
export class SessionReplay implements AsyncIterableIterator<LogEntry, undefined> {
  readonly sessionId: string;
  readonly #reader: SessionReader<LogEntry>;
  readonly #speed: number;
  /** Clock time and log time of the first entry, in milliseconds. */
  #began: { readonly clock: number; readonly logged: number } | undefined = undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #endPause: (() => void) | undefined = undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #stopWatching: (() => void) | undefined;

  constructor(sessionId: string, reader: SessionReader<LogEntry>, { speed = 1, signal }: ReplayOptions) {
    this.sessionId = sessionId;
    this.#reader = reader;
    this.#speed = speed;
    this.#signal = signal;
    this.#stopWatching = signal && watchAbort(signal, () => this.#endPause?.());
  }

  /** Id of the entry that was delivered last, or that `next()` is about to deliver. */
  get lastId(): string | undefined {
    return this.#reader.lastId;
  }

  /** Number of entries that were evicted before this replay reached them; `-1` if unknown. */
  get missed(): number {
    return this.#reader.missed;
  }

  /** Why the replay ended; `undefined` while it is open. */
  get endReason(): EndReason | undefined {
    return this.#reader.endReason;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** For `from(replay)` of rxjs: unsubscribing ends the replay. */
  '@@observable'(): Observed<LogEntry> {
    return observed(this);
  }

  next(): Promise<IteratorResult<LogEntry, undefined>> {
    const next = this.#last
      .then(() => this.#take())
      .catch((error: unknown) => {
        this.#close();
        throw error;
      });
    // The calls after it are settled even if it fails.
    this.#last = next.catch(() => {});
    return next;
  }

  /** Frees the reader at once; a `next()` that waits resolves as done. */
  return<V = undefined>(value?: V | PromiseLike<V>): Promise<IteratorResult<LogEntry, V>> {
    this.#close();
    return this.#reader.return(value);
  }

  throw(error?: unknown): Promise<IteratorResult<LogEntry, undefined>> {
    this.#close();
    return this.#reader.throw(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #take(): Promise<IteratorResult<LogEntry, undefined>> {
    const result = await this.#reader.next();
    if (result.done === true) {
      this.#close();
      return result;
    }
    const logged = Date.parse(result.value.timestamp);
    this.#began ??= { clock: performance.now(), logged };
    // Its timestamp may lie before that of the first one: writers may set timestamps.
    await this.#pauseUntil(this.#began.clock + Math.max(0, logged - this.#began.logged) / this.#speed);
    if (this.#isOver) return { value: undefined, done: true };
    // The reader rejects with the signal's reason, once.
    return this.#signal?.aborted === true ? this.#reader.next() : result;
  }

  async #pauseUntil(clock: number): Promise<void> {
    const millis = clock - performance.now();
    if (millis < 1 || this.#isOver || this.#signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const timer = startTimer(resolve, millis);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = undefined;
  }

  #close(): void {
    this.#isOver = true;
    this.#stopWatching?.();
    this.#endPause?.();
  }
}
