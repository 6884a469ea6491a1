import { nextTurn } from '../support/timers.ts';
import { parseTap } from './tap.ts';
import type { TapOptions, TapSource } from './tap.ts';
import { TappedAnswer } from './tapped-answer.ts';
import type { ChunkWriter, ConsumedAnswer } from './tapped-answer.ts';

/** A source that always has a chunk ready would let no timer and no reader have their turn. */
const CHUNKS_PER_TURN = 128;

/**
 * Reads a source to its end, whoever listens, and logs it as a tap does. The `stream-start` is written within the call.
 *
 * The promise resolves when the answer is over, with the finish reason and the token usage that the source told. It never
 * rejects, so it needs no `catch`: what the source throws is an `error` entry of the session, and `error` of what it resolves with.
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

/** What gives the next chunk. @throws TypeError for a web stream that is locked. */
function readerOf<T>(from: TapSource<T>): () => Promise<IteratorResult<T>> {
  if ('stream' in from) {
    const reader = from.stream.getReader();
    return () => reader.read() as Promise<IteratorResult<T>>;
  }
  let iterator: AsyncIterator<T> | undefined;
  // Within what is guarded: it is code of the source's.
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
