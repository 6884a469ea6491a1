import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';

import { watchAbort } from '../support/abort-watch.ts';
import { sharedWatch } from '../support/shared-watch.ts';
import type { WatchTarget } from '../support/shared-watch.ts';

/** A response of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** The connection, which all its requests share. A half-closed one is over when Node has ended its own side. */
const watchSocket: WatchTarget<Socket> = sharedWatch((socket, onOver) => {
  // Node's own listener came first, and with `httpAllowHalfOpen` it has left the socket writable.
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
 * Calls back when the client of a response goes, or the response is done.
 *
 * That is not one event of one object. Up to Node 22 a response that is queued behind another of its connection closes
 * without an event; a stuck stream of HTTP/2 that its client resets is aborted, and closes with its session; a client
 * that half-closes and does not read lets the socket end, but not close; a response that the application ends while its
 * client does not read is neither finished nor closed before the client is gone.
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

/** Whether the client is gone already, or the response done: {@link watchClient} would not call back any more. */
export function isClientGone(response: NodeResponse): boolean {
  const stream = http2StreamOf(response);
  if (stream !== undefined) return stream.destroyed || stream.closed || stream.aborted;
  const { destroyed, writableEnded } = response as ServerResponse;
  const socket = socketOf(response);
  return destroyed || writableEnded || socket?.destroyed === true || socket?.writable === false;
}

/**
 * Lets go of a body of the request that nobody has begun to read by the next turn. When it is too long for Node's
 * buffers, Node stops reading from the connection, and what is not read is not seen to end.
 */
export function discardBody(response: NodeResponse): void {
  const request = requestOf(response);
  // Over HTTP/2 each stream has a window of its own, and its end is told beside it. Without a body, the request's `close`
  // stays what applications take it for: the client's end.
  if (http2StreamOf(response) !== undefined || request?.readableFlowing !== null || !hasBody(request)) return;
  setImmediate(() => {
    if (request.readableFlowing === null) request.resume();
  });
}

/**
 * Cuts the connection when Node no longer reads from it, which it does when more is pipelined behind the response than it
 * wants to hold: what is not read is not seen to end. To be called at the response's turn.
 */
export function cutWhenUnread(response: NodeResponse): void {
  const request = requestOf(response);
  const socket = http2StreamOf(response) === undefined ? socketOf(response) : undefined;
  if (typeof socket?.isPaused !== 'function') return;
  const cut = (): void => {
    // The request's own body pauses it too, until the application has read that.
    if (request === undefined || request.readableEnded || !hasBody(request)) socket.destroy();
  };
  const cutIfPaused = (): void => {
    // Paused for the response before this one, it goes on when that one has been sent.
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

/** Whether the client wants the head of the answer alone. */
export function isHead(response: NodeResponse): boolean {
  return requestOf(response)?.method === 'HEAD';
}

/**
 * Resolves when it is the response's turn, or never will be: at once, or when the pipelined ones before it on its
 * connection are done. What is written before that waits in memory.
 */
export async function turnOf(response: NodeResponse, signal: AbortSignal | undefined): Promise<void> {
  const isQueued = http2StreamOf(response) === undefined && !response.socket && socketOf(response) !== undefined;
  if (isQueued) await eventOf(response, 'socket', signal);
}

/** Ends a stream of HTTP/2 that its client has reset: when it is stuck, Node keeps what it holds up to its session's end. */
export function dropStream(response: NodeResponse): void {
  const stream = http2StreamOf(response);
  if (stream?.aborted === true) stream.destroy();
}

/** Resolves when the response has room again, or never will. */
export function drained(response: NodeResponse, signal: AbortSignal | undefined): Promise<void> {
  return eventOf(response, 'drain', signal);
}

/** Resolves at the event, when the client goes, or when the signal aborts. */
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

/** Only HTTP/2 has it; its socket belongs to all streams and is not to be touched. */
function http2StreamOf(response: NodeResponse): Http2ServerResponse['stream'] | undefined {
  return 'stream' in response ? response.stream : undefined;
}

/** A response that is queued behind others has no socket yet, but its request has. */
function socketOf(response: NodeResponse): Socket | undefined {
  if (http2StreamOf(response) !== undefined) return undefined;
  const socket = response.socket ?? requestOf(response)?.socket;
  return typeof socket?.on === 'function' ? socket : undefined;
}

/** Test helpers and adapters of serverless platforms make responses without a request, and requests without a socket. */
function requestOf(response: NodeResponse): IncomingMessage | undefined {
  return response.req as IncomingMessage | undefined;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
