import { randomUUID } from 'node:crypto';

import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../../src/facade/session-logs.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { readAll, readCount, readFrom, woken } from '../../../src/store/contract/contract-kit.ts';
import { sessionName } from '../../../src/store/remote/session-name.ts';
import { RedisFailure } from '../../../src/store/redis/redis-client.ts';
import type { RedisCommand, RedisPort, RedisReply } from '../../../src/store/redis/redis-client.ts';
import { itemIdOf, sessionKeys } from '../../../src/store/redis/redis-keys.ts';
import { nodeRedisPort } from '../../../src/store/redis/redis-node-redis.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

const diagnostics = recordDiagnostics();

/** What a newer version may write: an entry in another format, a kind to come, marks that say more, a new kind of item. */
const NEWER: readonly Readonly<Record<string, string>>[] = [
  { d: '~0,from the future' },
  { d: '{"t":0,"m":"<sources>","k":"sources"}' },
  { erased: '{"session":"s"}' },
  { e: '1;abandoned' },
  { x: 'partly' },
];

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

describe.skipIf(REDIS === undefined)(`what a newer version wrote into Redis${WITHOUT_SERVER}`, () => {
  let server: TestServer;
  let raw: ReturnType<typeof createClient>;
  beforeAll(async () => {
    server = await TestServer.start();
    raw = createClient({ url: server.url });
    await raw.connect();
  });
  afterAll(async () => {
    raw.destroy();
    await server.stop();
  });

  let prefix: string;
  let stores: RedisSessionStore[];
  let written: number;
  beforeEach(() => {
    prefix = `newer:${randomUUID()}`;
    stores = [];
    written = 0;
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));

  const keyOf = (id: string): string => sessionKeys(prefix, sessionName(id)).log;

  function open(client: RedisPort | ReturnType<(typeof BOTH_CLIENTS)[string]>): RedisSessionStore {
    const store = new RedisSessionStore({ client, prefix });
    stores.push(store);
    return store;
  }

  /** As a host does that runs a newer version. */
  async function write(id: string, ...items: readonly Readonly<Record<string, string>>[]): Promise<string[]> {
    const { log, wake } = sessionKeys(prefix, sessionName(id));
    const ids: string[] = [];
    for (const fields of items) {
      // Entries are numbered; a mark has the number of the entry before it.
      if (fields['e'] === undefined && fields['x'] === undefined) written += 1;
      ids.push(await raw.xAdd(log, '*', { ...fields, p: 'newer', n: String(written) }));
    }
    await raw.publish(wake, '');
    return ids;
  }

  for (const [name, makeClient] of Object.entries(BOTH_CLIENTS)) {
    describe(`over ${name}`, () => {
      it('readers leave it out, wherever it stands: nothing is missed or lost, it stays, it is told once', async () => {
        const store = open(makeClient(server.port));
        await write('s', ...NEWER);
        for (const text of ['a', 'b', 'c']) {
          store.append('s', text, 0, undefined);
          await store.flush();
          await write('s', ...NEWER);
        }
        for (const from of ['start', 'stream', 'unread', { after: 'a0a0' }] as const) {
          const cursor = store.open('s', { from });
          expect((await readAll(cursor)).messages).toEqual(['a', 'b', 'c']);
          expect(cursor.missed).toBe(typeof from === 'object' ? -1 : 0);
          cursor.leave();
        }
        expect(await raw.xLen(keyOf('s'))).toBe(3 + 4 * NEWER.length);
        const { lost, unreadable } = store.stats();
        expect(lost).toEqual({});
        expect(Object.keys(unreadable ?? {})).toEqual(['newer_version']);
        expect(unreadable?.['newer_version']).toBeGreaterThanOrEqual(4 * NEWER.length);
        expect(diagnostics.lines.filter((line) => line.includes('newer version'))).toHaveLength(1);
      });

      it('a reader that waits goes on after it, and resumes where it was', async () => {
        const store = open(makeClient(server.port));
        store.append('s', 'a', 0, undefined);
        await store.flush();
        const cursor = store.open('s', { from: 'start' });
        expect(await readCount(cursor, 1)).toEqual(['a']);
        const next = readCount(cursor, 1);
        await write('s', ...NEWER);
        store.append('s', 'b', 0, undefined);
        expect(await next).toEqual(['b']);
        await write('s', ...NEWER, { d: '0,of a newer host, in a known format' });
        expect(await readCount(cursor, 1)).toEqual(['of a newer host, in a known format']);
        expect(cursor.missed).toBe(0);
        const resumed = store.open('s', { from: { after: cursor.lastId as string } });
        store.append('s', 'c', 0, undefined);
        expect(await readCount(resumed, 1)).toEqual(['c']);
        expect(resumed.missed).toBe(0);
        for (const each of [cursor, resumed]) each.leave();
      });

      it('an id that only newer readers come to is resumed from by this version', async () => {
        const store = open(makeClient(server.port));
        store.append('s', 'a', 0, undefined);
        await store.flush();
        for (const [index, item] of NEWER.entries()) {
          const id = itemIdOf((await write('s', item))[0] as string);
          store.append('s', `b${index}`, 0, undefined);
          await store.flush();
          const cursor = store.open('s', { from: { after: id } });
          expect((await readAll(cursor)).messages).toEqual([`b${index}`]);
          expect(cursor.missed).toBe(0);
          expect(await store.streamState('s', id)).toBe('none');
          cursor.leave();
        }
      });

      it('a life that has nothing else lives, and one that ended before is over for this version', async () => {
        const store = open(makeClient(server.port));
        await write('only', { d: '~0,x' });
        expect(await readFrom(store, 'only', 'start')).toMatchObject({ messages: [], step: 'none' });
        store.append('s', 'a', 0, undefined);
        store.end('s');
        await store.flush();
        const cursor = store.open('s', { from: 'start' });
        expect(await readAll(cursor)).toMatchObject({ messages: ['a'], step: 'end' });
        await write('s', { erased: '1' });
        expect(await cursor.step()).toBe('unknown');
        for (const from of ['now', 'start'] as const) {
          expect((await readFrom(store, 's', from)).step).toBe(from === 'now' ? 'unknown' : 'end');
        }
        await write('s', { d: '~0,the next life' });
        expect(await readFrom(store, 's', 'now')).toMatchObject({ messages: [], step: 'none' });
        await woken(cursor);
        expect(await cursor.step()).toBe('none');
        cursor.leave();
      });

      it('streams are found around it', async () => {
        const store = open(makeClient(server.port));
        const sessions = new SessionLogs({ store });
        await sessions.logChunkToQueue('<start>', 's');
        await sessions.logChunkToQueue('old', 's');
        await sessions.logChunkToQueue('</end>', 's');
        await sessions.logChunkToQueue('<start>', 's');
        await sessions.forceFlush();
        await write('s', ...NEWER);
        await sessions.logChunkToQueue('Hel', 's');
        await sessions.forceFlush();
        await write('s', ...NEWER);
        const [hel] = (await collect(sessions.followSession('s', { from: 'stream', until: 'caught-up' }))).slice(-1);
        expect(hel?.message).toBe('Hel');
        expect(await store.streamState('s', hel?.id as string)).toBe('running');
        await sessions.logChunkToQueue('lo', 's');
        await sessions.logChunkToQueue('</end>', 's');
        await sessions.forceFlush();
        const text = new Response(sessions.toReadableStream('s').pipeThrough(new TextEncoderStream())).text();
        expect(await text).toBe('Hello');
        const entries = await collect(sessions.followSession('s', { until: 'caught-up' }));
        const end = entries.at(-1)?.id as string;
        const over = { lastEventId: end, until: 'stream-end' } as const;
        expect((await sessions.toEventStreamResponse('s', over)).status).toBe(204);
        const middle = { lastEventId: entries.at(-3)?.id as string, until: 'stream-end' } as const;
        const resumed = await sessions.toEventStreamResponse('s', middle);
        expect(await resumed.text()).toMatch(/"lo".*stream-end/s);
        await sessions.shutdown();
      });

      it('an answer goes on after a tool call, also where it stands in between', async () => {
        const sessions = new SessionLogs({ store: open(makeClient(server.port)) });
        for (const text of ['<start>', 'a', '<tool>', '</tool>']) await sessions.logChunkToQueue(text, 's');
        await sessions.forceFlush();
        for await (const text of sessions.getSessionLogs('s')) if (text === 'a') break;
        await write('s', { d: '~0,x' });
        for (const text of ['<start>', 'b']) await sessions.logChunkToQueue(text, 's');
        await sessions.forceFlush();
        const answer = sessions.getSessionLogs('s', { from: 'stream', until: 'caught-up' });
        expect(await collect(answer)).toEqual(['<start>', 'a', '<tool>', '</tool>', '<start>', 'b']);
        const unread = sessions.getSessionLogs('s', { until: 'caught-up' });
        expect(await collect(unread)).toEqual(['<tool>', '</tool>', '<start>', 'b']);
        await sessions.shutdown();
      });

      it('a cursor in the shape of a newer version replays the session, and says that entries may be missing', async () => {
        const sessions = new SessionLogs({ store: open(makeClient(server.port)) });
        await sessions.logChunkToQueue('a', 's');
        await sessions.forceFlush();
        const entries = await collect(sessions.followSession('s', { until: 'caught-up' }));
        const id = entries[0]?.id as string;
        for (const lastEventId of [`v2.${id}`, `${id}-1`, `~${id}`, '{"v":2}']) {
          const response = await sessions.toEventStreamResponse('s', { lastEventId, until: 'caught-up' });
          const text = await response.text();
          expect(text).toContain('event: gap\ndata: {"missed":-1}');
          expect(text.match(/"message":"[^"]*"/g)).toEqual(['"message":"a"']);
        }
        await sessions.shutdown();
      });

      it('pop goes on after it, and sets it aside: one pop of the newer version gets each', async () => {
        const store = open(makeClient(server.port));
        const other = open(makeClient(server.port));
        const ids: string[] = [];
        for (let index = 0; index < 20; index += 1) {
          store.append('jobs', String(index), 0, undefined);
          await store.flush();
          ids.push(...(await write('jobs', ...NEWER)));
        }
        const popped = await Promise.all(
          [store, other, store].map(async (each) => {
            const cursor = each.claim('jobs');
            const { messages } = await readAll(cursor);
            cursor.leave();
            return messages;
          }),
        );
        expect(popped.flat().sort((a, b) => Number(a) - Number(b))).toEqual(
          Array.from({ length: 20 }, (_, index) => String(index)),
        );
        const counted = [store, other].map((each) => each.stats().unreadable?.['newer_version'] ?? 0);
        expect(counted.reduce((sum, count) => sum + count, 0)).toBe(ids.length);
        // As the newer version reads what is pending, at two hosts at once.
        const [aside] = (await raw.xReadGroup('w', 'c', { key: keyOf('jobs'), id: '0' })) as unknown as {
          messages: { id: string }[];
        }[];
        expect(aside?.messages.map(({ id }) => id)).toEqual(ids);
        const taken = await Promise.all(ids.flatMap((id) => [0, 1].map(() => raw.xAck(keyOf('jobs'), 'w', id))));
        expect(taken.reduce((sum, count) => sum + count, 0)).toBe(ids.length);
      });

      it('each pop finds the end of the session behind it', async () => {
        const store = open(makeClient(server.port));
        const cursors = [store.claim('jobs'), store.claim('jobs')];
        for (const cursor of cursors) expect(await cursor.step()).toBe('unknown');
        store.append('jobs', 'a', 0, undefined);
        store.end('jobs');
        await store.flush();
        await write('jobs', { erased: '1' }, { e: '2;more' });
        const met = [];
        for (const cursor of cursors) met.push(await readAll(cursor));
        expect(met.flatMap(({ messages }) => messages)).toEqual(['a']);
        expect(met.map(({ step }) => step)).toEqual(['end', 'end']);
        for (const cursor of cursors) cursor.leave();
      });
    });
  }

  it('without the right to set it aside a pop goes on all the same, and says so', async () => {
    const rights =
      '+evalsha +eval +xadd +zscore +zadd +zremrangebyrank +hset +hget +hdel +hgetall +del +time +xrange +xrevrange +pexpire +publish +xgroup|create +xreadgroup +ping +info +hello +client|setname';
    for (const [right, count] of [
      ['+xclaim', 1],
      ['-xclaim', 0],
    ] as const) {
      const login = { username: `user${right}`, password: randomUUID() };
      await raw.sendCommand([
        'ACL',
        'SETUSER',
        login.username,
        'on',
        `>${login.password}`,
        '~*',
        '&*',
        ...rights.split(' '),
        right,
      ]);
      const store = open(createClient({ url: server.url, ...login }));
      await write(right, { d: '~0,x' });
      store.append(right, 'a', 0, undefined);
      await store.flush();
      const cursor = store.claim(right);
      expect((await readAll(cursor)).messages).toEqual(['a']);
      cursor.leave();
      expect(store.stats()).toMatchObject({ lost: {}, unreadable: { newer_version: 1 } });
      expect(await raw.xPending(keyOf(right), 'w')).toMatchObject({ pending: count });
      expect(diagnostics.lines.filter((line) => line.includes('refuses to set aside'))).toHaveLength(1 - count);
    }
  });

  it('a connection that breaks in between is no loss: it is set aside with the next look', async () => {
    let failures = 2;
    const store = open(
      intercept(async (commands, exec) => {
        const replies = await exec(commands);
        return replies.map((reply, index) => {
          if (commands[index]?.args[0] !== 'XCLAIM' || failures === 0) return reply;
          failures -= 1;
          return new RedisFailure('LOADING', new Error('LOADING'));
        });
      }),
    );
    const [id] = await write('jobs', { d: '~0,x' });
    store.append('jobs', 'a', 0, undefined);
    await store.flush();
    const cursor = store.claim('jobs');
    expect(await readCount(cursor, 1)).toEqual(['a']);
    cursor.leave();
    expect(failures).toBe(0);
    expect(store.stats().unreadable).toEqual({ newer_version: 1 });
    expect(await raw.xPendingRange(keyOf('jobs'), 'w', '-', '+', 10)).toMatchObject([{ id }]);
  });

  it('while Redis refuses for a moment, pops that wait try it again after a while, not at once', async () => {
    let tries = 0;
    const refused: (() => void)[] = [];
    const store = open(
      intercept(async (commands, exec) => {
        const isTry = commands[0]?.args[0] === 'XCLAIM';
        if (isTry) {
          tries += 1;
          for (const each of refused.splice(0)) each();
        }
        const replies = await exec(commands);
        return isTry && tries < 50 ? replies.map(() => new RedisFailure('LOADING', new Error('LOADING'))) : replies;
      }),
    );
    await write('jobs', { d: '~0,x' });
    const cursors = [store.claim('jobs'), store.claim('jobs')];
    const first = new Promise<void>((resolve) => refused.push(resolve));
    const reads = cursors.map((cursor) => readCount(cursor, 1));
    await first;
    // In the time of so many round trips a loop without a pause tries as often.
    for (let i = 0; i < 40; i += 1) await raw.ping();
    expect(tries).toBeLessThan(10);
    tries = 50;
    await write('jobs', { d: '0,a' }, { d: '0,b' });
    expect((await Promise.all(reads)).flat().sort()).toEqual(['a', 'b']);
    expect(store.stats().unreadable).toEqual({ newer_version: 1 });
    for (const cursor of cursors) cursor.leave();
  });

  it('entries whose answer was lost are not stored twice behind it', async () => {
    let isAnswerLost = true;
    const store = open(
      intercept(async (commands, exec) => {
        const replies = await exec(commands);
        const isScript = commands[0]?.args[0]?.startsWith('EVAL') === true;
        if (!isAnswerLost || !isScript || replies[0] !== '') return replies;
        isAnswerLost = false;
        for (let round = 0; round < 120; round += 1) await write('s', ...NEWER);
        return replies.map(() => new RedisFailure(undefined, new Error('lost')));
      }),
    );
    for (const text of ['a', 'b', 'c']) store.append('s', text, 0, undefined);
    await store.flush();
    const cursor = store.open('s', { from: 'start' });
    expect((await readAll(cursor)).messages).toEqual(['a', 'b', 'c']);
    expect(cursor.missed).toBe(0);
    cursor.leave();
    expect(await raw.xLen(keyOf('s'))).toBe(3 + 120 * NEWER.length);
  });

  /** A port over node-redis whose answers a test changes. */
  function intercept(
    exec: (
      commands: readonly RedisCommand[],
      inner: (commands: readonly RedisCommand[]) => Promise<readonly RedisReply[]>,
    ) => Promise<readonly RedisReply[]>,
  ): RedisPort {
    const inner = nodeRedisPort(createClient({ url: server.url }) as never);
    return {
      isCluster: false,
      connect(events) {
        const connection = inner.connect(events);
        return {
          exec: (commands) => exec(commands, (each) => connection.exec(each)),
          subscribe: (channel) => connection.subscribe(channel),
          unsubscribe: (channel) => connection.unsubscribe(channel),
          close: () => connection.close(),
        };
      },
    };
  }
});
