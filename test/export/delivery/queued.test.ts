import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';

import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { QueuedLogRecordProcessor } from '../../../src/export/delivery/queued.ts';
import type { QueuedLogRecordProcessorOptions } from '../../../src/export/delivery/queued.ts';
import { SessionLogs } from '../../../src/facade/session-logs.ts';
import type { LogRecordExporter } from '../../../src/otel/log-record.ts';
import { SessionLogsError } from '../../../src/support/errors.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { ManualExporter } from '../../support/manual-exporter.ts';
import { runs } from '../../support/properties.ts';
import { failure, ScriptedExporter } from '../../support/scripted-exporter.ts';
import type { Script } from '../../support/scripted-exporter.ts';
import { sdkLines } from '../../support/sdk-lines.ts';
import { until } from '../../support/until.ts';
import { withVirtualTime } from '../../support/virtual-time.ts';

const FAILURE = new Error('collector down');
const open: QueuedLogRecordProcessor[] = [];
const diagnostics = recordDiagnostics();

beforeEach(() => vi.unstubAllEnvs());
afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((processor) => processor.shutdown({ timeoutMillis: 50 })));
});

describe.each(sdkLines)('QueuedLogRecordProcessor on SDK %s', (_name, line) => {
  const { sdk } = line;
  function start(options: Partial<QueuedLogRecordProcessorOptions> = {}): {
    exporter: ManualExporter;
    processor: QueuedLogRecordProcessor;
    emit: (body: unknown) => void;
  } {
    const exporter = new ManualExporter();
    const processor = new QueuedLogRecordProcessor({
      exporter,
      scheduledDelayMillis: 10,
      ...options,
    });
    open.push(processor);
    const logger = new sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
    const emit = (body: unknown): void => logger.emit({ body });
    return { exporter, processor, emit };
  }

  /** One that has a record of a resource whose region is being detected. */
  function startWithDetector(
    region: Promise<string>,
    options: Partial<QueuedLogRecordProcessorOptions>,
  ): { exporter: ManualExporter; processor: QueuedLogRecordProcessor } {
    const { exporter, processor } = start({ scheduledDelayMillis: 1, ...options });
    const { resourceFromAttributes } = createRequire(line.require.resolve('@opentelemetry/sdk-logs'))(
      '@opentelemetry/resources',
    ) as { resourceFromAttributes: (attributes: object) => never };
    const resource = resourceFromAttributes({ name: 'a', region });
    new sdk.LoggerProvider({ processors: [processor], resource }).getLogger('test').emit({ body: 'early' });
    return { exporter, processor };
  }

  it('exports in the background, in order, one batch at a time', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 7 });
    for (let i = 0; i < 100; i += 1) emit(`${i}`);
    await processor.forceFlush();
    expect(exporter.bodies()).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(exporter.mostInFlight).toBe(1);
    emit('later');
    await vi.waitFor(() => expect(exporter.bodies()).toContain('later'));
  });

  it('says that a hanging exporter had no more time, when the records took all of it', async () => {
    const never = (): Promise<void> => new Promise(() => {});
    const exporter = { export: () => {}, forceFlush: never, shutdown: never };
    const { processor, emit } = start({ exporter });
    emit('a');
    await expect(processor.shutdown({ timeoutMillis: 20 })).rejects.toMatchObject({
      code: 'shutdown_timeout',
      pending: 1,
    });
    const line = /shutdown of the exporter did not end in the remaining time \(\d ms\)/;
    expect(diagnostics.lines.filter((text) => line.test(text))).toHaveLength(1);
  });

  it('does not begin an attempt at the end that could not take the time of the one before', async () => {
    let attempts = 0;
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    const error = new Error('failed', { cause: new Error('retried', { cause }) });
    const exporter = {
      // As the stock exporters do, which try again for a while by themselves, with timers that nobody can end.
      export(_records: unknown, answer: (result: { code: number; error: Error }) => void) {
        attempts += 1;
        setTimeout(() => answer({ code: 1, error }), 1_600);
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    const { processor, emit } = start({ exporter });
    emit('a');
    await expect(processor.shutdown({ timeoutMillis: 3_000 })).rejects.toMatchObject({
      code: 'shutdown_timeout',
      pending: 1,
      message: expect.stringMatching(
        /^1 log records were not exported within 3000 ms of shutdown \(connect ECONNREFUSED 127\.0\.0\.1:1\) \(docs: /,
      ) as string,
    });
    expect(attempts).toBe(1);
  });

  it('exports as text what would make a Collector refuse the whole batch', async () => {
    const { exporter, processor } = start();
    const logger = new sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
    const attributes = {
      nan: Number.NaN,
      big: 2 ** 63,
      nested: { list: [1, -Infinity] },
      fine: 1.5,
      bytes: new Uint8Array(2),
    };
    logger.emit({ body: Number.NaN, attributes });
    await processor.forceFlush();
    const [record] = exporter.batches.flat();
    expect(record?.body).toBe('NaN');
    expect(record?.attributes).toEqual({
      nan: 'NaN',
      big: '9223372036854776000',
      nested: { list: [1, '-Infinity'] },
      fine: 1.5,
      bytes: new Uint8Array(2),
    });
  });

  it('lets every caller of forceFlush wait for the whole flush', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 2 });
    exporter.hold();
    for (let i = 0; i < 5; i += 1) emit(`${i}`);
    let ended = 0;
    const flushes = [1, 2, 3].map(() => processor.forceFlush().then(() => (ended += 1)));
    await vi.waitFor(() => expect(exporter.batches.length).toBe(1));
    emit('during');
    flushes.push(processor.forceFlush().then(() => (ended += 1)));
    await new Promise(setImmediate);
    expect(ended).toBe(0);
    exporter.release();
    await Promise.all(flushes);
    expect(exporter.bodies()).toEqual(['0', '1', '2', '3', '4', 'during']);
  });

  it('keeps every record when shutdown comes during a flush, and shuts the exporter down once', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 1 });
    exporter.hold();
    emit('a');
    const flush = processor.forceFlush();
    for (const body of ['b', 'c', 'd']) emit(body);
    const shutdowns = [processor.shutdown(), processor.shutdown()];
    expect(shutdowns[0]).toBe(shutdowns[1]);
    await vi.waitFor(() => expect(exporter.batches.length).toBe(1));
    exporter.release();
    await Promise.all([flush, ...shutdowns]);
    expect(exporter.bodies()).toEqual(['a', 'b', 'c', 'd']);
    expect(exporter.shutdowns).toBe(1);
    await processor.forceFlush();
  });

  it('ends a flush in time and says how many records are pending', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 2 });
    exporter.hold();
    for (let i = 0; i < 5; i += 1) emit(`${i}`);
    const error = await processor.forceFlush({ timeoutMillis: 20 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionLogsError);
    expect(error).toMatchObject({ code: 'flush_timeout', pending: 5 });
    exporter.release();
    await processor.forceFlush();
    expect(processor.stats().pending).toBe(0);
  });

  it('keeps what the collector does not take, sends it again, and says once when that begins and when it ends', async () => {
    const { exporter, processor, emit } = start();
    exporter.release(FAILURE);
    for (let i = 0; i < 3; i += 1) emit(`${i}`);
    const error = await processor.forceFlush({ timeoutMillis: 50 }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'flush_timeout', pending: 3, cause: FAILURE });
    exporter.release();
    emit('well');
    await processor.forceFlush();
    expect(exporter.bodies().slice(3)).toEqual(['0', '1', '2', 'well']);
    expect(processor.stats()).toEqual({ exported: 4, rejected: 0, pending: 0, lost: {} });
    const said = diagnostics.lines.filter((line) => line.includes('otel-session-logs'));
    expect(said).toEqual([
      expect.stringContaining('kept in memory until it does'),
      expect.stringContaining('accepts log records again'),
    ]);
  });

  it('loses a poison record alone, counted, said once and told to the next flush', async () => {
    const exporter = new ScriptedExporter((records) =>
      records.some(({ body }) => String(body).startsWith('poison')) ? failure(400) : 'ok',
    );
    const { processor, emit } = start({ exporter });
    for (let i = 0; i < 50; i += 1) emit(i % 10 === 3 ? `poison ${i}` : `${i}`);
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'rejected', pending: 5 });
    expect(exporter.bodies).toHaveLength(45);
    expect(processor.stats()).toEqual({ exported: 45, rejected: 5, pending: 0, lost: { export_failed: 5 } });
    expect(diagnostics.lines.filter((line) => line.includes('the collector rejected a log record'))).toHaveLength(1);
    emit('well');
    await processor.forceFlush();
  });

  it('drops what the queue has no room for, counts it exactly, and says so once', async () => {
    const { exporter, processor, emit } = start({ maxQueueSize: 10, maxExportBatchSize: 4 });
    exporter.hold();
    for (let i = 0; i < 30; i += 1) emit(`${i}`);
    expect(processor.stats().lost['export_queue_full']).toBe(20);
    await until(() => exporter.batches.length === 1);
    for (let i = 30; i < 33; i += 1) emit(`${i}`);
    exporter.release();
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'rejected', pending: 23 });
    emit('last');
    await processor.forceFlush();
    expect(exporter.bodies()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'last']);
    expect(processor.stats().lost['export_queue_full']).toBe(23);
    expect(diagnostics.lines.filter((line) => line.includes('queue is full'))).toHaveLength(1);
    expect(diagnostics.lines.filter((line) => line.includes('23 records were dropped'))).toHaveLength(1);
  });

  it('tells flushSession what of a session had no room, and waits for what had', async () => {
    const { exporter, processor } = start({ maxQueueSize: 3 });
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    onTestFinished(() => sessions.shutdown());
    const provider = new sdk.LoggerProvider({ processors: [sessions.processor, processor] });
    exporter.hold();
    for (const text of ['one', 'two', 'three']) await sessions.logChunkToQueue(text, 'a');
    const [, , third] = sessions.getAllLogsInQueue({ sessionId: 'a' });
    let isFlushed = false;
    const flush = sessions.flushSession('a').finally(() => (isFlushed = true));
    await until(() => exporter.batches.length === 1, 'the export');
    for (let i = 0; i < 4; i += 1) await sessions.logChunkToQueue(`more ${i}`, 'a');
    await sessions.logChunkToQueue('other', 'b');
    // One that is counted as settled would end the wait for 'a' now.
    await nextTurn();
    expect(isFlushed).toBe(false);
    expect(await sessions.flushSession('b')).toEqual({ deliveredId: undefined, pending: 0, rejected: 0, dropped: 1 });
    expect(isFlushed).toBe(false);
    exporter.release();
    expect(await flush).toEqual({ deliveredId: third?.id, pending: 0, rejected: 0, dropped: 4 });
    expect(processor.stats()).toEqual({ exported: 3, rejected: 0, pending: 0, lost: { export_queue_full: 5 } });
  });

  it('is known to flushSession although the first record of the session processor has no room', async () => {
    const { exporter, processor } = start({ maxQueueSize: 1 });
    const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
    onTestFinished(() => sessions.shutdown());
    const provider = new sdk.LoggerProvider({ processors: [sessions.processor, processor] });
    exporter.hold();
    provider.getLogger('other').emit({ body: 'no session' });
    await sessions.logChunkToQueue('one', 'a');
    expect(await sessions.flushSession('a')).toMatchObject({ pending: 0, dropped: 1 });
    exporter.release();
  });

  it('loses a record beyond all bounds alone: those emitted before and after it arrive, in order', async () => {
    const { exporter, processor, emit } = start({ maxQueueBytes: 100_000 });
    const large = 'x'.repeat(50_000);
    for (const body of ['a', 'b', 'y'.repeat(200_000), 'c', large, 'd', 'z'.repeat(99_990), 'e']) emit(body);
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'rejected', pending: 2 });
    expect(exporter.bodies()).toEqual(['a', 'b', 'c', large, 'd', 'e']);
    expect(processor.stats()).toEqual({ exported: 6, rejected: 0, pending: 0, lost: { too_large: 2 } });
  });

  it('exports nothing after shutdown, however long a detector takes', async () => {
    let detected!: (region: string) => void;
    const { exporter, processor } = startWithDetector(new Promise((resolve) => (detected = resolve)), {});
    await expect(processor.shutdown({ timeoutMillis: 20 })).rejects.toMatchObject({ pending: 1 });
    detected('eu');
    for (let i = 0; i < 10; i += 1) await nextTurn();
    expect(exporter.batches).toHaveLength(0);
    expect(processor.stats()).toMatchObject({ exported: 0, lost: { export_failed: 1 } });
  });

  it('waits 30 s at most for a detector that hangs, also where an export may take for ever', async () => {
    await withVirtualTime(async (pass) => {
      const { exporter } = startWithDetector(new Promise(() => {}), { exportTimeoutMillis: Infinity });
      await pass(29_000);
      expect(exporter.batches).toHaveLength(0);
      await pass(2_000);
      expect(exporter.batches.flat()[0]?.resource.attributes).toEqual({ name: 'a' });
    });
  });

  it('ends shutdown in time, counts what is left as failed and lets go of the exporter', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 2 });
    exporter.hold();
    for (let i = 0; i < 7; i += 1) emit(`${i}`);
    await expect(processor.shutdown({ timeoutMillis: 30 })).rejects.toMatchObject({
      code: 'shutdown_timeout',
      pending: 7,
    });
    await vi.waitFor(() => expect(exporter.shutdowns).toBe(1));
    expect(processor.stats().lost['export_failed']).toBe(7);
    expect(exporter.batches).toHaveLength(1);
  });

  it('sends again what an exporter never answers, one batch at a time', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 1, exportTimeoutMillis: 20 });
    exporter.hold();
    emit('hangs');
    emit('next');
    await until(() => diagnostics.lines.some((line) => line.includes('did not answer within 20 ms')));
    exporter.release();
    await processor.forceFlush();
    expect(exporter.bodies()).toEqual(['hangs', 'hangs', 'next']);
    expect(processor.stats()).toMatchObject({ exported: 2, lost: {} });
  });

  it('survives an exporter that throws, and forceFlush and shutdown of it that reject', async () => {
    const exporter: LogRecordExporter = {
      export: () => {
        throw new Error('thrown');
      },
      forceFlush: () => Promise.reject(new Error('no flush')),
      shutdown: () => Promise.reject(new Error('no shutdown')),
    };
    const { processor, emit } = start({ exporter });
    emit('x');
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'rejected', pending: 1 });
    await processor.shutdown();
    expect(diagnostics.lines.some((line) => line.includes('shutdown of the exporter failed'))).toBe(true);
  });

  it('counts records after shutdown and is enabled until then', async () => {
    const { exporter, processor, emit } = start();
    emit('before');
    expect(processor.enabled()).toBe(true);
    await processor.shutdown();
    expect(processor.enabled()).toBe(false);
    emit('after');
    processor.onEmit({} as never);
    expect(exporter.bodies()).toEqual(['before']);
    expect(processor.stats().lost['after_shutdown']).toBe(1);
  });

  it('copies the body, which the caller may still change, in a form that exporters can write', async () => {
    const { exporter, processor, emit } = start();
    const body: Record<string, unknown> = { text: 'as emitted', bytes: new Uint8Array([1]) };
    const cyclic: Record<string, unknown> = { n: 1n, when: new Date(0) };
    cyclic['self'] = cyclic;
    const bytes = new Uint8Array([1, 2]);
    emit(body);
    emit(cyclic);
    emit(bytes);
    body['text'] = 'changed';
    bytes[0] = 9;
    await processor.forceFlush();
    expect(exporter.bodies()).toEqual([
      { text: 'as emitted', bytes: new Uint8Array([1]) },
      { n: '1', when: '1970-01-01T00:00:00.000Z', self: '[circular]' },
      new Uint8Array([1, 2]),
    ]);
  });

  it('waits for the attributes of a resource that are still being detected', async () => {
    let detected!: (region: string) => void;
    const { exporter, processor } = startWithDetector(new Promise((resolve) => (detected = resolve)), {});
    const flush = processor.forceFlush();
    await nextTurn();
    expect(exporter.batches).toHaveLength(0);
    detected('eu');
    await flush;
    expect(exporter.batches.flat()[0]?.resource.attributes).toEqual({ name: 'a', region: 'eu' });
  });

  it('reads OTEL_BLRP_* where no option is given, and ignores bad numbers with a warning', async () => {
    vi.stubEnv('OTEL_BLRP_MAX_QUEUE_SIZE', '3');
    vi.stubEnv('OTEL_BLRP_MAX_EXPORT_BATCH_SIZE', '2');
    vi.stubEnv('OTEL_BLRP_SCHEDULE_DELAY', '-5');
    vi.stubEnv('OTEL_BLRP_EXPORT_TIMEOUT', '');
    const { exporter, processor, emit } = start();
    for (let i = 0; i < 5; i += 1) emit(`${i}`);
    await expect(processor.forceFlush()).rejects.toMatchObject({ pending: 2 });
    expect(exporter.batches.map((batch) => batch.length)).toEqual([2, 1]);
    expect(diagnostics.lines).toContainEqual(expect.stringContaining('OTEL_BLRP_SCHEDULE_DELAY is ignored'));
  });

  it('holds 65,536 records by default', async () => {
    const { exporter, processor, emit } = start();
    exporter.hold();
    for (let i = 0; i < 65_540; i += 1) emit('x');
    expect(processor.stats()).toMatchObject({ pending: 65_536, lost: { export_queue_full: 4 } });
    exporter.release();
    await expect(processor.forceFlush()).rejects.toMatchObject({ pending: 4 });
    expect(exporter.bodies()).toHaveLength(65_536);
  });

  it('holds so many bytes at most, counts exactly what has no room, and a record beyond them all', async () => {
    const { exporter, processor, emit } = start({ maxQueueBytes: 100_000 });
    exporter.hold();
    emit('y'.repeat(200_000));
    for (let i = 0; i < 500; i += 1) emit('x'.repeat(1_000));
    const { pending, lost } = processor.stats();
    expect(pending).toBeGreaterThan(60);
    expect(pending).toBeLessThan(100);
    expect(lost).toEqual({ too_large: 1, export_queue_full: 500 - pending });
    exporter.release();
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'rejected' });
    expect(processor.stats()).toMatchObject({ exported: pending, pending: 0 });
    for (let i = 0; i < 50; i += 1) emit('x'.repeat(1_000));
    await processor.forceFlush();
    expect(processor.stats()).toMatchObject({ exported: pending + 50 });
  });

  it('counts every record once: delivered, rejected, dropped for want of room or left at shutdown', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('good', 'poison', 'turn', 'hold', 'release', 'flush'), { maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        async (steps, maxExportBatchSize, maxQueueSize) => {
          const exporter = new ScriptedExporter();
          const answer = (records: readonly { readonly body?: unknown }[]): Script =>
            records.some(({ body }) => body === 'poison') ? failure(400) : 'ok';
          exporter.answer = answer;
          const { processor, emit } = start({ exporter, maxExportBatchSize, maxQueueSize, scheduledDelayMillis: 0 });
          let emitted = 0;
          let isHeld = false;
          for (const step of steps) {
            if (step === 'turn') await nextTurn();
            else if (step === 'hold') isHeld = true;
            else if (step === 'release') isHeld = false;
            else if (step === 'flush') {
              if (!isHeld) await processor.forceFlush({ timeoutMillis: 5 }).catch(() => {});
            } else {
              emit(step);
              emitted += 1;
            }
            exporter.answer = isHeld ? () => 'hang' : answer;
          }
          await processor.shutdown({ timeoutMillis: 20 }).catch(() => {});
          const { exported, rejected, pending, lost } = processor.stats();
          expect(pending).toBe(0);
          expect(exported).toBe(exporter.delivered.length);
          expect(rejected).toBeLessThanOrEqual(lost['export_failed'] ?? 0);
          expect(exported + (lost['export_failed'] ?? 0) + (lost['export_queue_full'] ?? 0)).toBe(emitted);
        },
      ),
      runs(40),
    );
  });
});
