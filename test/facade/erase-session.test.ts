import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { CoalescingLogRecordProcessor } from '../../src/export/coalescing/coalescing.ts';
import { DateFileLogRecordProcessor } from '../../src/export/file/date-file.ts';
import { DurableLogRecordProcessor } from '../../src/export/durable/durable.ts';
import { MemorySessionStore, SessionLogs, startSessionLogs } from '../../src/index.ts';
import type { StartSessionLogsOptions } from '../../src/index.ts';
import { patternRedaction } from '../../src/redaction.ts';
import { bytesBelow } from '../support/daily-file.ts';
import { failure, ScriptedExporter } from '../support/scripted-exporter.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const DOWN = (): ScriptedExporter => new ScriptedExporter(() => failure(503));

async function start(options: StartSessionLogsOptions = {}): Promise<{
  readonly sessions: SessionLogs;
  readonly directory: string;
  readonly exporter: ScriptedExporter;
}> {
  const directory = temporaryDirectory();
  const exporter = DOWN();
  const sessions = await startSessionLogs({
    directory: join(directory, 'logs'),
    spool: { directory: join(directory, 'spool'), scheduledDelayMillis: 5, shutdownTimeoutMillis: 50, fsync: 'never' },
    console: false,
    streamHandler: false,
    exporter,
    ...options,
  });
  onTestFinished(async () => {
    await sessions.shutdown({ timeoutMillis: 500 }).catch(() => {});
  });
  return { sessions, directory, exporter };
}

