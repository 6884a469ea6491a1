import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import type { HttpBindings } from '@hono/node-server';
import { EventSource } from 'eventsource';
import express from 'express';
import type { Express, RequestHandler } from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { describeClientEnds } from '../support/client-ends.ts';
import type { EventServer } from '../support/client-ends.ts';

/** What a request waits for before its handler is called: the tests make clients leave meanwhile. */
type Gate = () => Promise<void> | undefined;

const OPEN: Gate = () => undefined;

async function listening(server: Server, sessions: SessionLogs): Promise<EventServer> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { server, sessions, close };
}

/** The session of `/events/abc123`, also with a query; `undefined` for anything else. */
function sessionIdOf(url = ''): string | undefined {
  try {
    const [, id] = /^\/events\/([^/]+)$/.exec(new URL(url, 'http://host').pathname) ?? [];
    return id && decodeURIComponent(id);
  } catch {
    return undefined; // `//`, or `%` without a code behind it
  }
}

function node(gate: Gate): Promise<EventServer> {
  const sessions = new SessionLogs();
  const server = createServer((request, response) => {
    const sessionId = sessionIdOf(request.url);
    if (sessionId === undefined) return void response.writeHead(404).end();
    sessions
      .sendEventStream(response, sessionId, { lastEventId: request.headers['last-event-id'] })
      .catch(() => response.headersSent || response.writeHead(400).end());
  });
  const [handle] = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request').on('request', (request, response) => {
    const wait = gate();
    if (wait === undefined) handle?.(request, response);
    else void wait.then(() => handle?.(request, response));
  });
  return listening(server, sessions);
}

async function hono(gate: Gate): Promise<EventServer> {
  const sessions = new SessionLogs();
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (_, next) => {
    await gate();
    await next();
  });
  app.get('/events/:id', (c) =>
    sessions.toEventStreamResponse(c.req.param('id'), {
      lastEventId: c.req.header('last-event-id'),
      response: c.env.outgoing,
    }),
  );
  return listening(createAdaptorServer({ fetch: app.fetch }) as Server, sessions);
}

/** Express 4 does not look at what a handler returns. */
function ignoringPromises(app: Express): Express {
  const get = app.get.bind(app);
  // With a name alone it gives a setting, which Express itself asks for.
  const ignoring = (path: string, handler?: RequestHandler): unknown =>
    handler === undefined ? get(path) : get(path, (request, response, next) => void handler(request, response, next));
  return Object.assign(app, { get: ignoring });
}

async function expressApp(gate: Gate, app: Express = express()): Promise<EventServer> {
  const sessions = new SessionLogs();
  app.use((_request, _response, next) => {
    const wait = gate();
    if (wait === undefined) next();
    else void wait.then(() => next());
  });
  app.get('/events/:id', (request, response) => {
    sessions
      .sendEventStream(response, request.params.id, { lastEventId: request.get('last-event-id') })
      .catch(() => response.headersSent || response.sendStatus(400));
  });
  return listening(createServer(app), sessions);
}

