import { watchAbort } from '../support/abort-watch.ts';
import { watchClient } from './client.ts';
import type { NodeResponse } from './client.ts';
import type { EventFrames } from './event-frames.ts';

/** What ends a body before its session does. */
export interface BodyEnds {
  readonly signal: AbortSignal | undefined;
  readonly response: NodeResponse | undefined;
}

/**
 * Frames as the body of a web `Response`: pulled, so nothing is read ahead.
 *
 * It closes right after the last frame; and when one of its ends comes while nobody pulls, at once and without a frame.
 */
export function eventBody(frames: EventFrames, { signal, response }: BodyEnds): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isPulling = false;
  let isOver = false;
  let stopWatching: (() => void) | undefined;

  function finish(): void {
    isOver = true;
    stopWatching?.();
    frames.close();
  }

  /** From the first pull on, as the reader counts: a body that nobody wants is held by nothing. */
  function watch(controller: ReadableStreamDefaultController<Uint8Array>): () => void {
    const onEnd = (): void => {
      // One who pulls gets what there is to say about the end.
      if (isPulling) return;
      finish();
      controller.close();
    };
    const stopSignal = signal && watchAbort(signal, onEnd);
    const stopClient = response && watchClient(response, onEnd);
    return () => {
      stopSignal?.();
      stopClient?.();
    };
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        stopWatching ??= watch(controller);
        isPulling = true;
        try {
          const frame = await frames.next();
          // Cancelled meanwhile: it takes nothing any more.
          if (isOver) return;
          if (frame !== undefined) controller.enqueue(encoder.encode(frame));
          if (!frames.isDone) return;
          finish();
          controller.close();
        } catch (error) {
          finish();
          throw error;
        } finally {
          isPulling = false;
        }
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}
