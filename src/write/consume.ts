import { nextTurn } from '../support/timers.ts';
import { parseTap } from './tap.ts';
import type { TapOptions, TapSource } from './tap.ts';
import { TappedAnswer } from './tapped-answer.ts';
import type { ChunkWriter, ConsumedAnswer } from './tapped-answer.ts';

/** Yield after this many chunks: a source that always has a chunk ready would starve timers and readers. */
const CHUNKS_PER_TURN = 128;

/**
 * Reads a source to its end, whether or not anybody listens, and logs it as a tap does. Writes the `stream-start`
 * before it returns.
 *
 * The promise resolves when the answer is over, with the finish reason and the token usage that the source gave. It
 * never rejects, so it needs no `catch`: an error of the source becomes an `error` entry of the session and the `error`
 * of the result.
 *
 * @throws TypeError at once for a wrong session id, source or option, or a web stream that is locked.
 */
export function consume<T>(
  writer: ChunkWriter,
  sessionId: string,
  source: AsyncIterable<T> | ReadableStream<T>,
  options: TapOptions<T> = {},
): Promise<ConsumedAnswer> {
  const { from, plan } = parseTap('consume', sessionId, source, options);
  const next = readerOf(from);
  return new Promise((resolve) => {
    const answer = new TappedAnswer<T>(writer, sessionId, { ...plan, onEnd: resolve });
    answer.start();
    void readToEnd(next, answer);
  });
}

/** Returns a function that gives the next chunk. @throws TypeError for a web stream that is locked. */
function readerOf<T>(from: TapSource<T>): () => Promise<IteratorResult<T>> {
  if ('stream' in from) {
    const reader = from.stream.getReader();
    return () => reader.read() as Promise<IteratorResult<T>>;
  }
  let iterator: AsyncIterator<T> | undefined;
  // Made inside the guarded call, because it runs the source's code.
  return () => (iterator ??= from.iterable[Symbol.asyncIterator]()).next();
}

async function readToEnd<T>(next: () => Promise<IteratorResult<T>>, answer: TappedAnswer<T>): Promise<void> {
  try {
    for (let chunks = 1; ; chunks += 1) {
      const result = await next();
      if (result.done === true) return answer.end();
      answer.chunk(result.value);
      if (chunks % CHUNKS_PER_TURN === 0) await new Promise<void>(nextTurn);
    }
  } catch (error) {
    answer.fail(error);
  }
}
