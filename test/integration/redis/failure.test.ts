import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { entryDetail } from '../../../src/entry/entry-detail.ts';
import { SessionLogs } from '../../../src/index.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { END, readAll, readCount, START } from '../../../src/store/contract/contract-kit.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { runLoad } from './load.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

const NOTHING_WRONG = { lost: 0, duplicated: 0, reordered: 0, stuck: 0 };

describe.skipIf(REDIS === undefined)(`failures of Redis${WITHOUT_SERVER}`, () => {
  for (const [name, makeClient] of Object.entries(BOTH_CLIENTS)) {
    describe(`over ${name}`, () => {
      const diagnostics = recordDiagnostics();
      let server: TestServer;
      let stores: RedisSessionStore[];

      beforeEach(async () => {
        stores = [];
        server = await TestServer.prepare(['--appendonly', 'yes', '--appendfsync', 'everysec']);
      });
      afterEach(async () => {
        await Promise.all(stores.map((store) => store.close(100).catch(() => {})));
        await server.stop();
      });

      function storeOf(options: object = {}): RedisSessionStore {
        const store = new RedisSessionStore({ client: makeClient(server.port), ...options });
        stores.push(store);
        return store;
      }

      function warnings(): string[] {
        return diagnostics.lines.filter((line) => line.startsWith('warn'));
      }

      it('absent at start: nothing waits or throws, and everything arrives once it is there', async () => {
        const store = storeOf();
        const cursor = store.open('s', { from: 'start' });
        expect(await cursor.step()).toBe('none');
        for (let index = 0; index < 1_000; index += 1) {
          expect(store.append('s', String(index), 0, undefined)).toBe(true);
        }
        await sleep(700);
        await expect(store.flush(50)).rejects.toMatchObject({ code: 'flush_timeout', pending: 1_000 });
        expect(warnings()).toHaveLength(1);
        await server.start();
        expect(await readCount(cursor, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index)));
        expect(cursor.missed).toBe(0);
        cursor.leave();
      });

      it('absent for good: what a bound drops is counted, close ends in time and says what is lost', async () => {
        const store = storeOf({ maxPendingEntries: 100 });
        const accepted = Array.from({ length: 150 }, () => store.append('s', 'x', 0, undefined));
        expect(accepted.filter(Boolean)).toHaveLength(100);
        expect(store.stats()).toMatchObject({ entries: 100, lost: { store_full: 50 } });
        await expect(store.close(50)).rejects.toMatchObject({ code: 'flush_timeout', pending: 100 });
        expect(store.stats()).toMatchObject({ entries: 0, bytes: 0, lost: { store_full: 50, after_shutdown: 100 } });
      });

      it('a bound in bytes counts too', () => {
        const store = storeOf({ maxPendingBytes: 10_000 });
        expect(store.append('s', 'x'.repeat(4_000), 0, undefined)).toBe(true);
        expect(store.append('s', 'x'.repeat(4_000), 0, undefined)).toBe(false);
        expect(store.stats().lost).toEqual({ store_full: 1 });
      });

      it('what a bound dropped, readers miss and are told', async () => {
        await server.start();
        const store = storeOf({ maxPendingEntries: 100 });
        const cursor = store.open('s', { from: 'start' });
        await cursor.step();
        for (let index = 0; index < 150; index += 1) store.append('s', String(index), 0, undefined);
        await store.flush();
        store.append('s', 'after', 0, undefined);
        await store.flush();
        const { messages } = await readAll(cursor);
        expect(messages).toHaveLength(101);
        expect(cursor.missed).toBe(50);
        cursor.leave();
      });

      it('killed and restarted with its log: nothing is lost, doubled or reordered', async () => {
        await server.start();
        const tally = await runLoad(
          storeOf(),
          storeOf(),
          { sessions: 20, perSecond: 2_000, millis: 2_500 },
          async () => {
            await sleep(600);
            await server.kill();
            await sleep(1_000);
            await server.start();
          },
        );
        expect(tally).toMatchObject({ ...NOTHING_WRONG, logged: 5_000, missed: 0 });
        // One line when it went, one when it was back, of either host.
        expect(warnings().length).toBeLessThanOrEqual(4);
      });

      it('restarted empty: readers go on, and what is gone is what they are told they missed', async () => {
        await server.stop();
        server = await TestServer.start();
        const tally = await runLoad(
          storeOf(),
          storeOf(),
          { sessions: 20, perSecond: 4_000, millis: 2_000, resumeChance: 0 },
          async () => {
            await sleep(600);
            await server.kill();
            await server.start();
            await sleep(400);
            await server.kill();
            await server.start();
          },
        );
        expect(tally).toMatchObject({ duplicated: 0, reordered: 0, stuck: 0 });
        expect(tally.missed).toBe(tally.lost);
      });

      it('a reader behind a server that lost its log is told exactly how many it missed', async () => {
        await server.stop();
        server = await TestServer.start();
        const store = storeOf();
        const cursor = store.open('s', { from: 'start' });
        await cursor.step();
        for (let index = 0; index < 100; index += 1) store.append('s', String(index), 0, undefined);
        await store.flush();
        // A page is read at once: what it does not hold is lost with the server.
        const first = await readCount(cursor, 10);
        expect(first.at(-1)).toBe('9');
        await server.kill();
        await server.start();
        for (let index = 100; index < 110; index += 1) store.append('s', String(index), 0, undefined);
        await store.flush();
        const rest: string[] = [];
        while (rest.at(-1) !== '109') rest.push(...(await readCount(cursor, 1)));
        expect(rest.slice(-10)).toEqual(Array.from({ length: 10 }, (_, index) => String(100 + index)));
        expect(cursor.missed).toBe(100 - rest.length);
        expect(cursor.missed).toBeGreaterThan(0);
        cursor.leave();
      });

      it('connections cut every 100 ms: nothing is lost, doubled or reordered, and the log stays quiet', async () => {
        await server.start();
        const tally = await runLoad(
          storeOf(),
          storeOf(),
          { sessions: 20, perSecond: 3_000, millis: 2_000, resumeChance: 0.02 },
          async () => {
            for (let round = 0; round < 18; round += 1) {
              await server.killConnections();
              await sleep(100);
            }
          },
        );
        expect(tally).toMatchObject({ ...NOTHING_WRONG, logged: 6_000, missed: 0 });
        expect(warnings().length).toBeLessThanOrEqual(4);
      });

      it('hangs for 4 s: what it did meanwhile is not done twice', async () => {
        await server.start();
        const tally = await runLoad(
          storeOf(),
          storeOf(),
          { sessions: 20, perSecond: 2_000, millis: 5_000 },
          async () => {
            await sleep(500);
            server.signal('SIGSTOP');
            await sleep(4_000);
            server.signal('SIGCONT');
          },
        );
        expect(tally).toMatchObject({ ...NOTHING_WRONG, logged: 10_000, missed: 0 });
      });

      it('a full server takes a deletion, which makes room', async () => {
        await server.start();
        const store = storeOf();
        store.append('s', 'secret', 0, undefined);
        await store.flush();
        await server.command('CONFIG', 'SET', 'maxmemory', '1');
        store.delete('s');
        await store.flush(5_000);
        expect(await server.command('XLEN', 'session_logs:{s}:l')).toBe(':1\r\n');
        expect(store.stats().lost).toEqual({});
        const cursor = store.open('s', { from: 'start' });
        expect(await cursor.step()).toBe('unknown');
        cursor.leave();
      });

      it('out of memory: entries wait and arrive when there is room', async () => {
        await server.start();
        const store = storeOf();
        await store.flush();
        await server.command('CONFIG', 'SET', 'maxmemory', '1');
        const cursor = store.open('s', { from: 'start' });
        await cursor.step();
        for (let index = 0; index < 500; index += 1) store.append('s', String(index), 0, undefined);
        await sleep(500);
        expect(store.stats().entries).toBe(500);
        expect(warnings().filter((line) => line.includes('OOM'))).toHaveLength(1);
        await server.command('CONFIG', 'SET', 'maxmemory', '0');
        expect(await readCount(cursor, 500)).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
        expect(cursor.missed).toBe(0);
        expect(store.stats().lost).toEqual({});
        cursor.leave();
      });

      it('read-only: entries wait and arrive when it takes writes again', async () => {
        await server.start();
        const store = storeOf();
        store.append('s', 'before', 0, undefined);
        await store.flush();
        await server.command('REPLICAOF', '127.0.0.1', '1');
        for (let index = 0; index < 100; index += 1) store.append('s', String(index), 0, undefined);
        await sleep(500);
        expect(store.stats().entries).toBe(100);
        await server.command('REPLICAOF', 'NO', 'ONE');
        await store.flush();
        const cursor = store.open('s', { from: 'start' });
        expect((await readAll(cursor)).messages).toHaveLength(101);
        expect(store.stats().lost).toEqual({});
        cursor.leave();
      });

      it('a key of another type: its session is dropped and counted, the others go on', async () => {
        await server.start();
        const store = storeOf();
        await server.command('SET', 'session_logs:{bad}:l', 'x');
        for (let index = 0; index < 10; index += 1) {
          store.append('bad', 'x', 0, undefined);
          store.append('good', String(index), 0, undefined);
        }
        await store.flush();
        expect(store.stats().lost).toEqual({ store_refused: 10 });
        expect(warnings().filter((line) => line.includes('WRONGTYPE'))).toHaveLength(1);
        const cursor = store.open('good', { from: 'start' });
        expect((await readAll(cursor)).messages).toHaveLength(10);
        cursor.leave();
      });

      it('the minimum of rights is enough for everything', async () => {
        await server.start();
        await setUser(server, ...MINIMUM_RIGHTS);
        const store = new RedisSessionStore({ client: makeClient(server.port, LOGIN) });
        stores.push(store);
        const sessions = new SessionLogs({ store });
        const arrives = readCount(store.open('s', { from: 'start' }), 2);
        store.append('s', 'a', 0, undefined);
        store.append('s', 'b', 0, undefined);
        expect(await arrives).toEqual(['a', 'b']);
        await store.flush();
        const popped: string[] = [];
        for await (const message of sessions.pop('s', { idleTimeoutMillis: 100 })) popped.push(message);
        expect(popped).toEqual(['a', 'b']);
        sessions.endSession('s');
        sessions.deleteSession('s');
        await store.flush();
        expect(warnings()).toEqual([]);
        expect(store.stats().lost).toEqual({});
      });

      it('without the right to write: dropped, counted, told once', async () => {
        await server.start();
        await setUser(server, ...MINIMUM_RIGHTS, '-xadd');
        const store = new RedisSessionStore({ client: makeClient(server.port, LOGIN) });
        stores.push(store);
        for (let round = 0; round < 5; round += 1) {
          store.append('s', 'x', 0, undefined);
          await store.flush();
        }
        expect(store.stats().lost).toEqual({ store_refused: 5 });
        expect(warnings().filter((line) => line.includes('NOPERM'))).toHaveLength(1);
      });

      it.each([
        ['scripts', ['-evalsha', '-eval']],
        ['scripts by their text', ['-eval']],
        ['the positions', ['-zadd']],
        ['its keys', ['resetkeys', '~elsewhere:*']],
      ])('where %s are forbidden one line says what to allow; entries are dropped and counted', async (_, rights) => {
        await server.start();
        await setUser(server, ...MINIMUM_RIGHTS, ...rights);
        const store = new RedisSessionStore({ client: makeClient(server.port, LOGIN) });
        stores.push(store);
        for (let round = 0; round < 3; round += 1) {
          store.append('s', 'x', 0, undefined);
          store.append('t', 'x', 0, undefined);
          await store.flush();
        }
        expect(store.stats()).toMatchObject({ entries: 0, lost: { store_refused: 6 } });
        expect(warnings()).toEqual([
          expect.stringMatching(/refuses entries \(NOPERM\).*grant the Redis user \+evalsha \+eval \+xadd/),
        ]);
        expect(warnings()[0]).toContain('~session_logs:* &session_logs:*');
      });

      it('without a right that only what stands beside the entries needs, they are stored, and it is said', async () => {
        await server.start();
        for (const rights of [['-publish', '-pexpire'], ['-hset', '-hdel', '-del'], ['-time']]) {
          await setUser(server, ...MINIMUM_RIGHTS, ...rights);
          const store = new RedisSessionStore({
            client: makeClient(server.port, LOGIN),
            prefix: `session_logs:${rights[0]}`,
          });
          stores.push(store);
          for (const fields of [START, undefined, END]) {
            store.append('s', 'x', 0, fields && entryDetail(fields));
            await store.flush();
          }
          expect(store.stats()).toMatchObject({ entries: 0, lost: {} });
          const cursor = store.open('s', { from: 'start' });
          expect((await readAll(cursor)).messages).toEqual(['x', 'x', 'x']);
          cursor.leave();
          expect(warnings().filter((line) => line.includes('refuses a part of the work'))).not.toEqual([]);
          diagnostics.lines.length = 0;
        }
      });

      it('without the right to subscribe: readers learn of entries all the same, later', async () => {
        await server.start();
        await setUser(server, ...MINIMUM_RIGHTS, '-subscribe');
        const store = new RedisSessionStore({ client: makeClient(server.port, LOGIN) });
        stores.push(store);
        const sessions = new SessionLogs({ store });
        const reader = sessions.followSession('s');
        const first = reader.next();
        await sleep(100);
        store.append('s', 'x', 0, undefined);
        expect((await first).value?.message).toBe('x');
        await reader.return();
        expect(warnings().filter((line) => line.includes('subscription'))).toHaveLength(1);
      });
    });
  }
});

const LOGIN = { username: 'app', password: 'secret' };
/** As the README gives them. */
const MINIMUM_RIGHTS =
  '~session_logs:* &session_logs:* +evalsha +eval +xadd +zscore +zadd +zremrangebyrank +hset +hget +hdel +hgetall +del +time +pexpire +publish +xrange +xrevrange +subscribe +unsubscribe +xgroup|create +xreadgroup +xclaim +ping +info +hello +client|setname'.split(
    ' ',
  );

async function setUser(server: TestServer, ...rights: readonly string[]): Promise<void> {
  const reply = await server.command('ACL', 'SETUSER', LOGIN.username, 'reset', 'on', `>${LOGIN.password}`, ...rights);
  if (!reply.startsWith('+OK')) throw new Error(reply);
}
