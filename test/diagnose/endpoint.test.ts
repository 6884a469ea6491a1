import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';

import { context, createContextKey } from '@opentelemetry/api';
import type { Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPLogExporter as GrpcExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { BatchLogRecordProcessor, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { startSessionLogs } from '../../src/index.ts';
import type { Diagnosis, Finding } from '../../src/index.ts';
import { newerLine } from '../support/sdk-lines.ts';
import { noOpenssl, selfSigned } from '../support/self-signed.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { codesOf, collector, foundOf, instanceBefore, listening, serverThat, withEnvironment } from './diagnosing.ts';

type HttpOptions = ConstructorParameters<typeof OTLPLogExporter>[0];

function diagnosed(options: HttpOptions): Promise<Diagnosis> {
  return instanceBefore(new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter(options) })).diagnose();
}

const CODES = [
  'endpoint_unreachable',
  'endpoint_refuses',
  'endpoint_redirects',
  'endpoint_failing',
  'wrong_path',
  'no_collector',
] as const;

/** What is found about the endpoint: at most one thing. */
function endpointOf(diagnosis: Diagnosis): Finding | undefined {
  const found = foundOf(diagnosis, ...CODES);
  expect(found.length).toBeLessThan(2);
  return found[0];
}

const HTML = { 'content-type': 'Text/HTML; charset=utf-8' };
const PAGE = 'https://user:secret@login.example/start?back=secret';
const OF_EXPORTER = 'the `url` of the exporter';

