import { randomUUID } from 'node:crypto';

import * as z from 'zod';

import { bodyToText, cutText } from '../entry/body.ts';
import { requireSessionId } from '../entry/session-id.ts';
import { MAX_ERROR_TEXT } from '../entry/special-values.ts';
import { tokenOf } from '../entry/tokens.ts';
import { ATTRIBUTE } from '../otel/names.ts';
import { describeValue, isError, messageOf } from '../support/errors.ts';
import { functionOption, lazily, parseOptions } from '../support/options.ts';
import { ownText } from '../support/own-text.ts';
import { catchRejection, reporterFor } from '../support/reporter.ts';
import { isThenable } from '../support/thenable.ts';
import type { WriteOptions } from './write-options.ts';

/** How a tapped chunk becomes text. */
export interface TapOptions<T> {
  /**
   * The text that is logged of a chunk; `undefined` logs nothing. The chunk itself passes unchanged.
   *
   * @default A string as it is, anything else as JSON.
   */
  readonly map?: ((chunk: T) => string | undefined) | undefined;
}

/** Where a tap writes. */
export interface ChunkWriter {
  write(message: string, sessionId: string, options?: WriteOptions): void;
}

const tapSchema = lazily(() =>
  z.strictObject({
    map: functionOption<(chunk: unknown) => string | undefined>().optional(),
  }),
);

const reporter = reporterFor('tap');

export function tap<T>(
  writer: ChunkWriter,
  sessionId: string,
  source: ReadableStream<T>,
  options?: TapOptions<T>,
): ReadableStream<T> & AsyncIterable<T>;
export function tap<T>(
  writer: ChunkWriter,
  sessionId: string,
  source: AsyncIterable<T>,
  options?: TapOptions<T>,
): AsyncIterable<T>;
/**
 * Passes a source through unchanged, an async iterable as an async iterable and a web stream as a web stream, while each
 * chunk is logged as text of an answer of its own.
 *
 * The `stream-start` is written with the first read, so a tap that is never read writes nothing. A `stream-end` always
 * follows: at the end of the source; after an `error` entry when the source fails, which still reaches the caller
 * (finish reason `error`); when the consumer breaks off (`aborted`). What the model writes is text, even `</end>`.
 * Logging never fails the source: a `map` that throws is reported and that chunk is not logged.
 *
 * @throws TypeError for a wrong session id, source or option, or a web stream that is locked.
 */
export function tap<T>(
  writer: ChunkWriter,
  sessionId: string,
  source: AsyncIterable<T> | ReadableStream<T>,
  options: TapOptions<T> = {},
): AsyncIterable<T> {
  requireSessionId('tap', sessionId);
  const map: TapOptions<T>['map'] = parseOptions('tap', tapSchema, options).map;
  const newAnswer = (): TappedAnswer<T> => new TappedAnswer<T>(writer, sessionId, map);
  if (isWebStream(source)) return tapWebStream(source, newAnswer());
  if (!isAsyncIterable(source)) {
    const received = isThenable(source) ? 'a promise: await it first' : describeValue(source);
    throw new TypeError(`tap: expected an async iterable or a web stream, got ${received}`);
  }
  return { [Symbol.asyncIterator]: () => new TappedIterator<T>(source[Symbol.asyncIterator](), newAnswer()) };
}

function isWebStream<T>(source: object): source is ReadableStream<T> {
  return typeof source === 'object' && source !== null && 'getReader' in source;
}

function isAsyncIterable<T>(source: unknown): source is AsyncIterable<T> {
  return (
    typeof source === 'object' &&
    source !== null &&
    typeof (source as Partial<AsyncIterable<T>>)[Symbol.asyncIterator] === 'function'
  );
}

/** What a tap writes: one answer under a fresh stream id, with each mark once. */
class TappedAnswer<T> {
  readonly #writer: ChunkWriter;
  readonly #sessionId: string;
  readonly #map: ((chunk: T) => string | undefined) | undefined;
  readonly #text: WriteOptions;
  readonly #streamId: string = randomUUID();
  #phase: 'new' | 'running' | 'over' = 'new';

