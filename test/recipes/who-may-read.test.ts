import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import express from 'express';
import Fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';

import { signSessionLink, verifySessionLink } from '../../src/index.ts';
import { SessionLogs } from '../../src/facade/session-logs.ts';

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- how Express takes types of requests
  namespace Express {
    interface Request {
      user: { id: string };
    }
  }
}

const secret = 'a secret of the tests: 0123456789';

/** With a session that has ended, so that its streams end. */
function sessionsWithOne(): SessionLogs {
  const sessions = new SessionLogs();
  void sessions.logChunkToQueue('hello', 'abc123');
  sessions.endSession('abc123');
  onTestFinished(() => sessions.shutdown());
  return sessions;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('a user of Express reads the sessions that are theirs, and no other', async () => {
  const sessions = sessionsWithOne();
  const ownerOf = (sessionId: string): string => (sessionId === 'abc123' ? 'alice' : 'bob');
  const app = express();
  app.use((request, _response, next) => {
    request.user = { id: request.get('x-test-user') ?? '' };
    next();
  });
  // recipe: Express, who may read
  app.get(
    '/events/:id',
    sessions.eventStreamHandler({
      sessionId: (request: express.Request<{ id: string }>) => request.params.id,
      authorize: (request, sessionId) => ownerOf(sessionId) === request.user.id,
      cors: { origin: 'https://app.example.com', credentials: true },
      maxReadersPerClient: { max: 10, key: (request) => request.user.id },
    }),
  );
  // end
  const base = await listen(createServer(app));
  const get = (id: string, user: string): Promise<Response> =>
    fetch(`${base}/events/${id}`, { headers: { 'x-test-user': user } });
  expect(await (await get('abc123', 'alice')).text()).toContain('hello');
  expect((await get('abc123', 'bob')).status).toBe(403);
  expect((await get('other', 'alice')).status).toBe(403);
});

it('who has a signed link reads its session, on every framework by the same handler', async () => {
  const sessions = sessionsWithOne();
  // recipe: Fastify, signed links
  /** What a request of `node:http`, Express, Fastify and the web has. */
  interface Asked {
    readonly url?: string | undefined;
  }

  const linkOf = ({ url = '' }: Asked) =>
    verifySessionLink(new URL(url, 'http://host').searchParams.get('link'), { secret });
  const handler = sessions.eventStreamHandler({
    sessionId: (request: Asked) => linkOf(request)?.sessionId,
    authorize: (request, sessionId) => {
      const link = linkOf(request);
      return link?.sessionId === sessionId && { logType: link.scope };
    },
  });
  // end
  const app = Fastify({ forceCloseConnections: true });
  app.get('/events', handler);
  const bases = [
    await app.listen({ port: 0, host: '127.0.0.1' }),
    await listen(createServer((request, response) => void handler(request, response))),
    await listen(createServer(express().get('/events', handler))),
  ];
  onTestFinished(() => app.close());
  const link = signSessionLink('abc123', { secret, expiresInSeconds: 60 });
  for (const base of bases) {
    expect(await (await fetch(`${base}/events?link=${link}`)).text()).toContain('hello');
    expect((await fetch(`${base}/events?link=${link}x`)).status).toBe(403);
  }
  const web = await handler(new Request(`http://host/events?link=${link}`));
  expect(await web.text()).toContain('hello');
});
