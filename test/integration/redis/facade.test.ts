import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs, SessionLogsError, STREAM_END_TOKEN, STREAM_START_TOKEN } from '../../../src/index.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { startSessionLogs } from '../../../src/start/start-session-logs.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

const run = promisify(execFile);

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

interface SseFrame {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

async function frames(response: Response, count = Infinity): Promise<SseFrame[]> {
  const found: SseFrame[] = [];
  let text = '';
  const body = response.body as ReadableStream<Uint8Array>;
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: ?(.*)/s) as [string, string]),
      );
      text = text.slice(end + 2);
      const data = fields.get('data');
      if (data !== undefined) found.push({ id: fields.get('id'), event: fields.get('event'), data });
      if (found.length >= count) return found;
    }
  }
  return found;
}

describe.skipIf(REDIS === undefined)(`the facade over Redis${WITHOUT_SERVER}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  for (const [name, makeClient] of Object.entries(BOTH_CLIENTS)) {
    describe(`over ${name}`, () => {
      let hostA: SessionLogs;
      let hostB: SessionLogs;
      let storeA: RedisSessionStore;

      beforeEach(() => {
        const prefix = `facade:${randomUUID()}`;
        storeA = new RedisSessionStore({ client: makeClient(server.port), prefix });
        hostA = new SessionLogs({ store: storeA });
        hostB = new SessionLogs({ store: new RedisSessionStore({ client: makeClient(server.port), prefix }) });
      });
      afterEach(() => Promise.all([hostA.shutdown(), hostB.shutdown()]));

      it('an error is readable on another host: name, message, stack, causes; its text is none of the answer', async () => {
        const err = new TypeError('outer', { cause: new RangeError('inner') });
        const { name: type, message, stack } = err;
        const cause = err.cause as RangeError;
        hostA.withSession('s', () => hostA.logger.error('failed', { err, at: new Date(0) }, { exception: err }));
        void hostA.logChunkToQueue('half an answer', 's');
        void hostA.logChunkToQueue('no more credit', 's', { kind: 'error' });
        hostA.endSession('s');
        const [first, , third] = await collect(hostB.followSession('s'));
        expect(first?.attributes).toEqual({
          'exception.type': 'TypeError',
          'exception.message': 'outer',
          'exception.stacktrace': `${stack}\nCaused by: ${cause.stack}`,
          err: { name: type, message, stack, cause: { name: 'RangeError', message: 'inner', stack: cause.stack } },
          at: '1970-01-01T00:00:00.000Z',
        });
        expect(third).toMatchObject({ kind: 'error', message: 'no more credit' });
        expect(await collect(hostB.getSessionLogs('s'))).toEqual(['half an answer']);
      });

      it('who comes after the end of a session that never had an entry does not wait, on any host', async () => {
        hostA.endSession('s');
        await hostA.forceFlush();
        for (const host of [hostA, hostB]) {
          for (const reader of [host.followSession('s'), host.getSessionLogs('s')]) {
            expect(await collect<unknown>(reader)).toEqual([]);
            expect(reader.endReason).toBe('session-end');
          }
        }
        const work = hostB.pop('s');
        expect(await collect(work)).toEqual([]);
        expect(work.endReason).toBe('session-end');
        const next = hostB.getSessionLogs('s');
        const pending = next.next();
        void hostA.logChunkToQueue('the next turn', 's');
        expect(await pending).toEqual({ value: 'the next turn', done: false });
        await next.return();
      });

      it('what one host logs, the other reads to the end of the session', async () => {
        const reading = collect(hostB.getSessionLogs('s'));
        for (const chunk of ['a', 'b', 'c']) await hostA.logChunkToQueue(chunk, 's');
        hostA.endSession('s');
        expect(await reading).toEqual(['a', 'b', 'c']);
      });

      it('entries arrive whole: kind, attributes, severity, time', async () => {
        await hostA.logChunkToQueue('x', 's', {
          attributes: { 'user.tier': 'gold', n: 1 },
          timestamp: 1_700_000_000_000,
        });
        hostA.withSession('s', () => hostA.logger.warn('careful', { code: 7 }));
        await hostA.logChunkToQueue(STREAM_START_TOKEN, 's');
        await hostA.forceFlush();
        const entries = await collect(hostB.followSession('s', { until: 'caught-up' }));
        expect(entries).toMatchObject([
          {
            message: 'x',
            timestamp: '2023-11-14T22:13:20.000Z',
            attributes: { 'user.tier': 'gold', n: 1 },
            kind: 'text',
          },
          { message: 'careful', logType: 'log', severityNumber: 13, attributes: { code: 7 } },
          { message: STREAM_START_TOKEN, kind: 'stream-start', logType: 'chat' },
        ]);
        expect(Object.isFrozen(entries[0])).toBe(true);
      });

      it('pop gives each entry to exactly one consumer of all hosts, in order', async () => {
        const popped: number[][] = [];
        const consumers = [hostA, hostB, hostA, hostB].map(async (host) => {
          const mine: number[] = [];
          popped.push(mine);
          for await (const message of host.pop('jobs')) mine.push(Number(message));
        });
        for (let index = 0; index < 200; index += 1) await hostA.logChunkToQueue(String(index), 'jobs');
        await hostA.forceFlush();
        while (popped.flat().length < 200) await new Promise((resolve) => setTimeout(resolve, 10));
        hostA.endSession('jobs');
        await Promise.all(consumers);
        expect(popped.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => index));
        for (const mine of popped) expect(mine).toEqual([...mine].sort((a, b) => a - b));
      });

      it('pop that is given up does not lose what it had claimed', async () => {
        const idle = await collect(hostB.pop('jobs', { idleTimeoutMillis: 0 }));
        expect(idle).toEqual([]);
        const controller = new AbortController();
        const pending = hostB.pop('jobs', { signal: controller.signal }).next();
        setTimeout(() => controller.abort(new Error('enough')), 20);
        await expect(pending).rejects.toThrow('enough');
        for (const chunk of ['a', 'b']) await hostA.logChunkToQueue(chunk, 'jobs');
        await hostA.forceFlush();
        expect(await collect(hostB.pop('jobs', { idleTimeoutMillis: 200 }))).toEqual(['a', 'b']);
      });

      it('server-sent events begun at one host are resumed at the other', async () => {
        await hostA.logChunkToQueue(STREAM_START_TOKEN, 's');
        for (const chunk of ['a', 'b', 'c']) await hostA.logChunkToQueue(chunk, 's');
        await hostA.forceFlush();
        const first = await frames(await hostA.toEventStreamResponse('s', { tokens: false }), 2);
        expect(first.map(({ data }) => (JSON.parse(data) as { message: string }).message)).toEqual(['a', 'b']);
        await hostA.logChunkToQueue('d', 's');
        await hostA.logChunkToQueue(STREAM_END_TOKEN, 's');
        hostA.endSession('s');
        await hostA.forceFlush();
        const lastEventId = first[1]?.id as string;
        const rest = await frames(await hostB.toEventStreamResponse('s', { lastEventId, tokens: false }));
        expect(rest.map(({ event, data }) => event ?? (JSON.parse(data) as { message: string }).message)).toEqual([
          'c',
          'd',
          'end',
        ]);
        const over = rest.at(-2)?.id as string;
        expect((await hostB.toEventStreamResponse('s', { lastEventId: over, tokens: false })).status).toBe(204);
        // Not there may be lost: it is waited for.
        const [lost] = await frames(await hostB.toEventStreamResponse('nobody', { lastEventId: over }), 1);
        expect([lost?.event, lost?.data]).toEqual(['gap', '{"missed":-1}']);
      });

      it('a stream out closes after the answer', async () => {
        const text = new Response(hostB.toReadableStream('s').pipeThrough(new TextEncoderStream())).text();
        await hostA.logChunkToQueue(STREAM_START_TOKEN, 's');
        for (const chunk of ['Hel', 'lo']) await hostA.logChunkToQueue(chunk, 's');
        await hostA.logChunkToQueue(STREAM_END_TOKEN, 's');
        await hostA.logChunkToQueue('later', 's');
        expect(await text).toBe('Hello');
      });

      it('a turn that was cut off never shows up in the next turn', async () => {
        await hostA.logChunkToQueue(STREAM_START_TOKEN, 's');
        for (const chunk of ['one', 'two', 'three']) await hostA.logChunkToQueue(chunk, 's');
        await hostA.forceFlush();
        for await (const chunk of hostB.getSessionLogs('s')) if (chunk === 'one') break;
        await hostA.logChunkToQueue(STREAM_END_TOKEN, 's');
        await hostA.logChunkToQueue(STREAM_START_TOKEN, 's');
        await hostA.logChunkToQueue('next', 's');
        hostA.endSession('s');
        await hostA.forceFlush();
        expect(await collect(hostB.getSessionLogs('s', { tokens: false }))).toEqual(['next']);
      });

      it('deleting a session ends its readers everywhere', async () => {
        await hostA.logChunkToQueue('a', 's');
        const reader = hostB.followSession('s');
        expect((await reader.next()).value?.message).toBe('a');
        const ends = reader.next();
        hostA.deleteSession('s');
        expect((await ends).done).toBe(true);
        expect(reader.endReason).toBe('deleted');
        await hostA.forceFlush();
        expect(await collect(hostB.followSession('s', { wait: false }))).toEqual([]);
      });

      it('a reader opened after a chunk was logged in its process finds it, stored or not yet', async () => {
        void hostA.logChunkToQueue('a', 's');
        expect(await collect(hostA.getSessionLogs('s', { until: 'caught-up' }))).toEqual(['a']);
        void hostA.logChunkToQueue('b', 's');
        const now = hostA.followSession('s', { from: 'now' });
        const next = now.next();
        await hostA.forceFlush();
        void hostA.logChunkToQueue('c', 's');
        expect((await next).value?.message).toBe('c');
        await now.return();
        void hostA.logChunkToQueue('job', 'jobs');
        expect(await collect(hostA.pop('jobs', { idleTimeoutMillis: 0 }))).toEqual(['job']);
      });

      it('a deleted session is gone for its own process at once', async () => {
        for (let index = 0; index < 20; index += 1) void hostA.logChunkToQueue(String(index), 's');
        const reader = hostA.followSession('s');
        expect((await reader.next()).value?.message).toBe('0');
        hostA.deleteSession('s');
        expect((await reader.next()).done).toBe(true);
        expect(reader.endReason).toBe('deleted');
        expect(await collect(hostA.followSession('s', { wait: false }))).toEqual([]);
        void hostA.logChunkToQueue('new', 's');
        expect(await collect(hostA.followSession('s', { until: 'caught-up' }))).toMatchObject([{ message: 'new' }]);
      });

      it('what only an embedded store can do says so', () => {
        expect(() => hostA.getAllLogsInQueue()).toThrow(SessionLogsError);
        expect(() => hostA.getAllLogsInQueue()).toThrow(/followSession/);
        expect(() => hostA.followAll()).toThrow(/followSession/);
      });

      it('the lists of sessions are those of this process', async () => {
        await hostA.logChunkToQueue('x', 'b');
        await hostA.logChunkToQueue('x', 'a');
        expect(hostA.allSessionsInQueue).toEqual(['a', 'b']);
        expect(hostB.allSessionsInQueue).toEqual([]);
        const reader = hostB.followSession('waited', { idleTimeoutMillis: 500 });
        const waits = reader.next();
        await hostA.forceFlush();
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(hostB.allSessionsInQueues).toEqual(['waited']);
        await reader.return();
        await waits;
        expect(hostB.allSessionsInQueues).toEqual([]);
        expect(hostB.stats().readers).toBe(0);
      });

      it('shutdown stores everything, and readers of this host end', async () => {
        const reader = hostA.followSession('s');
        const first = reader.next();
        for (let index = 0; index < 1_000; index += 1) void hostA.logChunkToQueue(String(index), 's');
        await hostA.shutdown();
        expect((await first).value?.message).toBe('0');
        expect(await collect(reader)).toHaveLength(999);
        expect(reader.endReason).toBe('shutdown');
        await expect(hostA.followSession('s').next()).rejects.toMatchObject({ code: 'shut_down' });
        expect(await collect(hostB.followSession('s', { until: 'caught-up' }))).toHaveLength(1_000);
      });

      it('startSessionLogs takes the store, and its forceFlush includes it', async () => {
        const prefix = `start:${randomUUID()}`;
        const store = new RedisSessionStore({ client: makeClient(server.port), prefix });
        const sessions = await startSessionLogs({ store, file: false, console: false });
        await sessions.logChunkToQueue('hello', 's');
        await sessions.forceFlush();
        expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
        expect(await collect(sessions.getSessionLogs('s', { until: 'caught-up' }))).toEqual(['hello']);
        await sessions.shutdown();
      });

      it('a client that hangs up frees its reader at once', async () => {
        const response = await hostB.toEventStreamResponse('silent');
        const body = (response.body as ReadableStream<Uint8Array>).getReader();
        await body.read();
        const silent = body.read();
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(hostB.stats().readers).toBe(1);
        await body.cancel();
        await silent;
        expect(hostB.stats().readers).toBe(0);
      });
    });
  }

  it('a script that logs, reads and does nothing else ends by itself with everything stored', async () => {
    const script = fileURLToPath(new URL('script.ts', import.meta.url));
    for (const client of ['redis', 'ioredis']) {
      const { stdout } = await run(process.execPath, ['--import', 'tsx', script, client, String(server.port)]);
      expect(stdout).toBe('Hello\nworld\n');
      expect(await server.command('XLEN', `script-${client}:{s}:l`)).toBe(':3\r\n');
    }
  });

  it('the example of two hosts: two processes, one session', async () => {
    const example = fileURLToPath(new URL('../../../examples/two-hosts.ts', import.meta.url));
    const env = { ...process.env, REDIS_URL: server.url };
    const { stdout } = await run(process.execPath, ['--import', 'tsx', example], { env });
    const words = [...stdout.matchAll(/host B, process \d+: (.*) $/gm)].map(([, word]) => word);
    expect(words.join(' ')).toBe('One log per session, readable from any host.');
    expect(stdout).toContain('ended by session-end, missed 0');
  });
});
