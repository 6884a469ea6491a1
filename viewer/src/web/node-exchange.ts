import type { IncomingMessage, ServerResponse } from 'node:http';

import { drained, isClientGone, turnOf, watchClient } from '../formats.ts';
import { isLoopbackAddress } from './addresses.ts';
import type { ByteBudget } from './byte-budget.ts';
import { BodyTooLargeError, BusyError, textAnswer } from './exchange.ts';
import type { Answer, Asked, Handler } from './exchange.ts';

/** How long the rest of a refused body is read, so that the client sees the answer. */
const DISCARD_MILLIS = 1_000;

/**
 * Answers a request of `node:http` by a handler. Never rejects.
 *
 * @param base Where the handler is mounted.
 * @returns Whether the handler knew the request.
 */
export async function answerNode(
  handler: Handler,
  request: IncomingMessage,
  response: ServerResponse,
  base = '',
  url: string = request.url ?? '/',
): Promise<boolean> {
  const gone = new AbortController();
  watchClient(response, () => gone.abort());
  let answer: Answer | undefined;
  try {
    answer = await handler(askedOf(request, url, base, gone.signal));
  } catch (error) {
    answer =
      error instanceof BodyTooLargeError
        ? { ...textAnswer(413, error.message), closes: true }
        : textAnswer(500, 'the viewer failed to answer');
  }
  if (answer === undefined) return false;
  // `authorize`, or another part of the application, may have answered already.
  if (!response.headersSent && !isClientGone(response)) await send(response, request, answer, gone.signal);
  return true;
}

function askedOf(request: IncomingMessage, url: string, base: string, signal: AbortSignal): Asked {
  // The path is taken as it is: `new URL` would take `//host/` for another host.
  const at = url.indexOf('?');
  const path = at === -1 ? url : url.slice(0, at);
  return {
    method: request.method ?? 'GET',
    path: path.startsWith('/') ? path : `/${path}`,
    base,
    query: new URLSearchParams(at === -1 ? '' : url.slice(at + 1)),
    isLocal: isLocal(request),
    header: (name) => {
      // HTTP/2 has another name for the host.
      const value = request.headers[name] ?? (name === 'host' ? request.headers[':authority'] : undefined);
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: (maxBytes, budget) => bodyOf(request, maxBytes, budget),
    signal,
  };
}

function isLocal({ socket, headers, httpVersion }: IncomingMessage): boolean {
  // A proxy on this machine speaks for clients anywhere. nginx adds no header by itself, and speaks HTTP/1.0.
  const isForwarded =
    httpVersion === '1.0' ||
    Object.keys(headers).some((name) => /^(?:forwarded|via|x-forwarded-.+|x-real-ip|x-client-ip|cf-.+)$/.test(name));
  return !isForwarded && isLoopbackAddress(socket.remoteAddress) && isLoopbackAddress(socket.localAddress);
}

function bodyOf(request: IncomingMessage, maxBytes: number, budget: ByteBudget): Promise<Buffer> {
  const tooLarge = (): BodyTooLargeError => new BodyTooLargeError(`the body is longer than ${maxBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    const fail = (error: Error): void => {
      if (isOver) return;
      isOver = true;
      request.off('data', onData);
      budget.give(bytes);
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      if (bytes + chunk.length > maxBytes) return fail(tooLarge());
      if (!budget.take(chunk.length))
        return fail(new BusyError('the bodies of other requests have used up the budget'));
      bytes += chunk.length;
      chunks.push(chunk);
    };
    request.on('data', onData);
    request.once('end', () => {
      isOver = true;
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes));
    });
    request.once('error', fail);
    request.once('close', () => fail(new Error('the client went away')));
  });
}

async function send(
  response: ServerResponse,
  request: IncomingMessage,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  const { status, headers, body, closes } = answer;
  const isHead = request.method === 'HEAD';
  response.writeHead(status, closes === true ? { ...headers, connection: 'close' } : headers);
  if (typeof body === 'string' || body instanceof Uint8Array) {
    response.end(isHead ? undefined : body);
    if (closes === true) discard(request);
    return;
  }
  if (isHead) return void response.end();
  try {
    // A response that is queued behind another one of its connection must not use up one of the streams.
    await turnOf(response, signal);
    for await (const text of body) {
      if (signal.aborted) break;
      if (!response.write(text)) await drained(response, signal);
    }
    response.end();
  } catch {
    // The stream broke off. The client notices that the connection ended, and connects again.
    response.destroy();
  }
}

/** Keeps reading for a moment: if the connection were reset at once, the answer would be lost. */
function discard(request: IncomingMessage): void {
  request.resume();
  setTimeout(() => request.socket.destroy(), DISCARD_MILLIS).unref();
}
