import { connect, constants, createServer } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, Http2Server, ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { countCalls, expectAllFree } from '../support/client-ends.ts';
import type { Calls } from '../support/client-ends.ts';
import { until } from '../support/until.ts';

/** How a client goes. Some end the whole connection. */
const LEAVINGS: Readonly<Record<string, (client: Client) => void>> = {
  'closes its stream': ({ stream }) => stream.close(constants.NGHTTP2_CANCEL),
  'destroys its stream': ({ stream }) => void stream.destroy(),
  'destroys its session': ({ session }) => session.destroy(),
  'says GOAWAY with an error': ({ session }) => session.goaway(constants.NGHTTP2_INTERNAL_ERROR),
  'hangs up': ({ socket }) => void socket.destroy(),
  resets: ({ socket }) => void socket.resetAndDestroy(),
  'half-closes': ({ socket }) => void socket.end(),
};

interface Client {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
  readonly stream: ClientHttp2Stream;
}

let sessions: SessionLogs;
let calls: Calls;
let server: Http2Server;
let gate: Promise<void> | undefined;
let streams: ServerHttp2Stream[];
let client: Client;

const readers = (): number => sessions.stats().readers;

function plain(): Http2Server {
  return createServer((request, response) => {
    const serve = (): void => void sessions.sendEventStream(response, request.url.slice(1));
    if (gate === undefined) serve();
    else void gate.then(serve);
  });
}

function hono(): Http2Server {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get('/:id', async (c) => {
    await gate;
    return sessions.toEventStreamResponse(c.req.param('id'), { response: c.env.outgoing });
  });
  return createAdaptorServer({ fetch: app.fetch, createServer }) as Http2Server;
}

async function connected(path: string): Promise<Client> {
  const { port } = server.address() as AddressInfo;
  const socket = connectSocket(port, '127.0.0.1').on('error', () => {});
  const session = connect(`http://127.0.0.1:${port}`, { createConnection: () => socket }).on('error', () => {});
  const stream = session.request({ ':path': path }).on('error', () => {});
  client = { session, socket, stream };
  await until(() => streams.length === 1, 'the stream has come');
  return client;
}

/** Resolves when the server has been told. */
function told(): Promise<unknown> {
  const [stream] = streams;
  return new Promise((resolve) => stream?.once('aborted', resolve).once('close', resolve));
}

describe.each([
  ['sendEventStream', plain],
  ['toEventStreamResponse by Hono', hono],
])('%s over HTTP/2', (name, make) => {
  beforeEach(async () => {
    sessions = new SessionLogs();
    calls = countCalls(sessions);
    gate = undefined;
    streams = [];
    server = make();
    server.on('stream', (stream) => streams.push(stream));
    server.on('session', (session) => session.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    client.session.destroy();
    client.socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await sessions.shutdown();
  });

  it('sends the session, and ends with it', async () => {
    const { stream } = await connected('/s');
    let received = '';
    stream.setEncoding('utf8').on('data', (text: string) => void (received += text));
    void sessions.logChunkToQueue('over two', 's');
    await until(() => received.includes('over two'), 'the text comes');
    const closed = new Promise((resolve) => stream.once('close', resolve));
    sessions.endSession('s');
    await closed;
    expect(received).toContain('"reason":"session-end"');
    await until(() => readers() + calls.pending === 0, 'all is free');
  });

  it.each(Object.keys(LEAVINGS))('frees the reader of a client that %s on a silent session', async (how) => {
    await connected('/silent');
    await until(() => readers() === 1, 'it reads');
    const over = told();
    LEAVINGS[how]?.(client);
    await over;
    await expectAllFree({ sessions, calls }, `${name}, HTTP/2`, how);
  });

  it.each(Object.keys(LEAVINGS))('frees the reader of a client that never read and %s', async (how) => {
    const { stream } = await connected('/big');
    stream.pause();
    await until(() => readers() === 1, 'it reads');
    const [accepted] = streams;
    while (accepted?.writableNeedDrain !== true) {
      for (let i = 0; i < 500; i += 1) void sessions.logChunkToQueue('x'.repeat(1000), 'big');
      await new Promise((resolve) => setImmediate(resolve));
    }
    const over = told();
    LEAVINGS[how]?.(client);
    await over;
    await expectAllFree({ sessions, calls }, `${name}, HTTP/2`, `${how}, never having read`);
    // Node up to 24 keeps a stuck stream that was reset as long as its session.
    await until(() => accepted.destroyed, 'the stream is gone');
  });

  it.each(Object.keys(LEAVINGS))('opens no reader for a client that %s before the call', async (how) => {
    let open: () => void = () => {};
    gate = new Promise((resolve) => (open = resolve));
    await connected('/silent');
    const over = told();
    LEAVINGS[how]?.(client);
    await over;
    open();
    await until(() => calls.made === 1, 'the call');
    expect(readers()).toBe(0);
    await expectAllFree({ sessions, calls }, `${name}, HTTP/2`, `${how} before the call`);
  });

  it('goes on for a client that says GOAWAY without an error: its streams are still served', async () => {
    const { stream, session } = await connected('/s');
    let received = '';
    stream.setEncoding('utf8').on('data', (text: string) => void (received += text));
    await until(() => readers() === 1, 'it reads');
    session.goaway(constants.NGHTTP2_NO_ERROR);
    session.close();
    void sessions.logChunkToQueue('after goaway', 's');
    await until(() => received.includes('after goaway'), 'the text comes');
    expect(readers()).toBe(1);
    const over = told();
    stream.destroy();
    await over;
    await expectAllFree({ sessions, calls }, `${name}, HTTP/2`, 'destroys its stream after GOAWAY');
  });
});
