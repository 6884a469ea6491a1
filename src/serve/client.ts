import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';

import { watchAbort } from '../support/abort-watch.ts';
import { sharedWatch } from '../support/shared-watch.ts';
import type { WatchTarget } from '../support/shared-watch.ts';
import { nextTurn } from '../support/timers.ts';

/** A response of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/**
 * Watches a connection, which all its requests share. A connection that its client half-closed is over once Node has
 * ended its own side.
 */
const watchSocket: WatchTarget<Socket> = sharedWatch((socket, onOver) => {
  // Node's own listener ran first; with `httpAllowHalfOpen` it left the socket writable.
  const onEnd = (): void => {
    if (!socket.writable) onOver();
  };
  socket.on('close', onOver);
  socket.on('end', onEnd);
  return () => {
    socket.removeListener('close', onOver);
    socket.removeListener('end', onEnd);
  };
});

/**
 * Calls back when a response's client is gone or the response is done.
 *
 * No single event tells that:
 * - Up to Node 22 a response that is queued behind another of its connection closes without an event.
 * - A stuck HTTP/2 stream that its client resets is aborted, but closes only with its HTTP/2 session.
 * - When a client half-closes and does not read, its socket ends but does not close.
 * - A response that the application ends while its client does not read neither finishes nor closes before the client
 *   is gone.
 */
export const watchClient: WatchTarget<NodeResponse> = sharedWatch((response, onGone) => {
  const stream = http2StreamOf(response);
  const socket = socketOf(response);
  const stopSocket = socket && watchSocket(socket, onGone);
  response.on('close', onGone);
  response.on('prefinish', onGone);
  stream?.on('aborted', onGone);
  return () => {
    stopSocket?.();
    response.removeListener('close', onGone);
    response.removeListener('prefinish', onGone);
    stream?.removeListener('aborted', onGone);
  };
});

/** Whether the client is already gone or the response done, so that {@link watchClient} would never call back. */
export function isClientGone(response: NodeResponse): boolean {
  const stream = http2StreamOf(response);
  if (stream !== undefined) return stream.destroyed || stream.closed || stream.aborted;
  const { destroyed, writableEnded } = response as ServerResponse;
  const socket = socketOf(response);
  return destroyed || writableEnded || socket?.destroyed === true || socket?.writable === false;
}

/**
 * Discards the request's body, unless the application begins to read it by the next turn of the event loop. When an
 * unread body outgrows Node's buffers, Node stops reading from the connection and then does not see it end.
 */
export function discardBody(response: NodeResponse): void {
  const request = requestOf(response);
  // HTTP/2 gives each stream its own window, and a reset arrives however full that is. Leave requests without a body
  // alone: applications take their `close` for the end of the client.
  if (http2StreamOf(response) !== undefined || request?.readableFlowing !== null || !hasBody(request)) return;
  nextTurn(() => {
    if (request.readableFlowing === null) request.resume();
  });
}

/**
 * Cuts the connection when Node stops reading from it because more is pipelined behind the response than Node buffers:
 * Node would not see that connection end. Call it when it is the response's turn.
 */
export function cutWhenUnread(response: NodeResponse): void {
  const request = requestOf(response);
  const socket = http2StreamOf(response) === undefined ? socketOf(response) : undefined;
  if (typeof socket?.isPaused !== 'function') return;
  const cut = (): void => {
    // The request's own unread body pauses the connection too.
    if (request === undefined || request.readableEnded || !hasBody(request)) socket.destroy();
  };
  const cutIfPaused = (): void => {
    // A connection that is paused for the previous response resumes when that has been sent.
    if (socket.isPaused() && !socket.writableNeedDrain) cut();
  };
  socket.on('pause', cut);
  socket.on('drain', cutIfPaused);
  request?.on('end', cutIfPaused);
  watchClient(response, () => {
    socket.removeListener('pause', cut);
    socket.removeListener('drain', cutIfPaused);
    request?.removeListener('end', cutIfPaused);
  });
  cutIfPaused();
}

/** Whether the client asks for headers only. */
export function isHead(response: NodeResponse): boolean {
  return requestOf(response)?.method === 'HEAD';
}

/**
 * Resolves when it is the response's turn: at once, or when the pipelined responses before it are done. Also resolves
 * when its turn can no longer come. What is written before its turn waits in memory.
 */
export async function turnOf(response: NodeResponse, signal: AbortSignal | undefined): Promise<void> {
  const isQueued = http2StreamOf(response) === undefined && !response.socket && socketOf(response) !== undefined;
  if (isQueued) await eventOf(response, 'socket', signal);
}

/**
 * Ends an HTTP/2 stream that its client has reset. Node would keep what a stuck one holds until its HTTP/2 session
 * ends.
 */
export function dropStream(response: NodeResponse): void {
  const stream = http2StreamOf(response);
  if (stream?.aborted === true) stream.destroy();
}

/** Resolves when the response has room again, the client goes, or the signal aborts. */
export function drained(response: NodeResponse, signal: AbortSignal | undefined): Promise<void> {
  return eventOf(response, 'drain', signal);
}

/** Resolves at the event, or when the client goes or the signal aborts. */
function eventOf(response: NodeResponse, event: string, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true || isClientGone(response)) return Promise.resolve();
  return new Promise((resolve) => {
    const onAny = (): void => {
      stopSignal?.();
      stopClient();
      response.removeListener(event, onAny);
      resolve();
    };
    const stopSignal = signal && watchAbort(signal, onAny);
    const stopClient = watchClient(response, onAny);
    response.on(event, onAny);
  });
}

/** The stream of an HTTP/2 response. Its socket serves all streams of the HTTP/2 session and must not be touched. */
function http2StreamOf(response: NodeResponse): Http2ServerResponse['stream'] | undefined {
  return 'stream' in response ? response.stream : undefined;
}

/** A response that is queued behind others has no socket yet, but its request has. */
function socketOf(response: NodeResponse): Socket | undefined {
  if (http2StreamOf(response) !== undefined) return undefined;
  const socket = response.socket ?? requestOf(response)?.socket;
  return typeof socket?.on === 'function' ? socket : undefined;
}

/**
 * Test helpers and adapters for serverless platforms make responses without a request, and requests without a socket.
 */
function requestOf(response: NodeResponse): IncomingMessage | undefined {
  return response.req as IncomingMessage | undefined;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
