import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';

import { DurableLogRecordProcessor } from '../../src/export/durable/durable.ts';
import { MemorySessionStore, SessionLogs } from '../../src/index.ts';
import { ScriptedExporter } from '../../test/support/scripted-exporter.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { sessionViewer } from '../src/index.ts';
import type { SessionViewer, SessionViewerOptions, ViewedSessions } from '../src/index.ts';
import type { ListEvent, StateEvent } from '../src/serve/protocol.ts';
import { ask, askJson } from './support/dev-server.ts';
import { PageEvents } from './support/page-events.ts';

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function open<R>(sessions: ViewedSessions, options?: SessionViewerOptions<R>): SessionViewer {
  const viewer = sessionViewer(sessions, options);
  onTestFinished(() => viewer.close());
  return viewer;
}

/** The one of its two forms that `node:http` takes. */
function nodeListener(viewer: SessionViewer): RequestListener {
  return (request, response) => viewer(request, response);
}

function sessionLogs(): SessionLogs {
  const sessions = new SessionLogs();
  onTestFinished(() => sessions.shutdown());
  return sessions;
}

describe('sessionViewer', () => {
  it('shows the sessions of this process live, earlier ones too, and where one ended', async () => {
    const sessions = sessionLogs();
    await sessions.logChunkToQueue('<start>', 'abc');
    await sessions.logChunkToQueue('Hel', 'abc');
    const url = await listen(nodeListener(open(sessions)));
    const page = PageEvents.open(`${url}/api/stream?follow=s:abc`);
    await page.until(() => page.texts('s:abc')[0] === 'Hel');
    await sessions.logChunkToQueue('lo', 'abc');
    await page.until(() => page.texts('s:abc')[0] === 'Hello');
    sessions.withSession('abc', () => sessions.logger.error('no', { 'order.id': 5 }));
    await sessions.logChunkToQueue('</end>', 'abc');
    await page.until(() => page.texts('s:abc')[1] === 'no');
    sessions.endSession('abc');
    await page.until(() => page.blocksOf('s:abc').some(({ type }) => type === 'end'));
  });

  it('says how far the collector has a session, once the session is quiet', async () => {
    const durable = new DurableLogRecordProcessor({
      exporter: new ScriptedExporter(),
      directory: temporaryDirectory(),
    });
    const sessions = sessionLogs();
    const provider = new LoggerProvider({ processors: [sessions.processor, durable] });
    onTestFinished(() => provider.shutdown());
    provider.getLogger('app').emit({ body: 'one', severityNumber: 9, attributes: { 'session.id': 'abc' } });
    const url = await listen(nodeListener(open(sessions)));
    const page = PageEvents.open(`${url}/api/stream`);
    const delivered = (): number | undefined => page.named<ListEvent>('rows').at(-1)?.rows[0]?.delivered?.seq;
    await page.until(() => delivered() !== undefined);
    expect(delivered()).toBe(1);
  });

  it('shows the sessions that this process knows of if hosts share the store, and says so', async () => {
    const store = new MemorySessionStore();
    // A store without a list of all entries, as remote ones are.
    Object.defineProperty(store, 'openAll', { value: undefined });
    const sessions = new SessionLogs({ store });
    onTestFinished(() => sessions.shutdown());
    await sessions.logChunkToQueue('Hello', 'abc');
    const url = await listen(nodeListener(open(sessions)));
    const page = PageEvents.open(`${url}/api/stream?follow=s:abc`);
    await page.until(() => page.texts('s:abc')[0] === 'Hello' && page.named('state').length > 1);
    const notes = page.named<StateEvent>('state').at(-1)?.sources[0]?.notes.join();
    expect(notes).toContain('the viewer shows the sessions that this process knows of');
    await sessions.logChunkToQueue('later', 'def');
    await page.until(() => page.named<ListEvent>('list').at(-1)?.rows.length === 2);
  });

  it('shows a session of a shared store once, even when it has ended, and then its next life', async () => {
    const store = new MemorySessionStore();
    Object.defineProperty(store, 'openAll', { value: undefined });
    const sessions = new SessionLogs({ store });
    onTestFinished(() => sessions.shutdown());
    await sessions.logChunkToQueue('Hello', 'abc');
    sessions.endSession('abc');
    const url = await listen(nodeListener(open(sessions)));
    const page = PageEvents.open(`${url}/api/stream?follow=s:abc`);
    await page.until(() => page.blocksOf('s:abc').length === 2);
    const states = (): number => page.named('state').length;
    const before = states();
    // The viewer looks for new sessions each second, as often as it sends its state.
    await page.until(() => states() > before + 2);
    expect(page.texts('s:abc')).toEqual(['Hello', '']);
    await sessions.logChunkToQueue('again', 'abc');
    await page.until(() => page.blocksOf('s:abc').length > 2);
    expect(page.texts('s:abc')).toEqual(['Hello', '', 'again']);
  });

  it('says what fails in the application, and never throws in a timer of it', async () => {
    const sessions = sessionLogs();
    const failing = new Proxy(sessions, {
      get: (target, name) => {
        if (name === 'stats') return undefined;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const url = await listen(nodeListener(open(failing)));
    const page = PageEvents.open(`${url}/api/stream`);
    const notes = (): string => page.named<StateEvent>('state').at(-1)?.sources[0]?.notes.join() ?? '';
    await page.until(() => notes().includes('stats is not a function'));
  });

  it('refuses sessions that are a promise, or none', () => {
    for (const sessions of [Promise.resolve(sessionLogs()), undefined, {}]) {
      expect(() => sessionViewer(sessions as never)).toThrow(/expected `sessions` to be a SessionLogs.*await/);
    }
  });

  it('leaves a response alone that `authorize` has answered itself', async () => {
    const app = express();
    const authorize = (request: express.Request): boolean => {
      request.res?.status(401).write('log in, ');
      setImmediate(() => request.res?.end('please'));
      return false;
    };
    app.use(open(sessionLogs(), { authorize }));
    const url = await listen(app);
    expect(await ask(`${url}/api/state`)).toMatchObject({ status: 401, text: 'log in, please' });
  });

  it('takes HTTP/1.0 for a proxy: nginx speaks it by default, and adds no header', async () => {
    const url = await listen(nodeListener(open(sessionLogs())));
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('GET /api/state HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 403 [^]*answers only this machine/);
  });

  it('is off limits without `authorize`, unless the client is on this machine', async () => {
    const url = await listen(nodeListener(open(sessionLogs())));
    expect((await ask(`${url}/api/state`)).status).toBe(200);
    expect((await ask(`${url}/api/state`, { headers: { host: 'app.example' } })).status).toBe(403);
    for (const name of ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip', 'via', 'cf-ray']) {
      expect((await ask(`${url}/api/state`, { headers: { [name]: '203.0.113.1' } })).status).toBe(403);
    }
  });

  it.each([
    ['false', () => false],
    ['a truthy value that is not true', () => 1 as never],
    ['a rejection', () => Promise.reject(new Error('no'))],
    [
      'a throw',
      () => {
        throw new Error('no');
      },
    ],
  ])('is off limits where `authorize` answers with %s', async (_, authorize: () => boolean | Promise<boolean>) => {
    const url = await listen(nodeListener(open(sessionLogs(), { authorize })));
    expect(await ask(`${url}/api/state`)).toMatchObject({ status: 403, text: 'you may not see this viewer\n' });
  });

  it('asks `authorize` about each request, whatever the name of the server in it', async () => {
    const seen: unknown[] = [];
    const url = await listen(
      nodeListener(
        open(sessionLogs(), {
          authorize: (request: { readonly url?: string; readonly headers: { readonly authorization?: string } }) => {
            seen.push(request.url);
            return request.headers.authorization === 'Bearer yes';
          },
        }),
      ),
    );
    const headers = { host: 'app.example', authorization: 'Bearer yes' };
    expect((await ask(`${url}/api/state`, { headers })).status).toBe(200);
    expect((await ask(`${url}/api/sessions`, { headers: { host: 'app.example' } })).status).toBe(403);
    expect((await ask(`${url}/api/state`, { headers: { ...headers, origin: 'https://evil.example' } })).status).toBe(
      403,
    );
    expect(seen).toEqual(['/api/state', '/api/sessions']);
  });

  it('works in an Express application, below its path', async () => {
    const sessions = sessionLogs();
    await sessions.logChunkToQueue('Hello', 'abc');
    const app = express();
    const viewer = open(sessions);
    app.use('/admin/sessions', (request, response, next) => viewer(request, response, next));
    const url = await listen(app);
    const list = await askJson<ListEvent>(`${url}/admin/sessions/api/sessions`);
    expect(list.total).toBeTypeOf('number');
    expect(await ask(`${url}/admin/sessions`)).toMatchObject({
      status: 308,
      headers: { location: './sessions/' },
    });
    expect((await ask(`${url}/elsewhere`)).status).toBe(404);
  });

  it('answers web requests, below a path', async () => {
    const sessions = sessionLogs();
    await sessions.logChunkToQueue('Hello', 'abc');
    const viewer = open(sessions, {
      path: '/sessions',
      authorize: (request: Request) => request.headers.get('x-user') === 'me',
    });
    const get = (path: string, headers: Record<string, string> = { 'x-user': 'me' }): Promise<Response> =>
      viewer(new Request(`https://app.example${path}`, { headers }));
    expect((await get('/sessions/api/state', {})).status).toBe(403);
    expect((await get('/sessions/api/state')).status).toBe(200);
    expect((await get('/sessions')).headers.get('location')).toBe('./sessions/');
    expect((await get('/sessions?a=b')).headers.get('location')).toBe('./sessions/?a=b');
    expect((await get('/sessionsx/api/state')).status).toBe(404);
    const stream = (await get('/sessions/api/stream?follow=s:abc')).body?.pipeThrough(new TextDecoderStream());
    let text = '';
    for await (const piece of stream ?? []) {
      text += piece;
      if (text.includes('"text":"Hello"')) break;
    }
    expect(text).toContain('event: list');
  });

  it('answers web requests that come with something else, as from Next.js and Deno', async () => {
    const viewer = open(sessionLogs(), { authorize: () => true }) as (...args: unknown[]) => Promise<Response>;
    const answer = await viewer(new Request('http://127.0.0.1/api/state'), { params: Promise.resolve({}) });
    expect(answer.status).toBe(200);
  });

  it('leaves a request alone that is answered already', async () => {
    const viewer = nodeListener(open(sessionLogs(), { path: '/sessions' }));
    const url = await listen((request, response) => {
      response.end('mine');
      viewer(request, response);
    });
    for (const path of ['/', '/sessions/api/state']) expect((await ask(url + path)).text).toBe('mine');
  });

  it('lets what the next handler throws go to who called it', () => {
    const viewer = open(sessionLogs(), { path: '/sessions' });
    const next = (): void => {
      throw new Error('of the next one');
    };
    const request = { url: '/else', headers: {} } as IncomingMessage;
    expect(() => viewer(request, {} as ServerResponse, next)).toThrow('of the next one');
  });

  it('is off limits to web requests without `authorize`', async () => {
    const viewer = open(sessionLogs());
    expect((await viewer(new Request('http://127.0.0.1/api/state'))).status).toBe(403);
  });

  it.each([
    [{ authorize: 'me' }, 'sessionViewer: expected `authorize` to be a function, got string'],
    [{ path: 'sessions' }, 'sessionViewer: expected `path` to be a path such as "/sessions", got "sessions"'],
    [
      { path: '//evil.example' },
      'sessionViewer: expected `path` to be a path such as "/sessions", got "//evil.example"',
    ],
    [{ traceLink: '/trace/{traceId}' }, 'sessionViewer: expected `traceLink` to be an http or https address'],
    [{ maxEntries: 0 }, 'sessionViewer: expected `maxEntries` to be a positive integer, got 0'],
  ])('refuses the options %j', (options, message) => {
    expect(() => sessionViewer(sessionLogs(), options as object)).toThrow(message);
  });
});
