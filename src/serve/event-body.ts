import { watchAbort } from '../support/abort-watch.ts';
import { watchClient } from './client.ts';
import type { NodeResponse } from './client.ts';
import type { SessionEvents } from './session-events.ts';

/** What ends a body before its session ends. */
export interface BodyEnds {
  readonly signal: AbortSignal | undefined;
  readonly response: NodeResponse | undefined;
}

/**
 * Events as the body of a web `Response`: pulled, so nothing is read ahead.
 *
 * It closes right after the last event, and at once when one of its ends comes while no pull is pending.
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

  /** From the first pull on: a signal that lives long holds no body that is thrown away unread. */
  function watch(controller: ReadableStreamDefaultController<Uint8Array>): () => void {
    const onEnd = (): void => {
      // A pending pull gets the last block.
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
        // Cancelled meanwhile: the controller takes nothing any more.
        if (isOver) return;
        // A copy: whoever reads a stream may change or transfer what it gets, which other clients may get as well.
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
