import { BodyTooLargeError, textAnswer } from './exchange.ts';
import type { Answer, Asked, Handler } from './exchange.ts';

/**
 * Answers a web `Request` by a handler. Never rejects. A `Request` does not tell where its client is, so the client counts as one
 * on another machine.
 */
export async function answerWeb(handler: Handler, request: Request, base: string, url: string): Promise<Response> {
  try {
    const answer = await handler(askedOf(request, base, url));
    return responseOf(answer ?? textAnswer(404, 'not found'), request);
  } catch (error) {
    const failure =
      error instanceof BodyTooLargeError
        ? textAnswer(413, error.message)
        : textAnswer(500, 'the viewer failed to answer');
    return responseOf(failure, request);
  }
}

function askedOf(request: Request, base: string, url: string): Asked {
  const at = url.indexOf('?');
  const path = at === -1 ? url : url.slice(0, at);
  return {
    method: request.method,
    path: path.startsWith('/') ? path : `/${path}`,
    base,
    query: new URLSearchParams(at === -1 ? '' : url.slice(at + 1)),
    isLocal: false,
    // Some servers put the host only into the URL.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? new URL(request.url).host : undefined),
    body: () => Promise.reject(new BodyTooLargeError('this address takes no body')),
    signal: request.signal,
  };
}

function responseOf({ status, headers, body }: Answer, request: Request): Response {
  const hasBody = request.method !== 'HEAD' && status !== 304 && status !== 204;
  if (!hasBody) return new Response(null, { status, headers });
  if (typeof body === 'string') return new Response(body, { status, headers });
  if (body instanceof Uint8Array) return new Response(new Uint8Array(body), { status, headers });
  return new Response(streamOf(body), { status, headers });
}

/** Takes each text when the previous one has been read. */
function streamOf(texts: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = texts[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