describe('eraseSession', () => {
  it.each([false, true])(
    'removes a session from store, files and spool, and says how much (coalesce: %s)',
    async (coalesce) => {
      const { sessions, directory, exporter } = await start({ coalesce });
      for (let n = 0; n < 50; n += 1) {
        void sessions.logChunkToQueue(`secret ${n} `, 's');
        void sessions.logChunkToQueue(`kept ${n} `, 't');
      }
      sessions.withSession('s', () => sessions.logger.info('secret too', { note: 'secret' }));
      const reader = sessions.followSession('s');
      for (let n = 0; n < 51; n += 1) await reader.next();

      const receipt = await sessions.eraseSession('s');

      expect(receipt).toEqual({
        sessionId: 's',
        store: { entries: 51 },
        file: { lines: 51, files: 1 },
        spool: { records: coalesce ? 1 : 51 },
        dead: { records: 0 },
        exported: { records: 0, firstTimestamp: undefined, lastTimestamp: undefined },
        unanswered: 0,
        otherProcesses: 0,
        remains: [],
      });
      expect(bytesBelow(directory)).not.toContain('secret');
      expect(await reader.next()).toMatchObject({ done: true });
      expect(reader.endReason).toBe('deleted');
      exporter.answer = () => 'ok';
      await sessions.forceFlush();
      expect(exporter.bodies.join('')).toBe(Array.from({ length: 50 }, (_, n) => `kept ${n} `).join(''));
      expect(sessions.getAllLogsInQueue().every(({ sessionId }) => sessionId === 't')).toBe(true);
    },
  );

  it('catches what a redaction holds back, in every answer of the session', async () => {
    const redact = patternRedaction([{ pattern: /sk-[a-z0-9]{20}/, replacement: '[KEY]' }]);
    const { sessions, directory } = await start({ redact });
    void sessions.logChunkToQueue('my key is sk-abc', 's', { streamId: 'a' });
    void sessions.logChunkToQueue('sk-', 's');
    void sessions.logChunkToQueue('sk-other', 't');
    await sessions.eraseSession('s');
    sessions.endSession('s');
    sessions.endSession('t');
    await sessions.shutdown();
    const text = bytesBelow(directory);
    expect(text).not.toMatch(/my key|sk-abc/);
    expect(text).toContain('sk-other');
  });

  it('rejects before anything is touched where a `format` does not show its session', async () => {
    const { sessions, directory } = await start({ file: { format: ({ message }) => message } });
    void sessions.logChunkToQueue('secret', 's');
    await new Promise((resolve) => setImmediate(resolve));
    await expect(sessions.eraseSession('s')).rejects.toMatchObject({ code: 'not_erasable' });
    expect(bytesBelow(directory)).toContain('secret');
    expect(sessions.getAllLogsInQueue()).toHaveLength(1);
  });

  it('says what failed, with all others done, and does the rest when it is called again', async () => {
    const { sessions, directory } = await start();
    void sessions.logChunkToQueue('secret', 's');
    const broken = join(directory, 'logs', 'session-logs.2020-01-01.log.gz');
    writeFileSync(broken, 'no gzip');
    await expect(sessions.eraseSession('s')).rejects.toMatchObject({
      code: 'erasure_incomplete',
      message: expect.stringContaining('session-logs.2020-01-01.log.gz') as string,
    });
    expect(bytesBelow(directory)).not.toContain('secret');
    expect(sessions.getAllLogsInQueue()).toEqual([]);
    writeFileSync(broken, gzipSync(''));
    await expect(sessions.eraseSession('s')).resolves.toMatchObject({ file: { lines: 0 } });
  });

  it('of a session that is unknown gives zeros, and makes no session', async () => {
    const { sessions } = await start();
    await expect(sessions.eraseSession('unknown')).resolves.toMatchObject({
      store: { entries: 0 },
      file: { lines: 0, files: 0 },
      spool: { records: 0 },
      remains: [],
    });
    expect(sessions.allSessionsInQueue).toEqual([]);
  });

  it.each(['', 'x'.repeat(257), 'x'.repeat(2_000), undefined, 5])('refuses what is no session id: %s', async (id) => {
    await expect(new SessionLogs().eraseSession(id as string)).rejects.toThrow(TypeError);
  });

  it('called several times at once, for one session and for many, removes each line once', async () => {
    const { sessions, directory } = await start();
    const ids = ['a', 'ab', 'a b', 'abc', '__proto__'];
    for (let n = 0; n < 20; n += 1) for (const id of ids) void sessions.logChunkToQueue(`secret ${n}`, id);
    void sessions.logChunkToQueue('kept', 'other');
    const receipts = await Promise.all([...ids, ...ids].map((id) => sessions.eraseSession(id)));
    for (const [at, id] of ids.entries()) {
      const both = [receipts[at], receipts[at + ids.length]];
      expect(
        both.reduce((sum, each) => sum + (each?.file.lines ?? 0), 0),
        id,
      ).toBe(20);
      expect(
        both.reduce((sum, each) => sum + (each?.store.entries ?? 0), 0),
        id,
      ).toBe(20);
      expect(
        both.reduce((sum, each) => sum + (each?.spool.records ?? 0), 0),
        id,
      ).toBe(20);
    }
    expect(bytesBelow(directory)).not.toContain('secret');
    expect(bytesBelow(directory)).toContain('kept');
  });

  it('is finished by a shutdown that comes meanwhile, and refused after one', async () => {
    const { sessions, directory } = await start();
    for (let n = 0; n < 2_000; n += 1) void sessions.logChunkToQueue(`secret ${n}`, 's');
    const erasing = sessions.eraseSession('s');
    await sessions.shutdown();
    await expect(erasing).resolves.toMatchObject({ file: { lines: 2_000 }, spool: { records: 2_000 } });
    expect(bytesBelow(directory)).not.toContain('secret');
    await expect(sessions.eraseSession('s')).rejects.toMatchObject({ code: 'shut_down' });
  });

  it('with a store that cannot erase deletes there, and says that it does not know what is left', async () => {
    const store = new MemorySessionStore();
    Object.defineProperty(store, 'erase', { value: undefined });
    const sessions = new SessionLogs({ store });
    void sessions.logChunkToQueue('secret', 's');
    await expect(sessions.eraseSession('s')).resolves.toMatchObject({
      store: { entries: 1 },
      remains: [expect.stringContaining('store')],
    });
    expect(sessions.getAllLogsInQueue()).toEqual([]);
  });

  it('finds the processors of a provider of your own, also before they have met a record', async () => {
    const directory = temporaryDirectory();
    const logs = join(directory, 'logs');
    mkdirSync(logs, { mode: 0o700 });
    const old = join(logs, 'session-logs.2026-11-01.log');
    writeFileSync(old, '2026-11-01T12:00:00.000Z CHAT [s] secret {"otel.scope.name":"x"}\n');
    const make = (): SessionLogs => {
      const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
      const file = new DateFileLogRecordProcessor({ directory: logs, retentionDays: 10_000 });
      const durable = new DurableLogRecordProcessor({
        exporter: DOWN(),
        directory: join(directory, 'spool'),
        shutdownTimeoutMillis: 50,
      });
      const coalescing = new CoalescingLogRecordProcessor({ processor: durable });
      const provider = new LoggerProvider({ processors: [sessions.processor, coalescing, file] });
      onTestFinished(async () => {
        await provider.shutdown().catch(() => {});
      });
      return sessions;
    };
    const sessions = make();
    await expect(sessions.eraseSession('s')).resolves.toMatchObject({ file: { lines: 1, files: 1 } });
    expect(readFileSync(old, 'utf8')).toContain('erased');
    for (const text of ['secret 1', 'secret 2']) void sessions.logChunkToQueue(text, 's');
    await expect(sessions.eraseSession('s')).resolves.toMatchObject({
      file: { lines: 2, files: 1 },
      // They were held to become one record, and are none yet.
      spool: { records: 0 },
      otherProcesses: 0,
    });
    expect(bytesBelow(directory)).not.toContain('secret');
  });

  it('works on what a provider has left that is shut down, and takes no place in its spool', async () => {
    const directory = temporaryDirectory();
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    const durable = new DurableLogRecordProcessor({ exporter: DOWN(), directory, shutdownTimeoutMillis: 50 });
    const provider = new LoggerProvider({ processors: [sessions.processor, durable] });
    void sessions.logChunkToQueue('secret', 's');
    void sessions.logChunkToQueue('kept', 't');
    await durable.shutdown();
    await expect(sessions.eraseSession('s')).resolves.toMatchObject({ spool: { records: 1 }, otherProcesses: 0 });
    expect(bytesBelow(directory)).not.toContain('secret');
    expect(bytesBelow(directory)).toContain('kept');
    expect(readdirSync(directory).filter((name) => name.startsWith('o-'))).toHaveLength(1);
  });

  it('leaves other instances alone that have sessions of that id', async () => {
    const mine = await start();
    const other = await start();
    void other.sessions.logChunkToQueue('of another', 's');
    void mine.sessions.logChunkToQueue('of mine', 's');
    await until(() => readdirSync(join(other.directory, 'logs')).length > 0);
    await mine.sessions.eraseSession('s');
    await other.sessions.forceFlush({ timeoutMillis: 20 }).catch(() => {});
    expect(bytesBelow(other.directory)).toContain('of another');
    expect(other.sessions.getAllLogsInQueue()).toHaveLength(1);
  });
});