describe('an endpoint over HTTP', () => {
  it.each([['ok'], [{ slow: 200 }], [{ partial: 1 }], ['reset'], [{ status: 204 }]] as const)(
    'that answers %j takes logs, and was sent no record',
    async (answer) => {
      const { url, requests } = await collector({ answer });
      const diagnosis = await diagnosed({ url: `${url}/v1/logs`, headers: { authorization: 'Bearer key' } });
      expect(codesOf(diagnosis)).toEqual([]);
      const status = typeof answer === 'object' && 'status' in answer ? answer.status : 200;
      expect(diagnosis.checked).toContain(
        `${url}/v1/logs takes logs: it answers an export without records with ${status}`,
      );
      expect(requests).toMatchObject([{ records: [], headers: { authorization: 'Bearer key' } }]);
    },
  );

  it.each<[number, Finding['code'], string, string, Record<string, string>?]>([
    [200, 'no_collector', '200 and a web page: exporters take that for success', 'sign in', HTML],
    [301, 'endpoint_redirects', '301, a redirect to https://login.example/start: ', 'with https', { location: PAGE }],
    [302, 'endpoint_redirects', '302, a redirect to /login: ', 'to the final address', { location: '/login' }],
    [307, 'endpoint_redirects', '307, a redirect: exporters do not follow it', 'to the final address'],
    [401, 'endpoint_refuses', '401: the credentials are missing or wrong', 'OTEL_EXPORTER_OTLP_HEADERS'],
    [403, 'endpoint_refuses', '403: the credentials are missing or wrong', 'OTEL_EXPORTER_OTLP_HEADERS'],
    [407, 'endpoint_refuses', '407: the credentials are missing or wrong', 'OTEL_EXPORTER_OTLP_HEADERS'],
    [404, 'wrong_path', '404: nothing takes logs under this path', 'correct the address'],
    [405, 'wrong_path', '405: nothing takes logs under this path', 'correct the address'],
    [410, 'wrong_path', '410: nothing takes logs under this path', 'correct the address'],
    [415, 'endpoint_refuses', '415: it does not take the format', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    [500, 'endpoint_failing', '500: it is running but fails', 'the log of the collector'],
    [503, 'endpoint_failing', '503: it is running but fails', 'the log of the collector'],
  ])('that answers %d: %s', async (status, code, problem, fix, headers = {}) => {
    const { logsUrl } = await collector({ answer: { status, headers } });
    const diagnosis = await diagnosed({ url: logsUrl });
    expect(endpointOf(diagnosis)).toMatchObject({
      code,
      problem: expect.stringContaining(`${logsUrl} answers an export with ${problem}`) as string,
      fix: expect.stringContaining(fix) as string,
    });
    expect(String(diagnosis)).not.toContain('secret');
    expect(diagnosis.checked.join()).not.toContain('an export without records');
  });

  it('that is asked for the page of a redirect without https is not told to use https', async () => {
    const { logsUrl } = await collector({ answer: { status: 302, headers: { location: 'http://other.example/' } } });
    expect(endpointOf(await diagnosed({ url: logsUrl }))?.fix).toBe(`set ${OF_EXPORTER} to the final address`);
  });

  it.each([[400, '{"message":"no HTTP body; see https://docs.example"}'], [400], [413], [429]])(
    'that answers %d %j is running and takes or leaves records for reasons of its own',
    async (status, body = '') => {
      const { logsUrl } = await collector({ answer: { status, body } });
      const diagnosis = await diagnosed({ url: logsUrl });
      expect(endpointOf(diagnosis)).toBeUndefined();
      expect(diagnosis.checked).toContain(`${logsUrl} is running: it answers an export without records with ${status}`);
    },
  );

  it('that answers 400, and never sends the body, is running', async () => {
    const head = 'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\n';
    const port = await serverThat((socket) => socket.write(head));
    const url = `http://127.0.0.1:${port}/v1/logs`;
    const diagnosis = await diagnosed({ url });
    expect(endpointOf(diagnosis)).toBeUndefined();
    expect(diagnosis.checked).toContain(`${url} is running: it answers an export without records with 400`);
  });

  it.each([
    ['/', 'append /v1/logs, which is not appended automatically here,'],
    ['/tenant/v1/logs', 'correct the address (the path of a Collector is /v1/logs)'],
    ['/v1/logs/v1/logs', 'remove /v1/logs, which is appended automatically,'],
    ['/v1/logs//v1/logs/', 'remove /v1/logs, which is appended automatically,'],
    ['/v1/traces', 'append /v1/logs, which is not appended automatically here,'],
  ])('with a wrong path %s: says how to correct it', async (path, fix) => {
    const { url } = await collector({ answer: { status: 404 } });
    expect(endpointOf(await diagnosed({ url: `${url}${path}` }))?.fix).toBe(`${fix} in ${OF_EXPORTER}`);
  });

  it.each(['refuse', 'answer-lost'] as const)('that hangs up (%s) cannot be reached', async (answer) => {
    const { logsUrl } = await collector({ answer });
    const { problem, code } = endpointOf(await diagnosed({ url: logsUrl })) ?? {};
    expect([code, problem]).toEqual(['endpoint_unreachable', `${logsUrl} cannot be reached: ECONNRESET`]);
  });

  it('that is down, and comes back', async () => {
    const receiver = await collector();
    const sessions = instanceBefore(
      new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter({ url: receiver.logsUrl }) }),
    );
    await receiver.stop();
    expect(endpointOf(await sessions.diagnose())?.problem).toContain('cannot be reached: ECONNREFUSED');
    await receiver.restart();
    expect(endpointOf(await sessions.diagnose())).toBeUndefined();
  });

  it('whose host nobody knows', async () => {
    const { problem } = endpointOf(await diagnosed({ url: 'http://collector.invalid:4318/v1/logs' })) ?? {};
    expect(problem).toMatch(/cannot be reached: (?:ENOTFOUND|EAI_AGAIN)$/);
  });
});

