import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { entryDetail } from '../../../src/entry/entry-detail.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { END, readAll, readCount, START } from '../../../src/store/contract/contract-kit.ts';
import { HOSTILE_IDS } from '../../../src/store/contract/contract-reading.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

describe.skipIf(REDIS === undefined)(`what RedisSessionStore leaves in Redis${WITHOUT_SERVER}`, () => {
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

  for (const [name, makeClient] of Object.entries(BOTH_CLIENTS)) {
    describe(`over ${name}`, () => {
      let prefix: string;
      let store: RedisSessionStore;
      beforeEach(() => {
        prefix = `store:${randomUUID()}`;
        store = new RedisSessionStore({
          client: makeClient(server.port),
          prefix,
          idleTtlMillis: 60_000,
          endedTtlMillis: 20_000,
        });
      });
      afterEach(() => store.close());

      const keyOf = (tag: string): string => `${prefix}:{${tag}}:l`;

      it('a short plain id names its key, any other is hashed: each has its own below the prefix', async () => {
        for (const id of HOSTILE_IDS) store.append(id, 'x', 0, undefined);
        await store.flush();
        const keys = await raw.keys(`${prefix}*`);
        // Of each session its entries and the positions of its producers.
        expect(keys).toHaveLength(2 * HOSTILE_IDS.length);
        for (const key of keys)
          expect(key.slice(prefix.length)).toMatch(/^:\{(?:[A-Za-z0-9_-]{1,64}|h\.[A-Za-z0-9_-]{43})\}:[lp]$/);
        expect(keys).toContain(keyOf('__proto__'));
        const hash = createHash('sha256').update(Buffer.from('../../etc/passwd', 'utf16le')).digest('base64url');
        expect(keys).toContain(keyOf(`h.${hash}`));
        expect(await raw.dbSize()).toBeGreaterThanOrEqual(keys.length);
      });

      it('every key expires: idle, ended and deleted sessions, and a next life gets its time back', async () => {
        for (const id of ['idle', 'ended', 'deleted', 'again']) store.append(id, 'x', 0, undefined);
        store.end('ended');
        store.end('never-begun');
        store.delete('deleted');
        store.end('again');
        await store.flush();
        store.append('again', 'y', 0, undefined);
        await store.flush();
        const ttls = Object.fromEntries(
          await Promise.all(
            ['idle', 'ended', 'deleted', 'again', 'never-begun'].map(
              async (tag) => [tag, await raw.pTTL(keyOf(tag))] as const,
            ),
          ),
        );
        expect(ttls['idle']).toBeGreaterThan(50_000);
        expect(ttls['again']).toBeGreaterThan(50_000);
        for (const tag of ['ended', 'deleted', 'never-begun']) {
          expect(ttls[tag]).toBeGreaterThan(0);
          expect(ttls[tag]).toBeLessThanOrEqual(20_000);
        }
        for (const [tag, ttl] of Object.entries(ttls)) {
          const ofPositions = await raw.pTTL(keyOf(tag).replace(/l$/, 'p'));
          expect(Math.abs(ofPositions - ttl)).toBeLessThan(1_000);
        }
      });

      it('what Redis forgot in between has a time to live again, whatever is written to it', async () => {
        const streams = ['one', 'many', 'answer'];
        const write = async (count: number): Promise<void> => {
          for (let index = 0; index < count; index += 1) store.append('many', 'x', 0, undefined);
          store.append('one', 'x', 0, undefined);
          store.append('answer', 'x', 0, entryDetail({ ...START, streamId: 'x' }));
          await store.flush();
        };
        await write(1);
        await raw.flushAll();
        await write(2);
        for (const tag of streams) {
          for (const kind of ['l', 'p']) {
            const millis = await raw.pTTL(keyOf(tag).replace(/l$/, kind));
            expect([tag, kind, millis > 50_000]).toEqual([tag, kind, true]);
          }
        }
        expect(await raw.xLen(keyOf('many'))).toBe(2);
      });

      it('the time to live is renewed while a session is written to', async () => {
        const brief = new RedisSessionStore({
          client: makeClient(server.port),
          prefix,
          idleTtlMillis: 600,
          endedTtlMillis: 600,
        });
        for (let round = 0; round < 15; round += 1) {
          brief.append('s', String(round), 0, undefined);
          await sleep(100);
        }
        const cursor = brief.open('s', { from: 'start' });
        expect((await readAll(cursor)).messages).toHaveLength(15);
        await sleep(800);
        expect(await raw.exists(keyOf('s'))).toBe(0);
        expect(await cursor.step()).toBe('unknown');
        // A new session under the old id: nothing of it was missed.
        brief.append('s', 'new', 0, undefined);
        expect(await readCount(cursor, 1)).toEqual(['new']);
        expect(cursor.missed).toBe(0);
        cursor.leave();
        await brief.close();
      });

      it('a session that another host ended and Redis forgot begins anew: nobody is told of missed entries', async () => {
        const options = { prefix, idleTtlMillis: 60_000, endedTtlMillis: 300 };
        const hostA = new RedisSessionStore({ client: makeClient(server.port), ...options });
        const hostB = new RedisSessionStore({ client: makeClient(server.port), ...options });
        for (const text of ['a', 'b', 'c']) hostA.append('s', text, 0, undefined);
        await hostA.flush();
        hostB.end('s');
        await hostB.flush();
        await sleep(500);
        expect(await raw.exists(keyOf('s'))).toBe(0);
        const cursor = hostB.open('s', { from: 'start' });
        expect(await cursor.step()).toBe('unknown');
        hostA.append('s', 'd', 0, undefined);
        expect(await readCount(cursor, 1)).toEqual(['d']);
        expect(cursor.missed).toBe(0);
        cursor.leave();
        await Promise.all([hostA.close(), hostB.close()]);
      });

      it('positions of producers are bounded, however many hosts wrote to a session', async () => {
        const key = keyOf('s').replace(/l$/, 'p');
        const old = Array.from({ length: 1_100 }, (_, index) => ({ score: index + 1, value: `old${index}` }));
        await raw.zAdd(key, old);
        store.append('s', 'x', 0, undefined);
        await store.flush();
        expect(await raw.zCard(key)).toBe(1_024);
        const left = await raw.zRange(key, 0, -1);
        expect(left.slice(0, -1)).toEqual(old.slice(-1_023).map(({ value }) => value));
        expect(await raw.pTTL(key)).toBeGreaterThan(0);
      });

      it('the lease of an answer is there while it is open, and expires with its session', async () => {
        const key = keyOf('s').replace(/l$/, 'a');
        store.append('s', 'x', 0, entryDetail({ ...START, streamId: 'x' }));
        store.append('s', 'y', 0, entryDetail({ ...START, streamId: 'a stream id 🙂\ud800' }));
        await store.flush();
        expect(await raw.hLen(key)).toBe(2);
        expect(await raw.pTTL(key)).toBeGreaterThan(50_000);
        store.append('s', 'y', 0, entryDetail({ ...END, streamId: 'a stream id 🙂\ud800' }));
        await store.flush();
        expect(await raw.hKeys(key)).toEqual(['x']);
        store.delete('s');
        await store.flush();
        expect(await raw.exists(key)).toBe(0);
      });

      it('a deleted session leaves nothing but a mark that it was', async () => {
        for (let index = 0; index < 1_000; index += 1) store.append('s', 'secret', 0, undefined);
        await store.flush();
        store.delete('s');
        await store.flush();
        const left = await raw.xRange(keyOf('s'), '-', '+');
        expect(left).toHaveLength(1);
        expect(JSON.stringify(left)).not.toContain('secret');
      });

      it('what was written twice is read once', async () => {
        for (const text of ['a', 'b', 'c']) store.append('s', text, 0, undefined);
        await store.flush();
        const cursor = store.open('s', { from: 'start' });
        await readCount(cursor, 3);
        // As a server that hung may do it: the batch comes again after it was sent again.
        for (const { message } of (await raw.xRange(keyOf('s'), '-', '+')) ?? [])
          await raw.xAdd(keyOf('s'), '*', message);
        store.append('s', 'd', 0, undefined);
        await store.flush();
        const resumed = store.open('s', { from: { after: cursor.lastId as string } });
        const whole = store.open('s', { from: 'start' });
        expect((await readAll(cursor)).messages).toEqual(['d']);
        expect((await readAll(resumed)).messages).toEqual(['d']);
        expect((await readAll(whole)).messages).toEqual(['a', 'b', 'c', 'd']);
        expect([cursor.missed, resumed.missed, whole.missed]).toEqual([0, 0, 0]);
        for (const last of [1, 2, 3, 4, 5, 6, 7, 8]) {
          const newest = store.open('s', { from: { last } });
          expect([(await readAll(newest)).messages, newest.missed]).toEqual([['a', 'b', 'c', 'd'].slice(-last), 0]);
          newest.leave();
        }
        for (const each of [cursor, resumed, whole]) each.leave();
      });

      it('what others wrote into the log is left out, whatever it is', async () => {
        store.append('s', 'a', 0, undefined);
        await store.flush();
        for (const fields of [
          { x1: 'y' },
          { d: 'no entry' },
          { d: '{"t":1}' },
          { d: '{' },
          { d: '[1]', p: 'q', n: 'NaN' },
          { d: '0,fine but of nobody', p: '', n: '-1' },
          { d: '{"t":0,"m":"odd","a":[1],"n":"x","s":5}', p: 'other', n: '1' },
          { d: '{"t":0,"m":"kind","k":"__proto__"}' },
        ] as Record<string, string>[]) {
          await raw.xAdd(keyOf('s'), '*', fields);
        }
        store.append('s', 'b', 0, undefined);
        await store.flush();
        const cursor = store.open('s', { from: 'start' });
        const { messages } = await readAll(cursor);
        expect(messages).toEqual(['a', 'fine but of nobody', 'odd', 'b']);
        expect(store.stats()).toMatchObject({ lost: {}, unreadable: { not_an_entry: 6 } });
        expect(cursor.missed).toBe(0);
        cursor.leave();
        const newest = store.open('s', { from: { last: 3 } });
        expect((await readAll(newest)).messages).toEqual(['fine but of nobody', 'odd', 'b']);
        newest.leave();
      });

      it('subscriptions end with their readers, connections with the store, and the client is never used', async () => {
        const client = makeClient(server.port);
        const own = new RedisSessionStore({ client, prefix });
        const before = await connections();
        const cursors = ['a', 'b', 'b'].map((id) => own.open(id, { from: 'start' }));
        for (const cursor of cursors) {
          await cursor.step();
          cursor.wait({ wake() {} });
        }
        own.append('a', 'x', 0, undefined);
        await own.flush();
        await sleep(50);
        expect((await raw.pubSubChannels(`${prefix}*`)).sort()).toEqual([`${prefix}:{a}:w`, `${prefix}:{b}:w`]);
        expect(await connections()).toBe(before + 3);
        for (const cursor of cursors) cursor.leave();
        await sleep(50);
        expect(await raw.pubSubChannels(`${prefix}*`)).toEqual([]);
        await own.close();
        await sleep(50);
        expect(await connections()).toBe(before);
        const { isOpen, status } = client as { isOpen?: boolean; status?: string };
        expect(isOpen ?? status).toBe(name.startsWith('redis') ? false : 'wait');
      });

      it('a hundred readers of one session share one subscription, and come and go in any order', async () => {
        const cursors = Array.from({ length: 100 }, () => store.open('s', { from: 'now' }));
        for (const cursor of cursors) await cursor.step();
        const reading = cursors.map((cursor) => readCount(cursor, 1));
        await sleep(50);
        expect(await raw.pubSubNumSub([`${prefix}:{s}:w`])).toMatchObject({ [`${prefix}:{s}:w`]: 1 });
        store.append('s', 'x', 0, undefined);
        expect((await Promise.all(reading)).flat()).toEqual(Array.from({ length: 100 }, () => 'x'));
        for (const cursor of cursors) cursor.leave();
        // Left and taken again at once: the subscription must not be lost in between.
        for (let round = 0; round < 20; round += 1) {
          const cursor = store.open('s', { from: 'now' });
          await cursor.step();
          const arrives = readCount(cursor, 1);
          await sleep(round % 3);
          store.append('s', String(round), 0, undefined);
          expect(await arrives).toEqual([String(round)]);
          cursor.leave();
        }
      });
    });
  }

  async function connections(): Promise<number> {
    return Number(/connected_clients:(\d+)/.exec(await raw.info('clients'))?.[1]);
  }
});

describe('options of RedisSessionStore', () => {
  const client = createClient();

  it('names the option that is wrong', () => {
    expect(() => new RedisSessionStore({ client: {} as never })).toThrow(
      /RedisSessionStore: expected `client` to be a client/,
    );
    expect(() => new RedisSessionStore({ client: 'redis://' as never })).toThrow(/`client`/);
    expect(() => new RedisSessionStore({ client, prefix: 'a{b}' })).toThrow(/`prefix`.*"a\{b\}"/);
    expect(() => new RedisSessionStore({ client, maxEntriesPerSession: 0 })).toThrow(/`maxEntriesPerSession`/);
    expect(() => new RedisSessionStore({ client, answerLeaseMillis: 500 })).toThrow(
      /`answerLeaseMillis` to be .* 1,000 or more.*500/,
    );
    expect(() => new RedisSessionStore({ client, idleTtlMilis: 5 } as never)).toThrow(/unknown option `idleTtlMilis`/);
  });
});