async function fastify(gate: Gate): Promise<EventServer> {
  const sessions = new SessionLogs();
  const app = Fastify({ forceCloseConnections: true });
  app.addHook('preHandler', async () => gate());
  app.get<{ Params: { id: string } }>('/events/:id', (request, reply) => {
    reply.hijack();
    sessions
      .sendEventStream(reply.raw, request.params.id, { lastEventId: request.headers['last-event-id'] })
      .catch(() => reply.raw.headersSent || reply.raw.writeHead(400).end());
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { server: app.server, sessions, close: () => app.close() };
}

async function fastifyWithResponse(gate: Gate): Promise<EventServer> {
  const sessions = new SessionLogs();
  const app = Fastify({ forceCloseConnections: true });
  app.addHook('preHandler', async () => gate());
  app.get<{ Params: { id: string } }>('/events/:id', (request, reply) =>
    sessions.toEventStreamResponse(request.params.id, {
      lastEventId: request.headers['last-event-id'],
      response: reply.raw,
    }),
  );
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { server: app.server, sessions, close: () => app.close() };
}

const SERVERS: readonly (readonly [string, (gate: Gate) => Promise<EventServer>])[] = [
  ['node:http', node],
  ['Hono', hono],
  ['Express', expressApp],
  ['Express 4', (gate) => expressApp(gate, ignoringPromises(express()))],
  ['Fastify', fastify],
  ['Fastify, with a Response', fastifyWithResponse],
];

describe.each(SERVERS)('%s', (name, start) => {
  let events: EventServer;
  let base: string;
  const write = (message: string): void => void events.sessions.logChunkToQueue(message, 'abc123');

  beforeEach(async () => {
    events = await start(OPEN);
    base = `http://127.0.0.1:${(events.server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await events.close();
    await events.sessions.shutdown();
  });

  it('streams a session to an EventSource, which resumes after its connection was cut', async () => {
    const seen: string[] = [];
    write('<start>');
    write('one');
    const source = new EventSource(`${base}/events/abc123`);
    source.addEventListener('message', ({ data }) => {
      seen.push((JSON.parse(String(data)) as { message: string }).message);
    });
    await expect.poll(() => seen.length).toBe(2);
    source.close();
    write('two');
    const lastEventId = events.sessions.getAllLogsInQueue().find(({ message }) => message === 'one')?.id ?? '';
    const resumed = await fetch(`${base}/events/abc123`, { headers: { 'last-event-id': lastEventId } });
    write('</end>');
    events.sessions.endSession('abc123');
    const rest = await resumed.text();
    expect([...rest.matchAll(/"message":"([^"]*)"/g)].map(([, message]) => message)).toEqual(['two', '</end>']);
    const over = events.sessions.getAllLogsInQueue().at(-1)?.id ?? '';
    expect((await fetch(`${base}/events/abc123`, { headers: { 'last-event-id': over } })).status).toBe(204);
  });

  // Fastify 5.12 answers HEAD with 500 where its handler returns a `Response`.
  it.skipIf(name.startsWith('Fastify, with'))('answers HEAD with the headers alone', async () => {
    const { status, headers, body } = await fetch(`${base}/events/abc123`, { method: 'HEAD' });
    expect([status, headers.get('content-type'), body]).toEqual([200, 'text/event-stream', null]);
    expect(events.sessions.stats().readers).toBe(0);
  });

  it('answers a client for which the call fails', async () => {
    const fail = (): Promise<never> => Promise.reject(new Error('failed on purpose'));
    vi.spyOn(console, 'error').mockReturnValue();
    Object.assign(events.sessions, { sendEventStream: fail, toEventStreamResponse: fail });
    const { status } = await fetch(`${base}/events/abc123`);
    expect(status).toBeGreaterThanOrEqual(400);
    vi.restoreAllMocks();
  });
});

describe('what names no session', () => {
  const open = async (start: (gate: Gate) => Promise<EventServer>) => {
    const events = await start(OPEN);
    onTestFinished(async () => {
      await events.close();
      await events.sessions.shutdown();
    });
    return { ...events, base: `http://127.0.0.1:${(events.server.address() as AddressInfo).port}` };
  };

  it('is a 404 on node:http, and opens no reader', async () => {
    const { base, sessions } = await open(node);
    for (const path of ['/', '/events/', '/events/a/b', '/events/%', '/eventsX', '//', '//events/a'])
      expect((await fetch(`${base}${path}`)).status).toBe(404);
    expect(sessions.stats().readers).toBe(0);
    void sessions.logChunkToQueue('one', 'a b/c');
    sessions.endSession('a b/c');
    expect(await (await fetch(`${base}/events/a%20b%2Fc?theme=dark`)).text()).toContain('"one"');
  });

  it.each([
    ['node:http', node],
    ['Express', expressApp],
  ] as const)('is a 400 without a word of the server where the id is too long: %s', async (_, start) => {
    const { base } = await open(start);
    const response = await fetch(`${base}/events/${'x'.repeat(257)}`);
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/^(Bad Request)?$/);
  });
});

for (const [name, start] of SERVERS) describeClientEnds(name, start);
