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

const CUT_OFF =
  'the session logs were shut down before the end of the stream: what was read may be a part of the answer';

/**
 * The text of a session as a web stream, which closes after the answer. It is pulled: nothing is read ahead, and
 * `cancel()` frees the reader at once. It fails when no reader can be had, and when the store is closed before its end: it
 * has no way to say that there is more elsewhere.
 *
 * For a `Response`, which takes bytes only, pipe it through a `TextEncoderStream`.
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
        // The signal also has to end a stream that is no longer pulled, in which no call would meet the end of the reader.
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
          // Closed, the part of an answer would pass for all of it.
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
