import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SessionLogs } from '../../../src/index.ts';
import type { LogEntry } from '../../../src/index.ts';
import { RedisSessionStore } from '../../../src/redis.ts';
import { until } from '../../support/until.ts';
import { BOTH_CLIENTS } from './clients.ts';
import { REDIS, TestServer, WITHOUT_SERVER } from './server.ts';

const LEASE_MILLIS = 4_000;
const SCRIPT = fileURLToPath(new URL('producer.ts', import.meta.url));

interface Reading {
  readonly entries: LogEntry[];
  readonly endReason: () => string | undefined;
}

const texts = ({ entries }: Reading): string[] => entries.map(({ message }) => message);

describe.skipIf(REDIS === undefined)(`an answer whose producer is gone${WITHOUT_SERVER}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  for (const [name, makeClient] of Object.entries(BOTH_CLIENTS)) {
    describe(`over ${name}`, () => {
      let producer: ChildProcessWithoutNullStreams;
      let written: string;
      let hosts: SessionLogs[];

      beforeEach(async () => {
        const prefix = `lease:${randomUUID()}`;
        const args = ['--import', 'tsx', SCRIPT, name, String(server.port), prefix, String(LEASE_MILLIS)];
        producer = spawn(process.execPath, args);
        producer.stderr.pipe(process.stderr);
        written = '';
        producer.stdout.setEncoding('utf8').on('data', (text: string) => (written += text));
        hosts = [0, 1].map(() => {
          const store = new RedisSessionStore({
            client: makeClient(server.port),
            prefix,
            answerLeaseMillis: LEASE_MILLIS,
          });
          return new SessionLogs({ store });
        });
        // A busy machine takes long to load it.
        await until(() => written === 'ready\n', 'the producer is there', 200_000);
        written = '';
      });
      afterEach(async () => {
        producer.kill('SIGKILL');
        await Promise.all(hosts.map((host) => host.shutdown()));
      });

      function read(host: SessionLogs | undefined, end: 'stream-end' | 'session-end'): Reading {
        const reader = (host as SessionLogs).followSession('s', { until: end });
        const entries: LogEntry[] = [];
        void (async () => {
          for await (const entry of reader) entries.push(entry);
        })();
        return { entries, endReason: () => reader.endReason };
      }

      async function write(...lines: readonly string[]): Promise<void> {
        const before = written.length;
        const expected = lines.map((line) => `${line}\n`).join('');
        producer.stdin.write(expected);
        await until(() => written.length === before + expected.length, 'what was written is stored');
      }

      it('by SIGKILL is finished for who asks, although nobody reads', async () => {
        const [host] = hosts as [SessionLogs];
        expect(await host.answerState('s')).toBe('none');
        await write('<start>', 'half an');
        expect(await host.answerState('s')).toBe('running');
        producer.kill('SIGKILL');
        await once(producer, 'close');
        const begin = performance.now();
        while ((await host.answerState('s')) === 'running') {
          expect(performance.now() - begin).toBeLessThan(6 * LEASE_MILLIS);
          await sleep(100);
        }
        expect(await host.answerState('s')).toBe('finished');
      });

      it('that is consumed on one host is read, stopped and asked for on another', async () => {
        const [one, other] = hosts as [SessionLogs, SessionLogs];
        const stop = new AbortController();
        const source = async function* (): AsyncGenerator<string> {
          for (let n = 0; !stop.signal.aborted; n += 1) {
            yield `${n} `;
            await sleep(5);
          }
        };
        const attributes = { 'gen_ai.request.model': 'm' };
        const consumed = one.consume('c', source(), { signal: stop.signal, export: false, attributes });
        expect(await one.answerState('c')).toBe('running');
        expect(await other.answerState('c')).toBe('running');
        const reader = other.followSession('c', { from: 'stream', until: 'stream-end' });
        const entries: LogEntry[] = [];
        for await (const entry of reader) if (entries.push(entry) === 10) stop.abort();
        expect(await consumed).toEqual({ finishReason: 'aborted', usage: undefined });
        expect(entries.filter(({ kind }) => kind === 'text').map(({ message }) => message)).toEqual(
          Array.from({ length: entries.length - 2 }, (_, n) => `${n} `),
        );
        expect(entries.at(-1)?.attributes).toEqual({ ...attributes, 'gen_ai.response.finish_reasons': ['aborted'] });
        expect(await other.answerState('c')).toBe('finished');
      });

      it('by SIGKILL ends with finish reason `abandoned`, once, for the readers of two hosts', async () => {
        const readings = hosts.map((host) => read(host, 'stream-end'));
        const staying = hosts.map((host) => read(host, 'session-end'));
        await write('<start>', 'half an');
        // Alive and silent: longer than the lease lasts.
        await sleep(2 * LEASE_MILLIS);
        for (const reading of readings) expect(texts(reading)).toEqual(['<start>', 'half an']);
        producer.kill('SIGKILL');
        await once(producer, 'exit');
        await until(() => readings.every(({ endReason }) => endReason() === 'stream-end'), 'its readers end');
        await until(() => staying.every(({ entries }) => entries.length === 3), 'all are told');
        // As long as another could be written.
        await sleep(1.5 * LEASE_MILLIS);
        for (const reading of [...readings, ...staying]) {
          expect(texts(reading)).toEqual(['<start>', 'half an', '</end>']);
          expect(reading.entries.at(-1)?.attributes?.['gen_ai.response.finish_reasons']).toEqual(['abandoned']);
        }
        const late = read(hosts[0], 'stream-end');
        await until(() => late.endReason() === 'stream-end');
        expect(texts(late)).toEqual(['<start>', 'half an', '</end>']);
      });

      it('by SIGSTOP for a while: readers that are still there get what follows, under the same stream id', async () => {
        const ending = hosts.map((host) => read(host, 'stream-end'));
        const staying = hosts.map((host) => read(host, 'session-end'));
        await write('<start>', 'a');
        producer.kill('SIGSTOP');
        await until(() => ending.every(({ endReason }) => endReason() === 'stream-end'), 'its readers end');
        producer.kill('SIGCONT');
        await write('b', '</end>');
        await until(() => staying.every(({ entries }) => entries.length === 5), 'all are told');
        await sleep(1.5 * LEASE_MILLIS);
        for (const reading of staying) {
          expect(texts(reading)).toEqual(['<start>', 'a', '</end>', 'b', '</end>']);
          expect(new Set(reading.entries.map(({ streamId }) => streamId))).toEqual(new Set(['x']));
          expect(reading.entries.at(-1)?.attributes).toBeUndefined();
        }
      });
    });
  }
});
