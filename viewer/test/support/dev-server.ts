import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

import { onTestFinished } from 'vitest';

import { DevServer } from '../../src/dev/dev-server.ts';
import type { DevServerOptions } from '../../src/dev/dev-server.ts';

/** A viewer that ends with the test. */
export async function startServer(options: Partial<DevServerOptions> = {}): Promise<DevServer> {
  const server = new DevServer({ port: 0, ...options });
  onTestFinished(() => server.close());
  await server.start();
  return server;
}

/** What the server answers from now on: paths with their statuses, each once. */
export function watchAnswers(server: DevServer): ReadonlySet<string> {
  const answers = new Set<string>();
  const handle = server.handle.bind(server);
  server.handle = async (asked) => {
    const answer = await handle(asked);
    answers.add(`${asked.path} ${answer.status}`);
    return answer;
  };
  return answers;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** One request, with exactly these headers: `fetch` would set some of its own. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: whole, text: whole.toString() });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Asks and expects JSON. */
export async function askJson<T>(url: string, sent: Sent = {}): Promise<T> {
  const { status, text } = await ask(url, sent);
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return JSON.parse(text) as T;
}

/** Sends a logs request. */
export function postLogs(
  server: DevServer,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Got> {
  const type = typeof body === 'string' ? 'application/json' : 'application/x-protobuf';
  return ask(`${server.endpoint}/v1/logs`, { method: 'POST', body, headers: { 'content-type': type, ...headers } });
}