describe('an endpoint that speaks another protocol', () => {
  const reached = async (url: string): Promise<string | undefined> =>
    endpointOf(await diagnosed({ url }))?.problem.replace(`${url} cannot be reached: `, '');

  it('gRPC', async () => {
    const server = createHttp2Server();
    server.on('sessionError', () => {});
    const port = await listening(server);
    expect(await reached(`http://127.0.0.1:${port}/v1/logs`)).toBe(
      'it does not answer in HTTP/1.1: it expects https, or gRPC (4317 is the port for gRPC, 4318 the one for HTTP)',
    );
  });

  it('plain HTTP, where the address has https', async () => {
    const { logsUrl } = await collector();
    const problem = await reached(logsUrl.replace('http:', 'https:'));
    expect(problem).toBe('it does not speak TLS: it expects http');
  });

  it.each([
    // Go's net/http, nginx and Apache.
    'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
    'HTTP/1.1 400 Bad Request\r\n\r\n<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>',
    "HTTP/1.1 400 Bad Request\r\n\r\nYou're speaking plain HTTP to an SSL-enabled server port.",
  ])('HTTPS, where the address has http: %j', async (answer) => {
    const port = await serverThat((socket) => socket.once('data', () => socket.end(answer)));
    expect(await reached(`http://127.0.0.1:${port}/v1/logs`)).toBe('it expects https');
  });

  it('HTTPS, where the address has http and the server answers with an alert of TLS', async () => {
    const alert = Buffer.from('15030300020246', 'hex');
    const port = await serverThat((socket) => socket.once('data', () => socket.end(alert)));
    expect(await reached(`http://127.0.0.1:${port}/v1/logs`)).toContain('it expects https, or gRPC');
  });

  it.each([
    ['upgrade: websocket\r\nconnection: upgrade\r\n', 'it closes the connection without an answer'],
    ['', 'it switches to another protocol'],
  ])('WebSocket, with %j', async (headers, problem) => {
    const answer = `HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`;
    const port = await serverThat((socket) => socket.once('data', () => socket.end(answer)));
    expect(await reached(`http://127.0.0.1:${port}/v1/logs`)).toBe(problem);
  });
});

describe('the request', () => {
  it('has the headers of a function, which is called at each diagnosis', async () => {
    const { logsUrl, requests } = await collector();
    let calls = 0;
    const headers = (): Promise<Record<string, string>> => Promise.resolve({ Authorization: `key ${(calls += 1)}` });
    const exporter = new OTLPLogExporter({ url: logsUrl, headers });
    const sessions = instanceBefore(new SimpleLogRecordProcessor({ exporter }));
    await sessions.diagnose();
    await sessions.diagnose();
    expect(requests.map((request) => request.headers.authorization)).toEqual(['key 1', 'key 2']);
  });

  it('of each exporter is made with its own headers: one that is refused is not hidden by one that is taken', async () => {
    const { logsUrl } = await collector({
      answer: ({ headers }) => (headers['authorization'] === 'right' ? 'ok' : { status: 401 }),
    });
    const processors = ['wrong', 'right', 'wrong', 'right'].map(
      (authorization) =>
        new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: logsUrl, headers: { authorization } }) }),
    );
    const diagnosis = await instanceBefore(...processors).diagnose();
    // What two have in common is said once.
    expect(endpointOf(diagnosis)?.code).toBe('endpoint_refuses');
    expect(diagnosis.checked.filter((line) => line.includes('takes logs'))).toHaveLength(1);
  });

  it('goes through the agent of the exporter, and makes no span', async () => {
    const { logsUrl } = await collector();
    const { isTracingSuppressed } = newerLine.require('@opentelemetry/core') as {
      readonly isTracingSuppressed: (of: Context) => boolean;
    };
    const key = createContextKey('test');
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    onTestFinished(() => context.disable());
    const seen: [boolean, unknown][] = [];
    class WatchedAgent extends Agent {
      override createConnection(
        ...given: Parameters<Agent['createConnection']>
      ): ReturnType<Agent['createConnection']> {
        seen.push([isTracingSuppressed(context.active()), context.active().getValue(key)]);
        return super.createConnection(...given);
      }
    }
    const exporter = new OTLPLogExporter({ url: logsUrl, httpAgentOptions: () => new WatchedAgent() });
    const sessions = instanceBefore(new SimpleLogRecordProcessor({ exporter }));
    const diagnosis = await context.with(context.active().setValue(key, 'of the caller'), () => sessions.diagnose());
    expect(codesOf(diagnosis)).toEqual([]);
    expect(seen).toEqual([[true, undefined]]);
  });

  it('by protobuf has an empty body', async () => {
    const { logsUrl, requests } = await collector();
    const exporter = new ProtobufExporter({ url: logsUrl });
    const diagnosis = await instanceBefore(new SimpleLogRecordProcessor({ exporter })).diagnose();
    expect(endpointOf(diagnosis)).toBeUndefined();
    expect(requests).toMatchObject([{ bytes: 0, records: [], headers: { 'content-type': 'application/x-protobuf' } }]);
  });
});