  constructor(writer: ChunkWriter, sessionId: string, map: ((chunk: T) => string | undefined) | undefined) {
    this.#writer = writer;
    this.#sessionId = ownText(sessionId);
    this.#map = map;
    this.#text = Object.freeze({ kind: 'text', streamId: this.#streamId });
  }

  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'running';
    this.#mark('stream-start');
  }

  chunk(value: T): void {
    if (this.#phase !== 'running') return;
    const text = this.#textOf(value);
    if (text !== undefined) this.#writer.write(text, this.#sessionId, this.#text);
  }

  fail(error: unknown): void {
    if (this.#phase !== 'running') return;
    const message = cutText(isError(error) ? messageOf(error) : bodyToText(error), MAX_ERROR_TEXT);
    const exception = error ?? 'unknown';
    this.#writer.write(message, this.#sessionId, { kind: 'error', streamId: this.#streamId, exception });
    this.end('error');
  }

  /** Without a reason the source came to its end. */
  end(reason?: 'error' | 'aborted'): void {
    const isRunning = this.#phase === 'running';
    this.#phase = 'over';
    if (isRunning) this.#mark('stream-end', reason === undefined ? undefined : { [ATTRIBUTE.finishReasons]: [reason] });
  }

  #mark(kind: 'stream-start' | 'stream-end', attributes?: Record<string, unknown>): void {
    this.#writer.write(tokenOf(kind) ?? '', this.#sessionId, { kind, streamId: this.#streamId, attributes });
  }

  #textOf(value: T): string | undefined {
    if (this.#map === undefined) return bodyToText(value);
    try {
      const text: unknown = this.#map(value);
      if (typeof text === 'string') return text;
      if (catchRejection(text, () => {})) throw new TypeError('map must answer at once, not with a promise');
      return text === undefined ? undefined : bodyToText(text);
    } catch (error) {
      reporter.limited('map', 'the map of a tap failed; its chunk is not logged', error);
      return undefined;
    }
  }
}

function tapWebStream<T>(source: ReadableStream<T>, stream: TappedAnswer<T>): ReadableStream<T> & AsyncIterable<T> {
  const reader = source.getReader();
  return new ReadableStream<T>(
    {
      async pull(controller) {
        stream.start();
        try {
          const { done, value } = await reader.read();
          if (done) {
            stream.end();
            controller.close();
          } else {
            stream.chunk(value);
            controller.enqueue(value);
          }
        } catch (error) {
          stream.fail(error);
          throw error;
        }
      },
      async cancel(reason) {
        stream.end('aborted');
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  ) as ReadableStream<T> & AsyncIterable<T>;
}

/**
 * Hand-made, since `return()` of an `async function*` that waits for its source does not run until the source answers,
 * and the end has to be written when the consumer leaves.
 */
class TappedIterator<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterator<T>;
  readonly #stream: TappedAnswer<T>;

  constructor(source: AsyncIterator<T>, stream: TappedAnswer<T>) {
    this.#source = source;
    this.#stream = stream;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(...args: [] | [undefined]): Promise<IteratorResult<T>> {
    this.#stream.start();
    return this.#pass(() => this.#source.next(...args));
  }

  async return(value?: unknown): Promise<IteratorResult<T>> {
    this.#stream.end('aborted');
    const result = await this.#source.return?.(value);
    return result ?? { done: true, value };
  }

  async throw(error?: unknown): Promise<IteratorResult<T>> {
    if (this.#source.throw !== undefined)
      return this.#pass(() => this.#source.throw?.(error) as Promise<IteratorResult<T>>);
    this.#stream.end('aborted');
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #pass(step: () => Promise<IteratorResult<T>>): Promise<IteratorResult<T>> {
    try {
      const result = await step();
      if (result.done === true) this.#stream.end();
      else this.#stream.chunk(result.value);
      return result;
    } catch (error) {
      this.#stream.fail(error);
      throw error;
    }
  }
}
