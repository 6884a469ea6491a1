import { requireSessionId } from '../entry/session-id.ts';
import { openReader } from '../read/reader-options.ts';
import type { ReaderDefaults, ReaderOptions } from '../read/reader-options.ts';
import { watchAbort } from '../support/abort-watch.ts';
import { SessionLogsError } from '../support/errors.ts';
import type { StreamSource } from './event-stream.ts';

const TEXT_DEFAULTS: ReaderDefaults = {
  owner: 'toReadableStream',
  yields: 'message',
  from: 'stream',
  until: 'stream-end',
  logType: 'chat',
  tokens: false,
  wait: true,
  isForClient: true,
};

const CUT_OFF = 'the session logs were shut down before the end of the stream: the text read so far may be incomplete';

/**
 * Returns the text of a session as a web stream, which closes after the answer. Nothing is read ahead; `cancel()` frees
 * the reader at once. The stream fails if no reader is available, and if the store closes before its end, because it
 * cannot say otherwise that there is more.
 *
 * A `Response` takes only bytes: pipe the stream through a `TextEncoderStream`.
 *
 * @throws TypeError for a wrong session id or option.
 */
export function toReadableStream(
  source: StreamSource,
  sessionId: string,
  options?: ReaderOptions,
): ReadableStream<string> {
  requireSessionId('toReadableStream', sessionId);
  const reader = openReader<string>(source.store, sessionId, TEXT_DEFAULTS, options, source.refusal);
  const { signal } = options ?? {};
  let isOver = false;
  let stopWatching: (() => void) | undefined;
  function finish(): void {
    isOver = true;
    stopWatching?.();
  }
  return new ReadableStream<string>(
    {
      async pull(controller) {
        // The signal also has to end a stream that is no longer pulled, where no call would meet the reader's end.
        stopWatching ??=
          signal &&
          watchAbort(signal, () => {
            finish();
            controller.error(signal.reason);
          });
        try {
          const { done, value } = await reader.next();
          if (isOver) return;
          if (done !== true) return controller.enqueue(value);
          // If the stream closed, a part of the answer would pass for the whole.
          if (reader.endReason === 'shutdown') throw new SessionLogsError('shut_down', CUT_OFF);
          finish();
          controller.close();
        } catch (error) {
          finish();
          throw error;
        }
      },
      async cancel() {
        finish();
        await reader.return();
      },
    },
    { highWaterMark: 0 },
  );
}
