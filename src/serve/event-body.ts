import { watchAbort } from '../support/abort-watch.ts';
import { watchClient } from './client.ts';
import type { NodeResponse } from './client.ts';
import type { SessionEvents } from './session-events.ts';

/** What may end a body before its session ends. */
export interface BodyEnds {
  readonly signal: AbortSignal | undefined;
  readonly response: NodeResponse | undefined;
}

/**
 * Turns events into the body of a web `Response`. The body is pulled, so nothing is read ahead.
 *
 * It closes right after the last event, or at once when one of `ends` comes while no pull is pending.
 */
export function eventBody(events: SessionEvents, { signal, response }: BodyEnds): ReadableStream<Uint8Array> {
  let isPulling = false;
  let isOver = false;
  let stopWatching: (() => void) | undefined;

  function finish(): void {
    isOver = true;
    stopWatching?.();
    events.close();
  }

  /** Watches from the first pull on, so that a long-lived signal does not hold a body that is thrown away unread. */
  function watch(controller: ReadableStreamDefaultController<Uint8Array>): () => void {
    const onEnd = (): void => {
      // A pending pull still gets the last block.
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
        const bytes = await events.next();
        isPulling = false;
        // It was cancelled meanwhile: the controller takes nothing more.
        if (isOver) return;
        // Copied, because a consumer may change or transfer the bytes, which other clients may share.
        if (bytes !== undefined) controller.enqueue(new Uint8Array(bytes));
        if (!events.isDone) return;
        finish();
        controller.close();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}
