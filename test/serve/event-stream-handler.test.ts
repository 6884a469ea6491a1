import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import express from 'express';
import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import type { EventStreamHandler, EventStreamHandlerOptions } from '../../src/serve/event-stream-handler.ts';
import { signSessionLink, verifySessionLink } from '../../src/serve/session-link.ts';
import type { SessionLink } from '../../src/serve/session-link.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { until } from '../support/until.ts';

const secret = 'a secret that is long enough: 0123456789';

const { lines } = recordDiagnostics();

let sessions: SessionLogs;
let ends: (() => unknown)[];

beforeEach(() => {
  sessions = new SessionLogs();
  ends = [() => sessions.shutdown()];
  void sessions.logChunkToQueue('hello', 's');
  void sessions.logChunkToQueue('for operators', 's', { logType: 'log' });
});

afterEach(async () => {
  for (const end of ends.reverse()) await end();
});

const closing = (server: Server) => (): Promise<unknown> => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
};

async function listen(listener: (...given: Parameters<RequestListener>) => unknown): Promise<string> {
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(closing(server));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Asked {
  readonly url?: string | undefined;
  readonly headers: unknown;
}

const idOf = ({ url = '' }: Asked): string => decodeURIComponent(new URL(url, 'http://x').pathname.slice(1));
const everybody = (): boolean => true;
const OPEN = { sessionId: idOf, authorize: everybody, until: 'caught-up' } as const;

/** Each way to mount a handler, as the address of a server. */
const ways = {
  'node:http': (handler: EventStreamHandler<Asked>) => listen((request, response) => void handler(request, response)),
  Express: (handler: EventStreamHandler<Asked>) => listen(express().use(handler)),
  async Fastify(handler: EventStreamHandler<Asked>) {
    const app = fastify();
    app.route({ method: ['GET', 'OPTIONS'], url: '/:id', handler: (request, reply) => handler(request, reply) });
    ends.push(
      () => app.close(),
      () => app.server.closeAllConnections(),
    );
    return app.listen({ port: 0, host: '127.0.0.1' });
  },
  web: (handler: EventStreamHandler<Asked>) =>
    listen(async (incoming, outgoing) => {
      const { url = '', method = '' } = incoming;
      const asked = new Request(`http://x${url}`, { method, headers: incoming.headers as Record<string, string> });
      const made: Response = await handler(asked, { response: outgoing });
      outgoing.writeHead(made.status, Object.fromEntries(made.headers));
      for await (const bytes of made.body ?? []) outgoing.write(bytes);
      outgoing.end();
    }),
};

describe.each(Object.entries(ways))('a handler of event streams on %s', (_, mount) => {
  const start = (options: Partial<EventStreamHandlerOptions<Asked>>): Promise<string> =>
    mount(sessions.eventStreamHandler<Asked>({ ...OPEN, ...options }));

  it('answers with the session that the request names, after the id that it has', async () => {
    const base = await start({});
    const text = await (await fetch(`${base}/s`)).text();
    expect(text).toContain('"message":"hello"');
    expect(text).not.toContain('operators');
    const id = /^id: (.*)$/m.exec(text)?.[1] as string;
    void sessions.logChunkToQueue('and more', 's');
    const after = await (await fetch(`${base}/s`, { headers: { 'last-event-id': id } })).text();
    expect(after).toContain('and more');
    expect(after).not.toContain('hello');
  });

  it('goes on after the id that `lastEventId` finds where the request has none', async () => {
    const wrong: Record<string, () => unknown> = {
      number: () => 7,
      rejects: () => Promise.reject(new Error('on purpose')),
      throws: fail,
    };
    const base = await start({
      lastEventId: (request) => {
        const asked = new URL(request.url as string, 'http://x').searchParams.get('after');
        return (asked !== null && asked in wrong ? wrong[asked]?.() : asked) as string | null;
      },
    });
    const get = async (query: string, headers: Record<string, string> = {}): Promise<string> =>
      (await fetch(`${base}/s${query}`, { headers })).text();
    const id = /^id: (.*)$/m.exec(await get(''))?.[1] as string;
    void sessions.logChunkToQueue('and more', 's');
    const later = /^id: (.*)$/m.exec(await get(`?after=${id}`))?.[1] as string;
    expect(later > id).toBe(true);
    expect(await get(`?after=${later}`, { 'last-event-id': id })).toContain('and more');
    expect(await get(`?after=${later}`)).not.toContain('and more');
    for (const query of ['', '?after=', '?after=throws', '?after=number', '?after=rejects'])
      expect(await get(query)).toContain('hello');
    expect(lines.filter((line) => line.includes('`lastEventId` failed'))).toHaveLength(1);
  });

  it('lets read what `authorize` says, and shows everybody else the same 403, session or not', async () => {
    const answers: Record<string, unknown> = {
      yes: true,
      all: { logType: 'all' },
      log: { logType: 'log' },
      no: false,
      nothing: undefined,
      null: null,
      one: 1,
      text: 'true',
      strange: { logType: 'everything' },
      empty: {},
    };
    const base = await start({
      sessionId: (request) => idOf(request).split('~')[0],
      authorize: (request) => answers[idOf(request).split('~')[1] as string] as boolean,
    });
    const get = async (who: string, id = 's'): Promise<string> => {
      const response = await fetch(`${base}/${id}~${who}`);
      return response.status === 200 ? response.text() : `${response.status} ${await response.text()}`;
    };
    expect(await get('yes')).toContain('hello');
    expect(await get('yes')).not.toContain('operators');
    expect(await get('all')).toMatch(/hello[^]*operators/);
    expect(await get('log')).not.toContain('hello');
    for (const who of ['no', 'nothing', 'null', 'one', 'text', 'strange', 'empty', 'unknown']) {
      expect(await get(who)).toBe('403 ');
      expect(await get(who, 'no-such-session')).toBe('403 ');
    }
    expect(sessions.stats().readers).toBe(0);
  });

  it('refuses what has no session id, and when a function of the application fails, and says so once', async () => {
    const refused = ['throw', 'long', 'reject', 'reject'];
    const base = await start({
      sessionId: (request) => {
        const id = idOf(request);
        return id === 'throw' ? fail() : id.replace('long', 'x'.repeat(300));
      },
      authorize: (request) => (idOf(request) === 'reject' ? Promise.reject(new Error('no database')) : true),
    });
    for (const path of refused) {
      expect((await fetch(`${base}/${path}`)).status).toBe(403);
    }
    expect(lines.filter((line) => line.includes('`sessionId` threw'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('`authorize`'))).toHaveLength(1);
  });

  it('answers pages of the origins that may read', async () => {
    const base = await start({ cors: { origin: ['http://a.test'], credentials: true, maxAgeSeconds: 5 } });
    const from = async (
      origin: string,
      init: { readonly method?: string; readonly headers?: Record<string, string> } = {},
    ) => {
      const { status, headers } = await fetch(`${base}/s`, { ...init, headers: { origin, ...init.headers } });
      return { status, allowed: headers.get('access-control-allow-origin'), headers };
    };
    expect(await from('http://a.test')).toMatchObject({ status: 200, allowed: 'http://a.test' });
    expect(await from('http://b.test')).toMatchObject({ status: 200, allowed: null });
    const preflight = { method: 'OPTIONS', headers: { 'access-control-request-method': 'GET' } };
    const asked = await from('http://a.test', preflight);
    expect(asked).toMatchObject({ status: 204, allowed: 'http://a.test' });
    expect(asked.headers.get('access-control-allow-credentials')).toBe('true');
    expect(asked.headers.get('access-control-allow-headers')).toContain('last-event-id');
    expect(asked.headers.get('access-control-max-age')).toBe('5');
    expect(asked.headers.get('vary')).toContain('Origin');
    expect(await from('http://b.test', preflight)).toMatchObject({ status: 204, allowed: null });
  });

  it('bounds what one client holds, and lets it in again when it has left', async () => {
    const base = await start({
      until: 'session-end',
      retryMillis: 1_500,
      maxReadersPerClient: { max: 2, key: (request) => new URL(request.url as string, 'http://x').search },
    });
    const open = async (who: string, accept = 'text/event-stream') => {
      const aborting = new AbortController();
      const response = await fetch(`${base}/s?${who}`, { signal: aborting.signal, headers: { accept } });
      const reader = response.body?.getReader();
      const first = await reader?.read();
      return { response, first: Buffer.from(first?.value ?? []).toString(), reader, leave: () => aborting.abort() };
    };
    const [one, two] = [await open('a'), await open('a')];
    const third = await open('a');
    expect(third.response.status).toBe(200);
    expect(third.first).toMatch(/^(retry: 1500\n\n)+$/);
    expect(await third.reader?.read()).toEqual({ value: undefined, done: true });
    const plain = await open('a', 'application/json');
    expect([plain.response.status, plain.response.headers.get('retry-after')]).toEqual([429, '2']);
    const other = await open('b');
    expect(other.first).toContain('retry: 1500');
    one.leave();
    await until(() => sessions.stats().readers === 2, 'its reader is free');
    const again = await open('a');
    expect(again.first).not.toMatch(/^(retry: 1500\n\n)+$/);
    for (const each of [two, other, again]) each.leave();
    await until(() => sessions.stats().readers === 0, 'all readers are free');
  });
});

const linkOf = ({ url = '' }: Asked): SessionLink | undefined =>
  verifySessionLink(new URL(url, 'http://x').searchParams.get('link'), { secret });

it('is called with what its type says: node:http, unless a parameter or the call names another request', async () => {
  const [url, request] = ['http://x/s', new Request('http://x/s')];
  const node = sessions.eventStreamHandler({ sessionId: ({ url: path }) => path?.slice(1), authorize: () => false });
  expectTypeOf(node).toEqualTypeOf<EventStreamHandler>();
  // @ts-expect-error -- its functions would get a request that they were not written for
  const misused = await node(request);
  expect(misused.status).toBe(403);
  const named = sessions.eventStreamHandler<Request>({ sessionId: () => 's', authorize: everybody });
  expect((await named(request)).status).toBe(200);
  const annotated = sessions.eventStreamHandler({
    sessionId: (asked: Request) => asked.url.slice(9),
    authorize: everybody,
  });
  expect((await annotated(new Request(url))).status).toBe(200);
});

describe('who may read', () => {
  it('can be decided by a signed link', async () => {
    const base = await ways['node:http'](
      sessions.eventStreamHandler<Asked>({
        ...OPEN,
        sessionId: (request) => linkOf(request)?.sessionId,
        authorize: (request, sessionId) => {
          const link = linkOf(request);
          return link?.sessionId === sessionId ? { logType: link.scope } : false;
        },
      }),
    );
    const link = signSessionLink('s', { secret, expiresInSeconds: 60, scope: 'all' });
    expect(await (await fetch(`${base}/?link=${link}`)).text()).toContain('operators');
    expect((await fetch(`${base}/?link=${link}x`)).status).toBe(403);
  });

  it('is an option of the plain methods too, which look at the request that they are given', async () => {
    const request = new Request('http://x/s', { headers: { accept: 'text/event-stream' } });
    const seen: unknown[] = [];
    const read = async (answer: boolean) => {
      const response = await sessions.toEventStreamResponse('s', {
        until: 'caught-up',
        request,
        authorize: (asked, id): boolean => {
          seen.push([asked, id]);
          return answer;
        },
      });
      return [response.status, await response.text()];
    };
    expect((await read(true))[1]).toContain('hello');
    expect(await read(false)).toEqual([403, '']);
    expect(seen).toEqual([
      [request, 's'],
      [request, 's'],
    ]);
    const authorize = (): boolean => true;
    await expect(sessions.toEventStreamResponse('s', { authorize })).rejects.toThrow(
      'toEventStreamResponse: `authorize` needs the option `request`',
    );
  });

  it('is asked with the request of `node:http` by itself', async () => {
    const authorize = ({ headers }: IncomingMessage): boolean => headers['x-user'] === 'me';
    const base = await listen((_, response) => {
      void sessions.sendEventStream(response, 's', { authorize, until: 'caught-up' });
    });
    expect((await fetch(base)).status).toBe(403);
    expect(await (await fetch(base, { headers: { 'x-user': 'me' } })).text()).toContain('hello');
  });

  it.each([
    [
      'sendEventStream',
      (response: ServerResponse, options: Decided) => sessions.sendEventStream(response, 's', options),
    ],
    [
      'toEventStreamResponse',
      (response: ServerResponse, options: Decided) => sessions.toEventStreamResponse('s', { ...options, response }),
    ],
  ])('costs no reader while it is decided, and a client that leaves meanwhile none at all: %s', async (_, answer) => {
    let decide: (answer: boolean) => void = () => {};
    let isGone = false;
    const base = await listen((__, response) => {
      response.on('close', () => (isGone = true));
      const authorize = (): Promise<boolean> => new Promise((resolve) => (decide = resolve));
      void answer(response, { authorize });
    });
    const aborting = new AbortController();
    const asked = fetch(base, { signal: aborting.signal }).catch(() => 'left');
    await until(() => decide.length > 0, 'it is asked');
    expect(sessions.stats().readers).toBe(0);
    aborting.abort();
    expect(await asked).toBe('left');
    await until(() => isGone, 'the server knows');
    decide(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sessions.stats().readers).toBe(0);
  });

  it.each<[string, () => unknown]>([
    ['null', () => null],
    ['an object', () => ({})],
    ['a number', () => 17],
    ['a promise that rejects', () => Promise.reject(new Error('no database'))],
  ])('is refused when the key of its client is no text, which all would share: %s', async (_, key) => {
    const maxReadersPerClient = { max: 1, key: key as () => never };
    const handler = sessions.eventStreamHandler({ ...OPEN, maxReadersPerClient });
    expect((await handler(new Request('http://x/s') as never)).status).toBe(403);
    expect(lines.join()).toContain('`maxReadersPerClient.key` to return a string or undefined');
  });

  it('gives the share of a body that nobody pulls back, and takes it again with the first pull', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    ends.push(() => vi.useRealTimers());
    const request = new Request('http://x/s');
    const maxReadersPerClient = { max: 1, key: () => 'me' };
    const open = (): Promise<Response> => sessions.toEventStreamResponse('s', { request, maxReadersPerClient });
    const unread = await open();
    expect(await (await open()).text()).toMatch(/^(retry: 2000\n\n)+$/);
    vi.advanceTimersByTime(2_001);
    const second = (await open()).body?.getReader();
    let text = '';
    while (!text.includes('hello')) text += Buffer.from((await second?.read())?.value ?? []).toString();
    expect(await unread.text()).toMatch(/^(retry: 2000\n\n)+$/);
    await second?.cancel();
    expect(sessions.stats().readers).toBe(0);
  });

  it.each([
    [{ authorize: everybody }, '`sessionId` to be a function, got undefined'],
    [{ sessionId: idOf }, '`authorize` to be a function, got undefined'],
    [{ ...OPEN, cors: { origin: '*', credentials: true } }, '`cors.origin` to be an origin, a list of origins'],
    [{ ...OPEN, cors: { origins: '*' } }, '`cors.'],
    [
      { ...OPEN, maxReadersPerClient: { max: 0, key: () => 'a' } },
      '`maxReadersPerClient.max` to be a positive integer, got 0',
    ],
    [{ ...OPEN, maxReadersPerClient: { max: 1 } }, '`maxReadersPerClient.key` to be a function'],
    [{ ...OPEN, keepAliveMillis: -1 }, '`keepAliveMillis`'],
    [{ ...OPEN, request: {} }, 'remove the option `request`: the handler gets the request when it is called'],
    [{ ...OPEN, lastEventId: '1-2' }, '`lastEventId` to be a function'],
    [undefined, 'options object'],
  ])('is checked when the handler is made: %j', (options, message) => {
    expect(() => sessions.eventStreamHandler(options as never)).toThrow(message);
  });
});

it.each(['https://a.test/', 'a.test', 'https://A.test', 'https://a.test:443', '*.a.test', 'null', ['*'], []])(
  'refuses what no browser sends as its origin: %j',
  (origin) => {
    expect(() => sessions.eventStreamHandler({ ...OPEN, cors: { origin } })).toThrow(
      "`cors.origin` to be '*', an origin such as 'https://app.example.com'",
    );
  },
);

it('takes each origin that a browser sends', () => {
  for (const origin of [
    'http://localhost:3000',
    'https://a.test',
    'capacitor://localhost',
    'http://[::1]:81',
    ['http://a.test'],
  ]) {
    expect(sessions.eventStreamHandler({ ...OPEN, cors: { origin } })).toBeDefined();
  }
});

interface Decided {
  readonly authorize: () => Promise<boolean>;
}

function fail(): never {
  throw new Error('failed');
}
