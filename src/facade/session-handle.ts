import type { LogEntry } from '../entry/entry.ts';
import { CONTROL_KINDS, tokenOf } from '../entry/tokens.ts';
import type { ControlKind } from '../entry/tokens.ts';
import type { ReaderOptions } from '../read/reader-options.ts';
import type { SessionReader } from '../read/reader.ts';
import type { StreamState } from '../store/session-store.ts';
import { describeValue } from '../support/errors.ts';
import { oneOf } from '../support/options.ts';
import { ownText } from '../support/own-text.ts';
import type { TapOptions } from '../write/tap.ts';
import type { ConsumedAnswer } from '../write/tapped-answer.ts';
import type { WriteOptions } from '../write/write-options.ts';

/** The methods of `SessionLogs` that a handle uses. */
export interface SessionTarget {
  logChunkToQueue(message: string, sessionId: string, options?: WriteOptions): Promise<void>;
  followSession(sessionId: string, options?: ReaderOptions): SessionReader<LogEntry>;
  endSession(sessionId: string): void;
  tap<T>(sessionId: string, source: ReadableStream<T>, options?: TapOptions<T>): ReadableStream<T> & AsyncIterable<T>;
  tap<T>(sessionId: string, source: AsyncIterable<T>, options?: TapOptions<T>): AsyncIterable<T>;
  consume<T>(
    sessionId: string,
    source: AsyncIterable<T> | ReadableStream<T>,
    options?: TapOptions<T>,
  ): Promise<ConsumedAnswer>;
  answerState(sessionId: string): Promise<StreamState>;
}

/** A handle bound to one session, for code that should not have to know the session's id. */
export class SessionHandle {
  readonly sessionId: string;
  readonly #target: SessionTarget;

  constructor(target: SessionTarget, sessionId: string) {
    this.#target = target;
    this.sessionId = ownText(sessionId);
    // Methods may be passed on by themselves: `onToken: handle.write`. Bound here rather than generically, because a
    // handle is made for each request.
    this.write = this.write.bind(this);
    this.mark = this.mark.bind(this);
    this.tap = this.tap.bind(this);
    this.consume = this.consume.bind(this);
    this.answerState = this.answerState.bind(this);
    this.follow = this.follow.bind(this);
    this.end = this.end.bind(this);
  }

  /** Logs a chunk; see `logChunkToQueue`. */
  write(text: string, options?: WriteOptions): Promise<void> {
    return this.#target.logChunkToQueue(text, this.sessionId, options);
  }

  /**
   * Logs a mark: the start or end of the answer, of reasoning, or of a tool call.
   *
   * @throws TypeError when the kind is no mark.
   */
  mark(kind: ControlKind, options?: Omit<WriteOptions, 'kind'>): Promise<void> {
    const token = tokenOf(kind);
    if (token === undefined) {
      throw new TypeError(`mark: expected the kind to be ${oneOf(CONTROL_KINDS)}, got ${describeValue(kind)}`);
    }
    return this.#target.logChunkToQueue(token, this.sessionId, { ...options, kind });
  }

  /** Passes a source through unchanged and logs its chunks; see `tap`. */
  tap<T>(source: ReadableStream<T>, options?: TapOptions<T>): ReadableStream<T> & AsyncIterable<T>;
  tap<T>(source: AsyncIterable<T>, options?: TapOptions<T>): AsyncIterable<T>;
  tap<T>(source: AsyncIterable<T> | ReadableStream<T>, options?: TapOptions<T>): AsyncIterable<T> {
    return this.#target.tap(this.sessionId, source as AsyncIterable<T>, options);
  }

  /** Reads a source to its end and logs its chunks; see `consume`. */
  consume<T>(source: AsyncIterable<T> | ReadableStream<T>, options?: TapOptions<T>): Promise<ConsumedAnswer> {
    return this.#target.consume(this.sessionId, source, options);
  }

  /** The state of the latest answer; see `answerState`. */
  answerState(): Promise<StreamState> {
    return this.#target.answerState(this.sessionId);
  }

  /** The session's entries, live; see `followSession`. */
  follow(options?: ReaderOptions): SessionReader<LogEntry> {
    return this.#target.followSession(this.sessionId, options);
  }

  /** Ends the session's current life; see `endSession`. */
  end(): void {
    this.#target.endSession(this.sessionId);
  }
}
