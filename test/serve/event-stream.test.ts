import { createServer, get } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { EventSource } from 'eventsource';
import { createParser } from 'eventsource-parser';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import type { EventStreamOptions } from '../../src/serve/event-stream.ts';
import { MemorySessionStore } from '../../src/store/memory/memory.ts';
import { until } from '../support/until.ts';
import { randomNumbers } from '../support/properties.ts';

let sessions: SessionLogs;
let server: Server;
let base: string;
let options: EventStreamOptions;
let failures: unknown[];
let sockets: Socket[];

beforeEach(async () => {
  sessions = new SessionLogs({ store: new MemorySessionStore({ maxEntriesPerSession: 5000 }) });
  options = {};
  failures = [];
  sockets = [];
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const lastEventId = request.headers['last-event-id'];
    sessions
      .sendEventStream(response, decodeURIComponent(request.url?.slice(1) ?? ''), { lastEventId, ...options })
      .catch((error: unknown) => {
        failures.push(error);
        response.writeHead(400).end();
      });
  });
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await sessions.shutdown();
  expect(failures).toEqual([]);
});

const readers = (): number => sessions.stats().readers;

describe('sendEventStream', () => {
  it('an EventSource sees each entry once, its ids, and the end', async () => {
    const source = new EventSource(`${base}/s`);
    const seen: { message: string; id: string }[] = [];
    const end = new Promise<string>((resolve) => {
      source.addEventListener('end', ({ data }) => resolve(String(data)));
    });
    source.addEventListener('message', ({ data, lastEventId }) => {
      seen.push({ message: (JSON.parse(String(data)) as { message: string }).message, id: lastEventId });
    });
    await until(() => readers() === 1, 'the reader waits');
    for (let i = 0; i < 50; i += 1) void sessions.logChunkToQueue(`t${i}\r\n😀\n\ndata: x`, 's');
    sessions.endSession('s');
    expect(await end).toBe('{"reason":"session-end"}');
    source.close();
    const entries = sessions.getAllLogsInQueue();
    expect(seen).toEqual(entries.map(({ message, id }) => ({ message, id })));
    await until(() => readers() === 0, 'the reader is free');
  });

  it('an EventSource that is left open after the end connects again, gets 204 and stops', async () => {
    options = { retryMillis: 5 };
    void sessions.logChunkToQueue('only', 's');
    sessions.endSession('s');
    let requests = 0;
    server.on('request', () => (requests += 1));
    const source = new EventSource(`${base}/s`);
    await until(() => source.readyState === EventSource.CLOSED, 'the EventSource gives up');
    expect(requests).toBe(2);
  });

  it('100 connections cut at random places: every token once', async () => {
    const total = 2000;
    let written = 0;
    const writer = setInterval(() => {
      for (let i = 0; i < 4 && written < total; i += 1) void sessions.logChunkToQueue(`${written++} `, 's');
    }, 1);
    const random = randomNumbers();
    let lastEventId: string | undefined;
    const seen: number[] = [];
    let cuts = 0;
    while (seen.length < total) {
      // Cut after a number of bytes: within an event, an id, a UTF-8 sequence, or before the first.
      const budget = cuts < 100 ? Math.floor(random() * 2500) : Number.POSITIVE_INFINITY;
      const parser = createParser({
        onEvent: ({ id, data }) => {
          seen.push(Number((JSON.parse(data) as { message: string }).message));
          lastEventId = id;
        },
      });
      await new Promise<void>((resolve) => {
        const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
        let left = budget;
        const request = get(`${base}/s`, { headers }, (response) => {
          response.setEncoding('latin1');
          response.on('data', (text: string) => {
            parser.feed(text.slice(0, left));
            left -= text.length;
            if (left <= 0 || seen.length >= total) request.destroy();
          });
          response.on('close', resolve);
          response.on('error', () => {});
        });
        request.on('error', () => resolve());
      });
      cuts += 1;
    }
    clearInterval(writer);
    expect(cuts).toBeGreaterThanOrEqual(100);
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => i));
    await until(() => readers() === 0, 'no reader is left');
  });

  it('a client that hangs up on a silent session has freed its reader, and the id leaves with it', async () => {
    options = { keepAliveMillis: 60_000 };
    for (let i = 0; i < 10; i += 1) {
      const request = get(`${base}/silent`, { agent: false });
      request.on('error', () => {});
      request.on('response', (response) => response.resume().on('error', () => {}));
      await until(() => readers() === 1, 'the reader waits');
      const closed = new Promise((resolve) => sockets[i]?.once('close', resolve));
      request.destroy();
      await closed;
      expect(readers()).toBe(0);
    }
    expect(sessions.allSessionsInQueues).toEqual([]);
  });

  it('a client that does not read costs what its socket buffers, and learns what it missed', async () => {
    const socket = await openRaw('/s');
    socket.pause();
    await until(() => readers() === 1, 'the reader waits');
    const serverSocket = sockets[0] as Socket;
    const text = 'x'.repeat(1000);
    for (let i = 0; i < 40; i += 1) {
      for (let k = 0; k < 500; k += 1) void sessions.logChunkToQueue(text, 's');
      await delay(1);
    }
    // 20 MB went by; what waits in this process is one high-water mark and an event.
    expect(serverSocket.writableLength).toBeLessThan(128 * 1024);
    let received = '';
    socket.on('data', (data: Buffer) => (received += data.toString('latin1')));
    socket.resume();
    await until(() => received.includes('event: gap'), 'the gap is told');
    sessions.endSession('s');
    await until(() => received.includes('event: end'), 'the end comes');
    const missed = [...received.matchAll(/event: gap\ndata: \{"missed":(\d+)\}/g)].map(([, count]) => Number(count));
    const delivered = received.match(/"kind":"text"/g)?.length ?? 0;
    expect(missed.reduce((sum, count) => sum + count, delivered)).toBe(20_000);
    socket.destroy();
  });

  it('a client that hangs up while it is stuck frees its reader too', async () => {
    const socket = await openRaw('/s');
    socket.pause();
    await until(() => readers() === 1, 'the reader waits');
    const serverSocket = sockets[0] as Socket;
    while (!serverSocket.writableNeedDrain) {
      for (let k = 0; k < 500; k += 1) void sessions.logChunkToQueue('x'.repeat(1000), 's');
      await delay(1);
    }
    const closed = new Promise((resolve) => serverSocket.once('close', resolve));
    socket.destroy();
    await closed;
    expect(readers()).toBe(0);
  });

  it('a client that is gone before the answer begins leaves no reader behind', async () => {
    server.removeAllListeners('request');
    let finished: Promise<void> | undefined;
    server.on('request', (_request, response) => {
      response.on('close', () => {
        finished = sessions.sendEventStream(response, 's', {});
      });
      setTimeout(() => response.destroy(), 5);
    });
    get(`${base}/s`).on('error', () => {});
    await until(() => finished !== undefined, 'the call');
    await finished;
    expect(readers()).toBe(0);
  });

  it('keeps headers set before, answers HEAD without a body, and statuses as the web form does', async () => {
    server.prependListener('request', (_request, response) => response.setHeader('access-control-allow-origin', '*'));
    void sessions.logChunkToQueue('x', 's');
    sessions.endSession('s');
    options = { wait: false };
    const response = await fetch(`${base}/s`);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(await response.text()).toContain('"reason":"session-end"');
    expect((await fetch(`${base}/other`, { headers: { 'last-event-id': 'x' } })).status).toBe(204); // `wait: false`
    options = {};
    const head = await fetch(`${base}/silent`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    await sessions.shutdown();
    expect(await (await fetch(`${base}/s`)).text()).toBe('retry: 2000\n\n');
  });

  it('a response whose headers are sent is cut off, and the call rejects with what is wrong', async () => {
    server.removeAllListeners('request');
    let failure: unknown;
    server.on('request', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).write('<p>begun');
      sessions.sendEventStream(response, 's').catch((error: unknown) => (failure = error));
    });
    await expect(fetch(`${base}/s`).then((response) => response.text())).rejects.toThrow();
    expect(failure).toBeInstanceOf(TypeError);
    expect(String(failure)).toContain('sendEventStream: expected a response whose headers were not sent');
    expect(readers()).toBe(0);
  });

  it('a response whose headers are sent while the store is asked is cut off as well', async () => {
    server.removeAllListeners('request');
    let failure: unknown;
    server.on('request', (_request, response) => {
      sessions.sendEventStream(response, 's').catch((error: unknown) => (failure = error));
      response.writeHead(503).flushHeaders();
    });
    await expect(fetch(`${base}/s`).then((response) => response.text())).rejects.toThrow();
    expect(String(failure)).toContain('sendEventStream: expected a response whose headers were not sent');
    await until(() => readers() === 0, 'no reader is left');
  });

  it('a wrong session id is a TypeError for the server, before anything is written', async () => {
    expect((await fetch(`${base}/${'x'.repeat(257)}`)).status).toBe(400);
    expect(failures.splice(0)).toEqual([expect.any(TypeError)]);
  });

  async function openRaw(path: string): Promise<Socket> {
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  }
});
