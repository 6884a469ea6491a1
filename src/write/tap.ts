import * as z from 'zod';

import { requireSessionId } from '../entry/session-id.ts';
import { describeValue } from '../support/errors.ts';
import { abortSignalOption, functionOption, lazily, parseOptions } from '../support/options.ts';
import { isThenable } from '../support/thenable.ts';
import { TappedAnswer } from './tapped-answer.ts';
import type { AnswerPlan, ChunkWriter, MappedChunk } from './tapped-answer.ts';
import { audienceOf, readAttributes } from './write-options.ts';

/** Options for logging a tapped source. */
export interface TapOptions<T> {
  /**
   * Returns the text to log for a chunk, or an object with that text and what the chunk says of the answer's end;
   * `undefined` logs nothing. The chunk itself passes unchanged. If `map` throws or returns a promise, that is
   * reported, and the chunk is not logged.
   *
   * @default a string unchanged, anything else as JSON
   */
  readonly map?: ((chunk: T) => string | MappedChunk | undefined) | undefined;
  /**
   * Tells that the answer is stopped: give the signal that you give to the source. The tap only observes it, so you
   * still get whatever the source does. However the source then ends, the answer has the finish reason `aborted` and no
   * `error` entry. Chunks that come more than a second after the abort are passed on but not logged. @default none
   */
  readonly signal?: AbortSignal | undefined;
  /** `false`: only readers of the session get the answer; see `WriteOptions`. @default true */
  readonly export?: boolean | undefined;
  /** `false`: no reader of the session gets the answer; see `WriteOptions`. @default true */
  readonly read?: boolean | undefined;
  /** Attributes of every entry of the answer and of its merged record; see `WriteOptions`. @default none */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

const tapSchema = lazily(() =>
  z.strictObject({
    map: functionOption<(chunk: unknown) => string | MappedChunk | undefined>().optional(),
    signal: abortSignalOption().optional(),
    export: z.boolean('a boolean').optional(),
    read: z.boolean('a boolean').optional(),
    attributes: z.custom<Readonly<Record<string, unknown>>>().optional(),
  }),
);

/** A source: a web stream or an async iterable. */
export type TapSource<T> = { readonly stream: ReadableStream<T> } | { readonly iterable: AsyncIterable<T> };

/**
 * Validates the options of a tap and its source.
 *
 * @throws TypeError for a wrong session id, source or option.
 */
export function parseTap<T>(
  owner: string,
  sessionId: string,
  source: AsyncIterable<T> | ReadableStream<T>,
  options: TapOptions<T>,
): { readonly from: TapSource<T>; readonly plan: AnswerPlan<T> } {
  requireSessionId(owner, sessionId);
  const { signal, ...parsed } = parseOptions(owner, tapSchema, options);
  audienceOf(owner, parsed);
  const attributes = readAttributes(owner, parsed.attributes);
  const map: TapOptions<T>['map'] = parsed.map;
  // Read for each chunk, so leave out options that are not set.
  const write = {
    ...(attributes === undefined ? undefined : { attributes }),
    ...(parsed.export === false ? { export: false } : undefined),
    ...(parsed.read === false ? { read: false } : undefined),
  };
  const plan = { map, signal, write };
  if (isWebStream(source)) return { from: { stream: source }, plan };
  if (isAsyncIterable(source)) return { from: { iterable: source }, plan };
  const received = isThenable(source) ? 'a promise: await it first' : describeValue(source);
  throw new TypeError(`${owner}: expected an async iterable or a web stream, got ${received}`);
}

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
 * Passes a source through unchanged (an async iterable stays one, a web stream stays one) and logs its chunks as the
 * text of an answer of its own.
 *
 * The first read writes the `stream-start`, so a tap that is never read writes nothing. A `stream-end` always follows.
 * At the end of the source it has the finish reason and the token usage that the source gave. If the source fails, it
 * follows an `error` entry and has the finish reason `error`; the caller still gets the error. If the source is stopped
 * (by the `signal`, by an `AbortError` that it throws, or by a consumer that leaves before a finish reason came), the
 * finish reason is `aborted`. What the model writes is text, even `</end>`. Logging never fails the source: if `map`
 * throws, that is reported, and the chunk is not logged.
 *
 * @throws TypeError for a wrong session id, source or option, or a web stream that is locked.
 */
export function tap<T>(
  writer: ChunkWriter,
  sessionId: string,
  source: AsyncIterable<T> | ReadableStream<T>,
  options: TapOptions<T> = {},
): AsyncIterable<T> {
  const { from, plan } = parseTap('tap', sessionId, source, options);
  const newAnswer = (): TappedAnswer<T> => new TappedAnswer<T>(writer, sessionId, plan);
  if ('stream' in from) return tapWebStream(from.stream, newAnswer());
  const { iterable } = from;
  return { [Symbol.asyncIterator]: () => new TappedIterator<T>(iterable[Symbol.asyncIterator](), newAnswer()) };
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

function tapWebStream<T>(source: ReadableStream<T>, answer: TappedAnswer<T>): ReadableStream<T> & AsyncIterable<T> {
  const reader = source.getReader();
  return new ReadableStream<T>(
    {
      async pull(controller) {
        answer.start();
        try {
          const { done, value } = await reader.read();
          if (done) {
            answer.end();
            controller.close();
          } else {
            answer.chunk(value);
            controller.enqueue(value);
          }
        } catch (error) {
          answer.fail(error);
          throw error;
        }
      },
      async cancel(reason) {
        answer.leave();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  ) as ReadableStream<T> & AsyncIterable<T>;
}

/**
 * Not an `async function*`: its `return()` would run only after the source answers, but the end has to be written when
 * the consumer leaves.
 */
class TappedIterator<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterator<T>;
  readonly #answer: TappedAnswer<T>;

  constructor(source: AsyncIterator<T>, answer: TappedAnswer<T>) {
    this.#source = source;
    this.#answer = answer;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(...args: [] | [undefined]): Promise<IteratorResult<T>> {
    this.#answer.start();
    return this.#pass(() => this.#source.next(...args));
  }

  async return(value?: unknown): Promise<IteratorResult<T>> {
    this.#answer.leave();
    const result = await this.#source.return?.(value);
    return result ?? { done: true, value };
  }

  async throw(error?: unknown): Promise<IteratorResult<T>> {
    const throwInto = async (): Promise<IteratorResult<T>> => {
      if (this.#source.throw === undefined) throw error;
      return this.#source.throw(error);
    };
    return this.#pass(throwInto, { error });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /**
   * @param thrown What the consumer throws, as a destroyed Readable does: it leaves, unless the source catches that.
   */
  async #pass(
    step: () => Promise<IteratorResult<T>>,
    thrown?: { readonly error: unknown },
  ): Promise<IteratorResult<T>> {
    try {
      const result = await step();
      if (result.done === true) this.#answer.end();
      else this.#answer.chunk(result.value);
      return result;
    } catch (error) {
      if (thrown !== undefined && thrown.error === error) this.#answer.leave();
      else this.#answer.fail(error);
      throw error;
    }
  }
}