describe.skipIf(noOpenssl !== undefined)(
  `an endpoint over TLS${noOpenssl === undefined ? '' : ` (skipped: ${noOpenssl})`}`,
  () => {
    it('takes logs where the exporter trusts its certificate; elsewhere it is said that nobody does', async () => {
      const paths = selfSigned(temporaryDirectory());
      const [key, cert] = [readFileSync(paths.key), readFileSync(paths.cert)];
      const asked: unknown[] = [];
      const server = createHttpsServer({ key, cert }, (request, response) => {
        asked.push(request.url);
        response.end();
      });
      const url = `https://127.0.0.1:${await listening(server)}/v1/logs`;
      expect(endpointOf(await diagnosed({ url }))?.problem).toMatch(/cannot be reached: .*SELF_SIGNED_CERT/);
      expect(asked).toEqual([]);
      expect(endpointOf(await diagnosed({ url, httpAgentOptions: { ca: cert } }))).toBeUndefined();
      expect(asked).toEqual(['/v1/logs']);
    });
  },
);

describe('what is to be corrected', () => {
  async function fixFor(
    environment: (url: string) => Readonly<Record<string, string>>,
    diagnosedAt: (url: string) => Promise<Diagnosis>,
  ): Promise<string> {
    const { url } = await collector({ answer: { status: 404 } });
    withEnvironment(environment(url));
    return endpointOf(await diagnosedAt(url))?.fix ?? '';
  }

  async function started(options: Parameters<typeof startSessionLogs>[0]): Promise<Diagnosis> {
    const sessions = await startSessionLogs({ file: false, console: false, streamHandler: false, ...options });
    onTestFinished(() => sessions.shutdown());
    return sessions.diagnose();
  }

  it.each(['', '/', '/v1/logs'])(
    'is the option of a start, given as an address with %j, whatever the environment has',
    async (path) => {
      const fix = await fixFor(
        (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${url}/v1/logs` }),
        (url) => started({ endpoint: `${url}${path}` }),
      );
      expect(fix).toMatch(/ in the option `endpoint`$/);
    },
  );

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ''],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', '/'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', '/tenant/'],
    ['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', '/own'],
  ])('is %s, an address with %j, which a start and an exporter read', async (name, path) => {
    const environment = (url: string): Record<string, string> => ({ [name]: `${url}${path}` });
    expect(await fixFor(environment, () => started({}))).toMatch(new RegExp(` in ${name}$`));
    expect(await fixFor(environment, () => diagnosed({}))).toMatch(new RegExp(` in ${name}$`));
  });

  it.each(['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT'])(
    'is the exporter where %s has another address',
    async (name) => {
      const environment = (url: string): Record<string, string> => ({ [name]: `${url}/other` });
      const fix = await fixFor(environment, (url) => diagnosed({ url: `${url}/v1/logs` }));
      expect(fix).toMatch(/ in the `url` of the exporter$/);
    },
  );
});

describe('an endpoint over gRPC', () => {
  const asked = (url: string): Promise<Diagnosis> =>
    instanceBefore(new SimpleLogRecordProcessor({ exporter: new GrpcExporter({ url }) })).diagnose();

  it('without a port, or of a socket, is not connected to', async () => {
    for (const [url, shown] of [
      ['http://collector.invalid', 'collector.invalid'],
      ['unix:///run/collector.sock', 'unix:///run/collector.sock'],
    ] as const) {
      const diagnosis = await asked(url);
      expect(codesOf(diagnosis)).toEqual([]);
      expect(diagnosis.unchecked).toEqual([`whether ${shown} takes logs by gRPC`]);
    }
  });

  it('of IPv6, or with a name that nobody knows, is connected to', async () => {
    expect(endpointOf(await asked('http://[::1]:1'))?.problem).toMatch(
      // The latter where the machine has no IPv6.
      /^\[::1\]:1 cannot be reached: (?:ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH)$/,
    );
    expect(endpointOf(await asked('http://collector.invalid:4317'))).toMatchObject({
      problem: expect.stringMatching(/^collector\.invalid:4317 cannot be reached: (?:ENOTFOUND|EAI_AGAIN)$/) as string,
      fix: expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT') as string,
    });
  });
});
