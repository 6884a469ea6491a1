import { createServer, get } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import { EventSource } from 'eventsource';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/session-logs.ts';

let sessions: SessionLogs;
let close: () => Promise<void>;

beforeEach(() => {
  sessions = new SessionLogs();
});

afterEach(async () => {
  await close();
  await sessions.shutdown();
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function hono(): Promise<string> {
  const app = new Hono();
  // recipe: Hono
  app.get('/events/:id', (c) =>
    sessions.toEventStreamResponse(c.req.param('id'), { lastEventId: c.req.header('last-event-id') }),
  );
  // end
  return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
}

async function expressApp(): Promise<string> {
  const app = express();
  // recipe: Express
  app.get('/events/:id', (request, response) =>
    sessions.sendEventStream(response, request.params.id, { lastEventId: request.get('last-event-id') }),
  );
  // end
  return listening(createServer(app));
}

async function fastify(): Promise<string> {
  const app = Fastify({ forceCloseConnections: true });
  // recipe: Fastify
  app.get<{ Params: { id: string } }>('/events/:id', (request, reply) => {
    reply.hijack();
    return sessions.sendEventStream(reply.raw, request.params.id, { lastEventId: request.headers['last-event-id'] });
  });
  // end
  close = () => app.close();
  return app.listen({ port: 0, host: '127.0.0.1' });
}

async function fastifyWithResponse(): Promise<string> {
  const app = Fastify({ forceCloseConnections: true });
  app.get<{ Params: { id: string } }>('/events/:id', (request) =>
    sessions.toEventStreamResponse(request.params.id, { lastEventId: request.headers['last-event-id'] }),
  );
  close = () => app.close();
  return app.listen({ port: 0, host: '127.0.0.1' });
}

describe.each([
  ['Hono', hono],
  ['Express', expressApp],
  ['Fastify', fastify],
  ['Fastify, with a Response', fastifyWithResponse],
])('%s', (_, start) => {
  const write = (message: string): void => void sessions.logChunkToQueue(message, 'abc123');

  it('streams a session to an EventSource, which resumes after its connection was cut', async () => {
    const base = await start();
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
    const lastEventId = sessions.getAllLogsInQueue().find(({ message }) => message === 'one')?.id ?? '';
    const resumed = await fetch(`${base}/events/abc123`, { headers: { 'last-event-id': lastEventId } });
    write('</end>');
    sessions.endSession('abc123');
    const rest = await resumed.text();
    expect([...rest.matchAll(/"message":"([^"]*)"/g)].map(([, message]) => message)).toEqual(['two', '</end>']);
    const over = sessions.getAllLogsInQueue().at(-1)?.id ?? '';
    expect((await fetch(`${base}/events/abc123`, { headers: { 'last-event-id': over } })).status).toBe(204);
  });

  it('frees the reader of a client that hangs up on a silent session', async () => {
    const base = await start();
    write('one');
    const request = get(`${base}/events/abc123`);
    request.on('error', () => {});
    const response = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
    response.on('error', () => {}).resume();
    await expect.poll(() => sessions.stats().readers).toBe(1);
    request.destroy();
    const hungUp = performance.now();
    await expect.poll(() => sessions.stats().readers, { timeout: 2000, interval: 2 }).toBe(0);
    expect(performance.now() - hungUp).toBeLessThan(100);
  });
});
