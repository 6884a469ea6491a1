import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import { decodeProtobuf, flatten } from './otlp-decode.ts';
import type { OtlpLogsRequest, ReceivedRecord } from './otlp-decode.ts';

export type { ReceivedRecord } from './otlp-decode.ts';

/** One request as it arrived. */
export interface ReceivedRequest {
  /** From 0, in the order of arrival. */
  readonly index: number;
  readonly records: readonly ReceivedRecord[];
  readonly headers: IncomingMessage['headers'];
  /** Size of the body as sent, compressed where it was. */
  readonly bytes: number;
  readonly atMillis: number;
}

/**
 * How the receiver answers a request.
 *
 * Taken (its records count as received): `'ok'`; `partial` answers 200 and says so many were rejected (the first ones of
 * the request, which are not kept); `'answer-lost'` closes the connection without a word; `'reset'` breaks off inside the
 * answer; `slow` answers after a while. Not taken: `status`; `'hang'` never answers; `'refuse'` closes at once.
 */
export type Answer =
  | 'ok'
  | 'answer-lost'
  | 'reset'
  | 'hang'
  | 'refuse'
  | { readonly slow: number }
  | { readonly partial: number }
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

export interface OtlpReceiver {
  /** Base URL, `http://127.0.0.1:PORT`; records go to `/v1/logs`. */
  readonly url: string;
  readonly logsUrl: string;
  readonly port: number;
  /** Every request, taken or not. */
  readonly requests: readonly ReceivedRequest[];
  /** The records of the requests that were taken, in order; resent ones are there twice. */
  records(): ReceivedRecord[];
  /** Changes how requests are answered from now on. */
  answer(answer: Answer | ((request: ReceivedRequest) => Answer)): void;
  /** Resolves when the condition holds; it is looked at after every request. Rejects after the timeout. */
  until(condition: () => boolean, timeoutMillis?: number): Promise<void>;
  /** Connections are refused from now on, open ones broken. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A collector on 127.0.0.1 for tests: takes OTLP/HTTP logs as JSON or protobuf, gzipped or not, and fails on demand. */
export async function startOtlpReceiver(
  options: { readonly port?: number; readonly answer?: Answer | ((request: ReceivedRequest) => Answer) } = {},
): Promise<OtlpReceiver> {
  const requests: ReceivedRequest[] = [];
  const taken: ReceivedRecord[] = [];
  const watchers = new Set<() => void>();
  let answerOf = toFunction(options.answer ?? 'ok');

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = await read(request, requests.length);
    requests.push(received);
    const answer = answerOf(received);
    const rejected = typeof answer === 'object' && 'partial' in answer ? answer.partial : 0;
    if (isTaken(answer)) taken.push(...received.records.slice(rejected));
    await reply(request, response, answer);
    for (const watcher of watchers) watcher();
  }

  let server = await listen(handle, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    logsUrl: `http://127.0.0.1:${port}/v1/logs`,
    port,
    requests,
    records: () => [...taken],
    answer(answer) {
      answerOf = toFunction(answer);
    },
    until(condition, timeoutMillis = 20_000) {
      if (condition()) return Promise.resolve();
      return new Promise<void>((resolve, reject) => {
        const watcher = (): void => {
          if (condition()) settle(resolve);
        };
        const timer = setTimeout(() => {
          settle(() => reject(new Error(`the receiver has ${taken.length} records after ${timeoutMillis} ms`)));
        }, timeoutMillis);
        const settle = (how: () => void): void => {
          clearTimeout(timer);
          watchers.delete(watcher);
          how();
        };
        watchers.add(watcher);
      });
    },
    stop: () => stop(server),
    async restart() {
      server = await listen(handle, port);
    },
    close: () => stop(server),
  };
}

function toFunction(answer: Answer | ((request: ReceivedRequest) => Answer)): (request: ReceivedRequest) => Answer {
  return typeof answer === 'function' ? answer : () => answer;
}

function isTaken(answer: Answer): boolean {
  if (typeof answer === 'object') return 'slow' in answer || 'partial' in answer;
  return answer === 'ok' || answer === 'answer-lost' || answer === 'reset';
}

async function read(request: IncomingMessage, index: number): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
  const isJson = (request.headers['content-type'] ?? '').includes('json');
  const decoded = isJson ? (JSON.parse(body.toString()) as OtlpLogsRequest) : decodeProtobuf(body);
  return { index, records: flatten(decoded), headers: request.headers, bytes: raw.length, atMillis: Date.now() };
}

async function reply(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const isJson = (request.headers['content-type'] ?? '').includes('json');
  const type = { 'content-type': isJson ? 'application/json' : 'application/x-protobuf' };
  if (answer === 'hang') return;
  if (answer === 'answer-lost' || answer === 'refuse') {
    request.socket.destroy();
    return;
  }
  if (answer === 'reset') {
    response.writeHead(200, { ...type, 'content-length': '1000' });
    response.write('{"partial', () => request.socket.resetAndDestroy());
    return;
  }
  if (typeof answer === 'object' && 'status' in answer) {
    response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
    return;
  }
  if (typeof answer === 'object' && 'slow' in answer) await delay(answer.slow);
  const partial = typeof answer === 'object' && 'partial' in answer ? answer.partial : 0;
  const text = partial === 0 ? '{}' : JSON.stringify({ partialSuccess: { rejectedLogRecords: partial } });
  response.writeHead(200, type).end(isJson ? text : protobufAnswer(partial));
}

/** `ExportLogsServiceResponse { partial_success { rejected_log_records } }`; counts below 128 only. */
function protobufAnswer(rejected: number): Buffer {
  return rejected === 0 ? Buffer.alloc(0) : Buffer.from([0x0a, 2, 0x08, rejected]);
}

function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  port: number,
): Promise<Server> {
  const server = createServer((request, response) => {
    handle(request, response).catch(() => {
      // The client went away in mid-request (killed processes do): there is no request to count.
      request.socket.destroy();
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
