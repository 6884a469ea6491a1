import * as z from 'zod';

import { requireSessionId } from '../entry/session-id.ts';
import { describeValue } from '../support/errors.ts';
import { abortSignalOption, functionOption, lazily, parseOptions } from '../support/options.ts';
import { isThenable } from '../support/thenable.ts';
import { TappedAnswer } from './tapped-answer.ts';
import type { AnswerPlan, ChunkWriter, MappedChunk } from './tapped-answer.ts';
import { audienceOf, readAttributes } from './write-options.ts';

/** How a tapped source is logged. */
export interface TapOptions<T> {
  /**
   * The text that is logged of a chunk, or that with what the chunk says of the answer's end; `undefined` logs nothing. The
   * chunk itself passes unchanged. A `map` that throws or gives a promise is reported, and its chunk is not logged.
   *
   * @default A string as it is, anything else as JSON.
   */
  readonly map?: ((chunk: T) => string | MappedChunk | undefined) | undefined;
  /**
   * Stops the answer: give the signal that the source gets as well. It is only observed, so what the source does about it reaches
   * you as it is. However the source ends then, the answer has the finish reason `aborted` and no `error` entry; what it gives
   * later than a second after the abort is passed on and not logged. @default none
   */
  readonly signal?: AbortSignal | undefined;
  /** `false`: for readers of the session alone; see `WriteOptions`. @default true */
  readonly export?: boolean | undefined;
  /** `false`: no reader of the session gets it; see `WriteOptions`. @default true */
  readonly read?: boolean | undefined;
  /** Stand on every entry of the answer, and on its merged record. See `WriteOptions`. @default none */
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

/** A source, as one of the two things that it may be. */
export type TapSource<T> = { readonly stream: ReadableStream<T> } | { readonly iterable: AsyncIterable<T> };

/**
 * The options of a tap and its source, checked.
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
  // Looked at with each chunk, so nothing stands in it that says nothing.
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
 * Passes a source through unchanged, an async iterable as an async iterable and a web stream as a web stream, while each
 * chunk is logged as text of an answer of its own.
 *
 * The `stream-start` is written with the first read, so a tap that is never read writes nothing. A `stream-end` always
 * follows: at the end of the source, with the finish reason and the token usage that it told; after an `error` entry when it
 * fails, which still reaches the caller (finish reason `error`); when it is stopped, by its `signal`, an `AbortError` that it
 * throws, or a consumer that leaves before it has told a reason (`aborted`). What the model writes is text, even `</end>`.
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
 * Hand-made, since `return()` of an `async function*` that waits for its source does not run until the source answers,
 * and the end has to be written when the consumer leaves.
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

  /** @param thrown What the consumer throws, as a Readable does that is destroyed: it leaves, unless the source catches that. */
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
