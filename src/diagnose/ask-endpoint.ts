import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';

import { context } from '@opentelemetry/api';

import { SUPPRESSED } from '../export/delivery/guarded-exporter.ts';
import { messageOf } from '../support/errors.ts';
import { settlesWithin } from '../support/timeouts.ts';
import type { ExporterTarget } from '../otel/exporter-inside.ts';

/** An endpoint's answer to an export. */
export type EndpointAnswer =
  | { readonly status: number; readonly type: string; readonly location: string | undefined }
  | { readonly error: string };

const ANSWER_MILLIS = 5_000;

/**
 * Sends an export without records as the exporter would, with its headers and agent, but only once. Makes no span.
 * Never rejects.
 */
export async function askOverHttp(target: HttpTarget): Promise<EndpointAnswer> {
  const asking = ask(target).catch((error: unknown) => ({ error: messageOf(error) }));
  // A function of the application may provide the headers, and may hang.
  return (await settlesWithin(asking, ANSWER_MILLIS + 1_000))
    ? asking
    : { error: 'its headers were not available in time' };
}

type HttpTarget = ExporterTarget & { readonly kind: 'http' };

async function ask(target: HttpTarget): Promise<EndpointAnswer> {
  const { protocol } = new URL(target.url);
  const [headers, agent] = await Promise.all([target.headers(), target.agent(protocol)]);
  return context.with(SUPPRESSED, () => send(target.url, headers, agent));
}

function send(
  url: string,
  headers: Readonly<Record<string, string>>,
  agent: Awaited<ReturnType<HttpTarget['agent']>>,
): Promise<EndpointAnswer> {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const type = given['content-type'] ?? 'application/json';
  // A protobuf message without fields has no bytes.
  const body = type.includes('json') ? '{"resourceLogs":[]}' : '';
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const options = {
      method: 'POST',
      headers: { ...given, 'content-type': type, 'content-length': String(body.length) },
      agent,
      signal: AbortSignal.timeout(ANSWER_MILLIS),
    };
    const failed = (error: string): void => resolve({ error });
    // Node reports no error when a server switches to another protocol.
    const closed = (): void => failed('it closes the connection without an answer');
    const broken = (error: NodeJS.ErrnoException): void => failed(causeOf(error));
    const sent = request(url, options, (response) => {
      // What it has answered counts, though the body may never come.
      sent
        .off('close', closed)
        .off('error', broken)
        .on('error', () => {});
      void answerOf(response).then((answer) => {
        resolve(answer);
        response.destroy();
      });
    });
    sent.on('error', broken).on('close', closed);
    sent.end(body);
  });
}

async function answerOf(response: IncomingMessage): Promise<EndpointAnswer> {
  const { statusCode: status = 0, headers } = response;
  // Only 101 ends a request so.
  if (status < 200) return { error: 'it switches to another protocol' };
  if (status === 400 && EXPECTS_HTTPS.test(await beginningOf(response))) return { error: 'it expects https' };
  return { status, type: headers['content-type'] ?? '', location: headers.location };
}

/** What servers written in Go (the Collector), nginx and Apache answer to HTTP on a port for HTTPS. */
const EXPECTS_HTTPS = /\bHTTP\b.{0,30}? to (?:an )?(?:HTTPS|SSL)\b/i;

function beginningOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    response.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
    response.once('close', () => resolve(''));
  });
}

function causeOf(error: NodeJS.ErrnoException): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return `no answer within ${ANSWER_MILLIS} ms`;
  // If several addresses were tried, the first error is enough.
  const first = (error as { readonly errors?: readonly NodeJS.ErrnoException[] }).errors?.[0] ?? error;
  if (first.code?.startsWith('HPE_'))
    return 'it does not answer in HTTP/1.1: it expects https, or gRPC (4317 is the port for gRPC, 4318 the one for HTTP)';
  if (NO_TLS.test(`${first.code} ${first.message}`)) return 'it does not speak TLS: it expects http';
  return first.code ?? first.message;
}

/** What OpenSSL says of an answer in plain text; versions of Node put it into the message or the code. */
const NO_TLS = /\b(?:wrong[ _]version[ _]number|packet[ _]length[ _]too[ _]long)\b/i;

/** Checks whether anybody listens at the host and port of a URL. Resolves to what is wrong, or `undefined` if nothing is. */
export function tryConnect({ hostname, port }: URL): Promise<string | undefined> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const end = (error: string | undefined): void => {
      socket.destroy();
      resolve(error);
    };
    socket.setTimeout(ANSWER_MILLIS, () => end(`no answer within ${ANSWER_MILLIS} ms`));
    socket.once('connect', () => end(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) => end(causeOf(error)));
  });
}
