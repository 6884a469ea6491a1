import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';

import { diag, DiagLogLevel } from '@opentelemetry/api';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';

import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import type { DurableLogRecordProcessorOptions } from '../../../src/export/durable/durable-options.ts';
import { builtSource } from '../../support/built-source.ts';
import { missing, promised, startChild } from '../../support/durable-process.ts';
import { cannotLoop, cannotMount, LoopDisk, mountTmpfs } from '../../support/loop-disk.ts';
import type { Disk } from '../../support/loop-disk.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { failure, ScriptedExporter } from '../../support/scripted-exporter.ts';
import { segmentPaths } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';
import { randomNumbers } from '../../support/properties.ts';

afterEach(() => diag.disable());

describe.skipIf(cannotMount !== undefined)(
  `a full disk${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
  () => {
    interface Setup {
      readonly disk: Disk;
      readonly durable: DurableLogRecordProcessor;
      readonly exporter: ScriptedExporter;
      readonly emit: (from: number, to: number, text?: string) => Promise<void>;
      /** Emits until the disk is written to again, which a back-off decides. Returns the number of the last record. */
      readonly emitUntilWritten: (from: number) => Promise<number>;
      readonly lines: string[];
    }

    function setUp(options: Partial<DurableLogRecordProcessorOptions> = {}): Setup {
      const disk = mountTmpfs('2m');
      const exporter = new ScriptedExporter(() => failure());
      const lines: string[] = [];
      const log = (...line: unknown[]): void => void lines.push(line.map(String).join(' '));
      diag.setLogger({ error: log, warn: log, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
      const durable = new DurableLogRecordProcessor({
        exporter,
        directory: join(disk.path, 'spool'),
        scheduledDelayMillis: 5,
        shutdownTimeoutMillis: 100,
        maxBytes: 1_048_576,
        ...options,
      });
      onTestFinished(async () => {
        await durable.shutdown().catch(() => {});
        disk.remove();
      });
      const logger = new LoggerProvider({ processors: [durable] }).getLogger('test');
      const emit = async (from: number, to: number, text = 'x'.repeat(200)): Promise<void> => {
        for (let i = from; i <= to; i += 1) {
          logger.emit({ body: `r-${i}`, attributes: { text } });
          if (i % 20 === 0) await nextTick();
        }
        await nextTick();
      };
      const isWritten = (): boolean => lines.some((line) => line.includes('written to again'));
      const emitUntilWritten = async (from: number): Promise<number> => {
        let last = from - 1;
        await until(() => {
          if (!isWritten()) logger.emit({ body: `r-${(last += 1)}` });
          return isWritten();
        }, 'the disk is written to again');
        return last;
      };
      return { disk, durable, exporter, emit, emitUntilWritten, lines };
    }

    test('nothing written before is lost, new records wait in memory, and it recovers by itself', async () => {
      const { disk, durable, exporter, emit, emitUntilWritten, lines } = setUp();
      await emit(1, 1_000);
      fill(disk.path);
      await emit(1_001, 3_000);
      expect(durable.stats().pending.own).toBe(3_000);
      expect(durable.stats().lost).toStrictEqual({});
      rmSync(join(disk.path, 'filler'));
      const last = await emitUntilWritten(3_001);
      exporter.answer = () => 'ok';
      await durable.forceFlush();
      expect(missing(new Set(exporter.bodies), 'r', last)).toStrictEqual([]);
      expect(exporter.bodies).toHaveLength(last);
      expect(lines.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
      expect(lines.filter((line) => line.includes('written to again'))).toHaveLength(1);
      // What waited in memory came to disk with the recovery.
      await emit(last + 1, last + 20);
      expect(durable.stats().bytes).toBeGreaterThan(0);
    });

    test('beyond what fits into memory the newest are dropped, counted exactly', async () => {
      const { disk, durable, exporter, emit } = setUp();
      await emit(1, 100);
      fill(disk.path);
      await emit(101, 1_100, 'x'.repeat(20_000));
      const { lost, pending } = durable.stats();
      expect(lost['spool_unwritable']).toBeGreaterThan(400);
      expect(pending.own + (lost['spool_unwritable'] ?? 0)).toBe(1_100);
      exporter.answer = () => 'ok';
      await expect(durable.forceFlush()).rejects.toMatchObject({ code: 'rejected' });
      expect(missing(new Set(exporter.bodies), 'r', 100)).toStrictEqual([]);
      expect(exporter.bodies).toHaveLength(1_100 - (lost['spool_unwritable'] ?? 0));
    });

    test('with drop-oldest the oldest segment makes room', async () => {
      const { disk, durable, exporter, emit } = setUp({ whenDiskFull: 'drop-oldest' });
      await emit(1, 2_000);
      fill(disk.path);
      await emit(2_001, 4_000);
      const { lost } = durable.stats();
      expect(lost['disk_full']).toBeGreaterThan(0);
      exporter.answer = () => 'ok';
      await durable.forceFlush().catch(() => {});
      const total = Object.values(lost).reduce((sum, count) => sum + count, 0);
      expect(exporter.bodies).toHaveLength(4_000 - total);
      expect(exporter.bodies.at(-1)).toBe('r-4000');
    });

    test('a disk that is full at the start does not stop the application', async () => {
      const disk = mountTmpfs('1m');
      fill(disk.path);
      const exporter = new ScriptedExporter();
      const durable = new DurableLogRecordProcessor({
        exporter,
        directory: join(disk.path, 'spool'),
        scheduledDelayMillis: 5,
      });
      onTestFinished(async () => {
        await durable.shutdown();
        disk.remove();
      });
      const logger = new LoggerProvider({ processors: [durable] }).getLogger('test');
      logger.emit({ body: 'r-1' });
      await durable.forceFlush();
      expect(exporter.bodies).toStrictEqual(['r-1']);
      rmSync(join(disk.path, 'filler'));
      exporter.answer = () => failure();
      await until(() => {
        logger.emit({ body: 'later' });
        return durable.stats().bytes > 0;
      }, 'the disk is written to');
    });

    test('a shutdown rejects with the number of records that are neither delivered nor on disk', async () => {
      const { disk, durable, emit } = setUp();
      await emit(1, 20);
      fill(disk.path);
      await emit(21, 100);
      await expect(durable.shutdown()).rejects.toMatchObject({ code: 'shutdown_timeout', pending: 80 });
    });

    test('a shutdown brings what waits in memory to a disk that has room again, also what was being sent', async () => {
      const { disk, durable, emit, exporter } = setUp({ maxExportBatchSize: 10 });
      // Ten records of memory are delivered, the next ten are under way.
      exporter.answer = (_, call) => (call === 0 ? 'ok' : 'hang');
      fill(disk.path);
      await emit(1, 60);
      await until(() => exporter.calls.length === 2);
      expect(durable.stats().bytes).toBe(0);
      rmSync(join(disk.path, 'filler'));
      await durable.shutdown();
      expect(durable.stats().lost).toStrictEqual({});
      const next = new ScriptedExporter();
      const successor = new DurableLogRecordProcessor({ exporter: next, directory: join(disk.path, 'spool') });
      await until(() => next.bodies.length >= 50);
      await successor.shutdown();
      expect(next.bodies).toStrictEqual(Array.from({ length: 50 }, (_, i) => `r-${i + 11}`));
    });

    test('a write that the disk took in part leaves no half entry behind', async () => {
      const { disk, durable, emit } = setUp();
      await emit(1, 400);
      fill(disk.path);
      await emit(401, 500);
      await expect(durable.shutdown()).rejects.toMatchObject({ code: 'shutdown_timeout' });
      const exporter = new ScriptedExporter();
      const next = new DurableLogRecordProcessor({ exporter, directory: join(disk.path, 'spool') });
      await until(() => exporter.bodies.length === 400 && next.stats().bytes === 0);
      expect(next.stats().lost).toStrictEqual({});
      await next.shutdown();
    });

    test('a read-only disk and a directory of another user are refused at the start', () => {
      const disk = mountTmpfs('1m');
      onTestFinished(() => disk.remove());
      mkdirSync(join(disk.path, 'spool'), { mode: 0o700 });
      mkdirSync(join(disk.path, 'foreign'), { mode: 0o700 });
      chownSync(join(disk.path, 'foreign'), 12_345, 12_345);
      execFileSync('mount', ['-o', 'remount,ro', disk.path]);
      for (const name of ['spool', 'new', 'foreign']) {
        expect(
          () => new DurableLogRecordProcessor({ exporter: new ScriptedExporter(), directory: join(disk.path, name) }),
        ).toThrow(expect.objectContaining({ name: 'SessionLogsError', code: 'directory_unusable' }));
      }
    });

    /** Until there is no byte left. */
    function fill(path: string): void {
      const block = Buffer.alloc(4_096);
      try {
        for (;;) writeFileSync(join(path, 'filler'), block, { flag: 'a' });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
      }
    }
  },
);

describe.skipIf(cannotLoop !== undefined)(
  `a power cut${cannotLoop === undefined ? '' : ` (skipped: ${cannotLoop})`}`,
  () => {
    const source = builtSource();

    /** Ships what is left as a process after the restart would, to which a minute without a heartbeat is three seconds. */
    async function shipAll(directory: string, url: string): Promise<void> {
      const module = source.url('export/durable/durable.js');
      const next = startChild({
        mode: 'burst',
        count: 0,
        line: '3.x',
        url,
        module,
        directory,
        prefix: 'next',
        pretends: { speed: 20 },
      });
      try {
        await until(() => segmentPaths(directory).length === 0, 'the spool is empty', 60_000);
      } finally {
        next.process.kill('SIGKILL');
        await next.ended;
      }
    }

    const FSYNC_INTERVAL_MILLIS = 100;
    /** For the sync itself, on a machine that does other things too. */
    const SYNC_MILLIS = 400;

    test.each([
      { fsync: 'always' as const, allowedMillis: 0 },
      { fsync: 'interval' as const, allowedMillis: FSYNC_INTERVAL_MILLIS + SYNC_MILLIS },
    ])(
      'with fsync: $fsync what was written $allowedMillis ms before is there',
      async ({ fsync, allowedMillis }) => {
        const disk = LoopDisk.create(24);
        onTestFinished(() => disk.remove());
        const markFile = join(temporaryDirectory(), 'marks');
        const receiver = await startOtlpReceiver({ answer: { status: 503 } });
        const child = startChild({
          mode: 'stream',
          line: '3.x',
          url: receiver.logsUrl,
          module: source.url('export/durable/durable.js'),
          directory: join(disk.path, 'spool'),
          prefix: 'r',
          markFile,
          pauseMillis: 5,
          durable: { fsync, fsyncIntervalMillis: FSYNC_INTERVAL_MILLIS, maxBytes: 8 * 1_048_576 },
        });
        await child.told('ready');
        const random = randomNumbers();
        const cuts: { readonly disk: LoopDisk; readonly written: number }[] = [];
        for (let i = 0; i < 4; i += 1) {
          await delay(300 + random() * 400);
          child.process.kill('SIGSTOP');
          const written = promised(markFile, Date.now() - allowedMillis);
          const cut = disk.powerCut();
          child.process.kill('SIGCONT');
          onTestFinished(() => cut.remove());
          cuts.push({ disk: cut, written });
        }
        child.process.kill('SIGKILL');
        await child.ended;
        for (const cut of cuts) {
          const after = await startOtlpReceiver();
          try {
            await shipAll(join(cut.disk.path, 'spool'), after.logsUrl);
            const arrived = new Set<unknown>(after.records().map((record) => record.body));
            expect(missing(arrived, 'r', cut.written)).toStrictEqual([]);
          } finally {
            await after.close();
          }
        }
        expect(cuts.at(-1)?.written).toBeGreaterThan(100);
        await receiver.close();
      },
      120_000,
    );
  },
);
