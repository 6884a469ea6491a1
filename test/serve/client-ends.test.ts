import { getEventListeners } from 'node:events';
import { Agent, createServer, get, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { MemorySessionStore } from '../../src/store/memory/memory.ts';
import type { OpenOptions, SessionCursor } from '../../src/store/session-store.ts';
import { countCalls, expectAllFree } from '../support/client-ends.ts';
import type { Calls } from '../support/client-ends.ts';
import { until } from '../support/until.ts';

// How clients of each framework go is tested with the recipes; this is about the ends that are the server's own.

const GET = 'GET /s HTTP/1.1\r\nHost: x\r\n\r\n';

let sessions: SessionLogs;
let calls: Calls;
let server: Server;
let sockets: Socket[];
let clients: Socket[];
let responses: ServerResponse[];
let handle: (request: IncomingMessage, response: ServerResponse) => void;
let warnings: Error[];
const onWarning = (warning: Error): void => void warnings.push(warning);

beforeEach(async () => {
  sessions = new SessionLogs();
  calls = countCalls(sessions);
  sockets = [];
  clients = [];
  responses = [];
  warnings = [];
  process.on('warning', onWarning);
  handle = (_, response) => void sessions.sendEventStream(response, 's');
  server = createServer((incoming, response) => {
    responses.push(response);
    handle(incoming, response);
  });
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await sessions.shutdown();
  process.off('warning', onWarning);
  expect(warnings.map(String)).toEqual([]);
});

const port = (): number => (server.address() as AddressInfo).port;
const readers = (): number => sessions.stats().readers;
const free = (way: string): Promise<void> => expectAllFree({ sessions, calls }, 'node:http', way);

async function connected(text = GET): Promise<Socket> {
  const client = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  clients.push(client);
  client.resume().write(text);
  await until(() => sockets.length === clients.length, 'the connection is there');
  return client;
}

async function stuck(): Promise<Socket> {
  const client = await connected();
  client.pause();
  await until(() => readers() === 1, 'it reads');
  while (sockets.at(-1)?.writableNeedDrain !== true) {
    for (let i = 0; i < 500; i += 1) void sessions.logChunkToQueue('x'.repeat(1000), 's');
    await new Promise((resolve) => setImmediate(resolve));
  }
  return client;
}

const closed = (socket: Socket | undefined): Promise<unknown> =>
  new Promise((resolve) => socket?.once('close', resolve));

describe('a client of sendEventStream', () => {
  it('that pipelines 2,000 requests costs one reader, and nothing once it is gone', async () => {
    for (let i = 0; i < 6; i += 1) await connected(GET.repeat(2000));
    await until(() => calls.made === 12_000, 'all requests are there');
    await until(() => readers() === 6, 'one of each connection reads');
    const gone = Promise.all(sockets.map(closed));
    for (const client of clients) client.destroy();
    await gone;
    await free('12,000 pipelined');
  });

  it('leaves no listener on a connection that it uses again', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const listeners = (): unknown[] =>
      (sockets[0]?.eventNames() ?? []).map((name) => [name, sockets[0]?.listenerCount(name)]);
    const seen: unknown[] = [];
    for (let i = 0; i < 20; i += 1) {
      const ended = new Promise<void>((resolve) => {
        get({ port: port(), agent }, (response) => response.resume().once('end', resolve));
      });
      await until(() => readers() === 1, 'it reads');
      sessions.endSession('s');
      await ended;
      // Its end is remembered otherwise.
      sessions.deleteSession('s');
      await until(() => responses.at(-1)?.closed === true, 'the response is done');
      seen.push(listeners());
    }
    expect(sockets).toHaveLength(1);
    expect(seen).toEqual(seen.map(() => seen[0]));
    expect(responses.map((response) => response.listenerCount('close'))).toEqual(responses.map(() => 0));
    agent.destroy();
  });

  it('that sent a body, which was read before the call, frees its reader as well', async () => {
    handle = (incoming, response) => {
      incoming.resume().once('close', () => void sessions.sendEventStream(response, 's'));
    };
    const posted = request({ port: port(), method: 'POST' }).on('error', () => {});
    posted.end('question');
    await until(() => readers() === 1, 'it reads');
    const gone = closed(sockets[0]);
    posted.destroy();
    await gone;
    await free('hangs up after a POST');
  });

  it('that sent a body gets it through to an application that begins to read it at once', async () => {
    let body = '';
    const read = async (incoming: IncomingMessage): Promise<void> => {
      await Promise.resolve();
      for await (const chunk of incoming) body += String(chunk);
    };
    let reading: Promise<void> | undefined;
    handle = (incoming, response) => {
      void sessions.sendEventStream(response, 's');
      reading = read(incoming);
    };
    const text = 'x'.repeat(300_000);
    const client = await connected(`POST /s HTTP/1.1\r\nHost: x\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    await until(() => body.length === text.length, 'the body is there');
    await reading;
    const gone = closed(sockets[0]);
    client.destroy();
    await gone;
    await free('hangs up after a body that was read');
  });

  it('without a body has its request end with its connection, as applications expect', async () => {
    const client = await connected();
    await until(() => readers() === 1, 'it reads');
    let isOver = false;
    responses[0]?.req.once('close', () => (isOver = true));
    void sessions.logChunkToQueue('x', 's');
    await until(() => (sockets[0]?.bytesWritten ?? 0) > 0, 'it is served');
    expect(isOver).toBe(false);
    const gone = closed(sockets[0]);
    client.destroy();
    await gone;
    await until(() => isOver, 'the request is closed');
  });

  describe.each(['sendEventStream', 'toEventStreamResponse'])('of %s', (method) => {
    const page = 'x'.repeat(300_000);
    const longer = 'x'.repeat(20_000_000);
    beforeEach(() => {
      handle = (incoming, response) => {
        if (incoming.url !== '/s') response.end({ '/page': page, '/longer': longer }[incoming.url ?? ''] ?? 'short');
        else if (method === 'sendEventStream') void sessions.sendEventStream(response, 's');
        else void sessions.toEventStreamResponse('s', { response }).then(async ({ body }) => body?.getReader().read());
      };
    });

    it.each([
      ['before', 4, `GET /x HTTP/1.1\r\nHost: x\r\n\r\n${GET}`],
      ['since', 3, GET],
    ])(
      'is cut off when Node does not read its connection, %s its turn: it could not be seen to go',
      async (_, count, first) => {
        const behind = ['/page', '/x'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('');
        const client = await connected(first + behind);
        await until(() => responses.length === count, 'all requests are there');
        await until(() => sockets[0]?.destroyed === true, 'it is cut off');
        await free('cut off');
        client.destroy();
      },
    );

    it('is served behind a long answer, for which Node did not read its connection', async () => {
      const client = await connected(`GET /longer HTTP/1.1\r\nHost: x\r\n\r\n${GET}`);
      client.pause();
      await until(() => responses.length === 2, 'both requests are there');
      expect(sockets[0]?.isPaused()).toBe(true);
      client.resume();
      await until(() => calls.pending === (method === 'sendEventStream' ? 1 : 0), 'the call');
      await until(() => responses[1]?.socket !== null, 'its turn comes');
      await new Promise((resolve) => setImmediate(resolve));
      expect([sockets[0]?.destroyed, sockets[0]?.isPaused()]).toEqual([false, false]);
    });
  });

  it('is free when the server ends the response of one that never read', async () => {
    await stuck();
    responses[0]?.end();
    await free('ended while stuck');
  });

  it('that is served half-closed, which the server allows, goes on reading', async () => {
    Object.assign(server, { httpAllowHalfOpen: true });
    const client = await connected();
    let received = '';
    client.on('data', (data: Buffer) => void (received += data.toString('latin1')));
    await until(() => readers() === 1, 'it reads');
    const ended = new Promise((resolve) => sockets[0]?.once('end', resolve));
    client.end();
    await ended;
    void sessions.logChunkToQueue('still read', 's');
    await until(() => received.includes('still read'), 'the text comes');
    expect(readers()).toBe(1);
    const gone = closed(sockets[0]);
    sockets[0]?.destroy();
    await gone;
    await free('half-closed, cut by the server');
  });

  it('ends the body of a response that is no longer pulled', async () => {
    let body: ReadableStreamDefaultReader<Uint8Array> | undefined;
    handle = (_, response) => {
      void sessions.toEventStreamResponse('s', { response }).then((answer) => (body = answer.body?.getReader()));
    };
    void sessions.logChunkToQueue('one', 's');
    const client = await connected();
    await until(() => body !== undefined, 'the body is there');
    await body?.read();
    await body?.read();
    expect(readers()).toBe(1);
    const gone = closed(sockets[0]);
    client.destroy();
    await gone;
    await free('hangs up, body not pulled');
    await body?.closed;
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['destroys the response', (response) => response.destroy()],
    ['ends the response itself', (response) => response.end()],
    ['destroys the request', (response) => response.req.destroy()],
    ['destroys the socket', (response) => response.socket?.destroy()],
    ['closes its connections', () => server.closeAllConnections()],
  ])('has its reader freed when the server %s', async (way, end) => {
    await connected();
    await until(() => readers() === 1, 'it reads');
    const [response] = responses;
    const over = new Promise((resolve) => response?.once('close', resolve));
    end(response as ServerResponse);
    await over;
    await free(`server ${way}`);
  });
});

describe('the signal of an event stream', () => {
  let abort: AbortController;

  beforeEach(() => {
    abort = new AbortController();
    handle = (_, response) => void sessions.sendEventStream(response, 's', { signal: abort.signal });
  });

  it('ends a stream that waits, whose client is told when to come back', async () => {
    const client = await connected();
    let received = '';
    client.on('data', (data: Buffer) => void (received += data.toString('latin1')));
    await until(() => readers() === 1, 'it reads');
    abort.abort();
    await free('signal');
    await until(() => received.endsWith('retry: 2000\n\n\r\n0\r\n\r\n'), 'the answer is over');
    expect(received).not.toContain('event: end');
  });

  it('ends one whose client does not read', async () => {
    await stuck();
    abort.abort();
    await free('signal, never having read');
  });

  it('aborted before the call: no reader is opened', async () => {
    abort.abort();
    await connected();
    await until(() => calls.made === 1, 'the call');
    expect(readers()).toBe(0);
    await free('signal before the call');
  });

  it('ends those that are queued behind one that it does not end', async () => {
    const own = new SessionLogs();
    handle = (_, response) => {
      if (responses.length === 1) void own.sendEventStream(response, 's');
      else void sessions.sendEventStream(response, 's', { signal: abort.signal });
    };
    await connected(GET.repeat(5));
    await until(() => responses.length === 5, 'all requests are there');
    abort.abort();
    await free('signal, pipelined');
    await own.shutdown();
  });

  it('keeps nothing of streams whose clients are gone', async () => {
    const listeners = (): number => getEventListeners(abort.signal, 'abort').length;
    const client = await stuck();
    expect(listeners()).toBe(1);
    const gone = closed(sockets[0]);
    client.destroy();
    await gone;
    await free('hangs up, never having read, with a signal');
    expect(listeners()).toBe(0);
  });
});

describe('a client that leaves while the store has not answered', () => {
  const asked: string[] = [];

  /** Holds its readers in memory, and never answers what takes a server of its own. */
  class Silent extends MemorySessionStore {
    override open(sessionId: string, options: OpenOptions): SessionCursor {
      const cursor = super.open(sessionId, options);
      if (sessionId !== 'silent') return cursor;
      asked.push('step');
      return Object.assign(cursor, { step: () => new Promise<never>(() => {}) });
    }

    override streamState(): never {
      asked.push('streamState');
      return new Promise(() => {}) as never;
    }
  }

  beforeEach(() => {
    sessions = new SessionLogs({ store: new Silent() });
    calls = countCalls(sessions);
    asked.length = 0;
  });

  it.each(['step', 'streamState'])('frees the reader that looks ahead: %s', async (what) => {
    void sessions.logChunkToQueue('<start>', 'answered');
    const [last] = sessions.getAllLogsInQueue();
    handle = (_, response) => {
      const sessionId = what === 'step' ? 'silent' : 'answered';
      void sessions.sendEventStream(response, sessionId, { lastEventId: last?.id, until: 'stream-end' });
    };
    const client = await connected();
    await until(() => asked.includes(what), 'the store is asked');
    expect(readers()).toBe(what === 'step' ? 1 : 0);
    const gone = closed(sockets[0]);
    client.destroy();
    await gone;
    await free(`hangs up during ${what}`);
  });

  it('frees it when the signal aborts, too', async () => {
    const abort = new AbortController();
    handle = (_, response) => void sessions.sendEventStream(response, 'silent', { signal: abort.signal });
    await connected();
    await until(() => readers() === 1, 'it looks ahead');
    abort.abort();
    await free('signal while the store is silent');
  });
});

describe('a flood of clients', () => {
  it.each(['are new', 'connect again'])(
    'in one tick, that %s: those that are refused are told to come back',
    async (how) => {
      const own = new SessionLogs({ store: new MemorySessionStore({ maxReaders: 20 }) });
      void own.logChunkToQueue('before', 's');
      const lastEventId = how === 'are new' ? undefined : own.getAllLogsInQueue()[0]?.id;
      void own.logChunkToQueue('held', 's');
      handle = () => {};
      const received: string[] = [];
      for (let i = 0; i < 25; i += 1) {
        const client = await connected();
        client.on('data', (data: Buffer) => (received[i] = (received[i] ?? '') + data.toString('latin1')));
      }
      await until(() => responses.length === 25, 'all requests are there');
      for (const response of responses) void own.sendEventStream(response, 's', { lastEventId });
      const isRefused = (part: string): boolean => part.endsWith('retry: 2000\n\n\r\n0\r\n\r\n');
      await until(
        () => received.filter((part) => part.includes('held') || isRefused(part)).length === 25,
        'all are answered',
      );
      expect(received.filter((part) => part.startsWith('HTTP/1.1 200'))).toHaveLength(25);
      expect(received.filter(isRefused)).toHaveLength(7);
      expect(received.filter((part) => part.includes('event: end'))).toEqual([]);
      expect(own.stats().readers).toBe(18);
      const gone = Promise.all(sockets.map(closed));
      for (const client of clients) client.destroy();
      await gone;
      await expectAllFree({ sessions: own, calls }, 'node:http', 'flood in one tick');
      await own.shutdown();
    },
  );

  it("leaves the reserved share to the server's own readers", async () => {
    const store = new MemorySessionStore({ maxReaders: 20, maxReadersPerSession: 10 });
    const own = new SessionLogs({ store });
    handle = ({ url = '' }, response) => void own.sendEventStream(response, url.slice(1));
    for (let i = 0; i < 40; i += 1) await connected(`GET /session-${i % 4} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => responses.length === 40 && own.stats().readers === 18, 'the clients have what they may');
    const refused = await fetch(`http://127.0.0.1:${port()}/other`);
    expect([refused.status, await refused.text()]).toEqual([200, 'retry: 2000\n\n']);
    void own.logChunkToQueue('for the server', 'own');
    const reader = own.followSession('own');
    expect((await reader.next()).value?.message).toBe('for the server');
    const job = own.pop('own');
    expect((await job.next()).value).toBe('for the server');
    await expect(own.followSession('own').next()).rejects.toThrow('`maxReaders` is 20');
    await Promise.all([reader.return(), job.return()]);
    await own.shutdown();
  });
});
