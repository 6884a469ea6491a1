import { randomUUID } from 'node:crypto';
import { createServer, get } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { createParser } from 'eventsource-parser';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../src/facade/session-logs.ts';
import { RedisSessionStore } from '../../src/redis.ts';
import { EVENT_SOURCES } from '../support/event-sources.ts';
import { until } from '../support/until.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './redis/server.ts';
import { randomNumbers } from '../support/properties.ts';

interface Received {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: { readonly message?: string; readonly reason?: string; readonly missed?: number };
}

describe.skipIf(REDIS === undefined)(`event streams over Redis${WITHOUT_SERVER}`, () => {
  let server: TestServer;
  /** What two machines are: one writes, browsers land on either. */
  let writing: SessionLogs;
  let serving: SessionLogs;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    const prefix = `test:${randomUUID()}`;
    const machine = (): SessionLogs =>
      new SessionLogs({
        store: new RedisSessionStore({ client: createClient({ url: `redis://127.0.0.1:${server.port}` }), prefix }),
      });
    writing = machine();
    serving = machine();
  });
  afterEach(() => Promise.all([writing.shutdown(), serving.shutdown()]));

  const write = async (...messages: string[]): Promise<void> => {
    for (const message of messages) void writing.logChunkToQueue(message, 's');
    await writing.forceFlush();
  };

  /** Reads events until they are enough, then hangs up: what came with the last of them is not met any more. */
  async function read(response: Response, isEnough: (events: Received[]) => boolean): Promise<Received[]> {
    const events: Received[] = [];
    const parser = createParser({
      onEvent: ({ id, event, data }) => events.push({ id, event, data: JSON.parse(data) as Received['data'] }),
    });
    const reader = response.body?.getReader();
    let enough = -1;
    while (enough === -1) {
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) break;
      parser.feed(new TextDecoder().decode(chunk.value));
      enough = events.findIndex((_, index) => isEnough(events.slice(0, index + 1)));
    }
    await reader?.cancel();
    return enough === -1 ? events : events.slice(0, enough + 1);
  }

  const messagesOf = (events: Received[]): unknown[] =>
    events.filter(({ event }) => event === undefined).map(({ data }) => data.message);

  it('a browser that connects to another machine goes on where it was', async () => {
    await write('<start>', 'a', 'b');
    const first = await read(await serving.toEventStreamResponse('s'), (events) => events.length === 2);
    expect(messagesOf(first)).toEqual(['<start>', 'a']);
    const options = { lastEventId: first.at(-1)?.id, until: 'stream-end' as const };
    const rest = read(await writing.toEventStreamResponse('s', options), () => false);
    await write('c', '</end>');
    expect(messagesOf(await rest)).toEqual(['b', 'c', '</end>']);
  });

  it('waits for a session that Redis does not have (any more), and tells that something is missed', async () => {
    const response = await serving.toEventStreamResponse('s', { lastEventId: '1-1' });
    expect(response.status).toBe(200);
    const events = read(response, ({ length }) => length === 2);
    await until(() => serving.stats().readers === 1, 'it waits');
    await write('it begins again');
    expect((await events).map(({ event, data }) => [event, data.message, data.missed])).toEqual([
      ['gap', undefined, -1],
      [undefined, 'it begins again', undefined],
    ]);
  });

  it('a page that loads late is told that the beginning of the answer is gone', async () => {
    await write('<start>', ...Array.from({ length: 30_000 }, (_, i) => `c${i}`));
    const response = await serving.toEventStreamResponse('s', { until: 'caught-up' });
    const [gap, first] = await read(response, ({ length }) => length === 2);
    // Redis tells that entries were cut off, but not how many of them were of this answer.
    expect([gap?.event, gap?.data.missed]).toEqual(['gap', -1]);
    expect(first?.data.message).not.toBe('<start>');
  });

  it('stops a browser with nothing left to come: session ended, or the stream around its id over', async () => {
    await write('<start>', 'a', '</end>');
    const events = await read(await serving.toEventStreamResponse('s'), ({ length }) => length === 3);
    const lastEventId = events.at(-1)?.id;
    expect((await serving.toEventStreamResponse('s', { lastEventId, until: 'stream-end' })).status).toBe(204);
    const live = await serving.toEventStreamResponse('s', { lastEventId });
    expect(live.status).toBe(200);
    await live.body?.cancel();
    writing.endSession('s');
    await writing.forceFlush();
    expect((await serving.toEventStreamResponse('s', { lastEventId })).status).toBe(204);
  });

  it.each(EVENT_SOURCES)(
    'a deployment in mid-answer: an EventSource of %s has all of it, from the other machine',
    async (_, Source) => {
      const total = 60;
      const webs: Server[] = [];
      const machines = [serving, writing].map((machine) => {
        const web = createServer((request, response) => {
          const lastEventId = request.headers['last-event-id'];
          void machine.sendEventStream(response, 's', { lastEventId, retryMillis: 20, until: 'stream-end' });
        });
        webs.push(web);
        return web;
      });
      for (const web of machines) await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
      let target = 0;
      let refused = 0;
      /** What balances: a connection goes to one machine. */
      const balancer = createServer((request, response) => {
        const { port } = (machines[target] as Server).address() as AddressInfo;
        // The old machine is asked twice more before the balancer knows.
        if (hasShutDown) refused += 1;
        if (refused === 2) target = 1;
        const { headers, url: path } = request;
        const onward = get({ port, path, headers, agent: false }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        onward.on('error', () => response.destroy());
        response.on('close', () => onward.destroy());
      });
      webs.push(balancer);
      await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
      let hasShutDown = false;
      const seen: unknown[] = [];
      const ends: unknown[] = [];
      const source = new Source(`http://127.0.0.1:${(balancer.address() as AddressInfo).port}/`);
      source.addEventListener('message', ({ data }) => {
        const { kind, message } = JSON.parse(String(data)) as { kind: string; message: string };
        if (kind === 'text') seen.push(message);
      });
      source.addEventListener('end', ({ data }) => {
        ends.push(JSON.parse(String(data)));
        source.close();
      });
      try {
        await write('<start>', ...Array.from({ length: 15 }, (__, i) => String(i)));
        await until(() => seen.length === 15, 'the first part is shown');
        await serving.shutdown();
        hasShutDown = true;
        for (let i = 15; i < total; i += 1) await write(String(i));
        await until(() => target === 1, 'the old machine has refused it');
        await write('</end>');
        await until(() => ends.length === 1, 'the end');
      } finally {
        source.close();
        for (const web of webs) {
          web.closeAllConnections();
          await new Promise((resolve) => web.close(resolve));
        }
      }
      expect(seen).toEqual(Array.from({ length: total }, (__, i) => String(i)));
      expect(ends).toEqual([{ reason: 'stream-end' }]);
    },
  );

  it('hanging up on a silent session frees the reader at once', async () => {
    await write('a');
    const response = await serving.toEventStreamResponse('s');
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.read();
    const pending = reader?.read();
    expect(serving.stats().readers).toBe(1);
    await reader?.cancel();
    expect(serving.stats().readers).toBe(0);
    expect((await pending)?.done).toBe(true);
  });

  it('a client that leaves while Redis is away frees the reader that looked ahead for it', async () => {
    await write('a');
    const web = createServer((_, response) => void serving.sendEventStream(response, 's'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const connected = new Promise<Socket>((resolve) => web.once('connection', resolve));
    server.signal('SIGSTOP');
    try {
      const request = get({ port: (web.address() as AddressInfo).port, agent: false }).on('error', () => {});
      const socket = await connected;
      await until(() => serving.stats().readers === 1, 'it looks ahead');
      const closed = new Promise((resolve) => socket.once('close', resolve));
      request.destroy();
      await closed;
      expect(serving.stats().readers).toBe(0);
    } finally {
      server.signal('SIGCONT');
      await new Promise((resolve) => web.close(resolve));
    }
  });

  it('30 connections cut at random places, over two machines: every token once', async () => {
    const total = 600;
    let written = 0;
    const writer = setInterval(() => {
      for (let i = 0; i < 3 && written < total; i += 1) void writing.logChunkToQueue(`${written++}`, 's');
    }, 2);
    const random = randomNumbers();
    const seen: unknown[] = [];
    let lastEventId: string | undefined;
    for (let cut = 0; seen.length < total; cut += 1) {
      const machine = cut % 2 === 0 ? serving : writing;
      const budget = cut < 30 ? Math.floor(random() * 30) : Number.POSITIVE_INFINITY;
      const response = await machine.toEventStreamResponse('s', { lastEventId, wait: true });
      const events = await read(response, ({ length }) => length >= budget || seen.length + length >= total);
      seen.push(...messagesOf(events));
      lastEventId = events.at(-1)?.id ?? lastEventId;
    }
    clearInterval(writer);
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => String(i)));
  });
});
