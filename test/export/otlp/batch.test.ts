import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CountingBatchLogRecordProcessor } from '../../../src/export/otlp/batch.ts';
import type { CountingBatchOptions } from '../../../src/export/otlp/batch.ts';
import type { LogRecordExporter } from '../../../src/otel/log-record.ts';
import { SessionLogsError } from '../../../src/support/errors.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { ManualExporter } from '../../support/manual-exporter.ts';
import { sdkLines } from '../../support/sdk-lines.ts';

const FAILURE = new Error('collector down');
const open: CountingBatchLogRecordProcessor[] = [];
const diagnostics = recordDiagnostics();

beforeEach(() => vi.unstubAllEnvs());
afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((processor) => processor.shutdown({ timeoutMillis: 50 })));
});

describe.each(sdkLines)('CountingBatchLogRecordProcessor on SDK %s', (_name, { sdk }) => {
  function start(options: Partial<CountingBatchOptions> = {}): {
    exporter: ManualExporter;
    processor: CountingBatchLogRecordProcessor;
    emit: (body: unknown) => void;
  } {
    const exporter = new ManualExporter();
    const processor = new CountingBatchLogRecordProcessor({
      exporter,
      BatchLogRecordProcessor: sdk.BatchLogRecordProcessor,
      scheduledDelayMillis: 10,
      ...options,
    });
    open.push(processor);
    const logger = new sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
    const emit = (body: unknown): void => logger.emit({ body });
    return { exporter, processor, emit };
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
    expect(processor.pending).toBe(0);
  });

  it('rejects a flush with the number that failed, once, and counts them', async () => {
    const { exporter, processor, emit } = start();
    exporter.release(FAILURE);
    for (let i = 0; i < 3; i += 1) emit(`${i}`);
    const error = await processor.forceFlush().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'flush_failed', pending: 3, cause: FAILURE });
    expect(processor.lost.toJSON()).toEqual({ export_failed: 3 });
    exporter.release();
    emit('well');
    await processor.forceFlush();
    expect(diagnostics.lines.filter((line) => line.includes('export of logs fails'))).toHaveLength(1);
    expect(diagnostics.lines.filter((line) => line.includes('exported again'))).toHaveLength(1);
  });

  it('drops what the queue has no room for, counts it exactly, and says so once', async () => {
    const { exporter, processor, emit } = start({ maxQueueSize: 10, maxExportBatchSize: 4 });
    exporter.hold();
    for (let i = 0; i < 30; i += 1) emit(`${i}`);
    expect(processor.lost.get('export_queue_full')).toBe(20);
    await vi.waitFor(() => expect(exporter.batches.length).toBe(1));
    for (let i = 30; i < 33; i += 1) emit(`${i}`);
    exporter.release();
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'flush_failed', pending: 23 });
    emit('last');
    await processor.forceFlush();
    expect(exporter.bodies()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'last']);
    expect(processor.lost.get('export_queue_full')).toBe(23);
    expect(diagnostics.lines.filter((line) => line.includes('queue is full'))).toHaveLength(1);
    expect(diagnostics.lines.filter((line) => line.includes('23 records were dropped'))).toHaveLength(1);
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
    expect(processor.lost.get('export_failed')).toBe(7);
    expect(exporter.batches).toHaveLength(1);
  });

  it('goes on after an exporter that never answers, one batch at a time', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 1, exportTimeoutMillis: 20 });
    exporter.hold();
    emit('hangs');
    emit('next');
    await vi.waitFor(() => expect(exporter.bodies()).toEqual(['hangs', 'next']));
    exporter.release();
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'flush_failed' });
    expect(processor.lost.get('export_failed')).toBeGreaterThanOrEqual(1);
  });

  it('takes a late answer for the end of the export, not for a second one', async () => {
    const { exporter, processor, emit } = start({ maxExportBatchSize: 1, exportTimeoutMillis: 40 });
    exporter.hold();
    emit('late');
    emit('next');
    await vi.waitFor(() => expect(processor.lost.get('export_failed')).toBe(1));
    expect(exporter.batches).toHaveLength(1);
    exporter.release();
    await vi.waitFor(() => expect(exporter.bodies()).toEqual(['late', 'next']));
    expect(exporter.mostInFlight).toBe(1);
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
    await expect(processor.forceFlush()).rejects.toMatchObject({ code: 'flush_failed', pending: 1 });
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
    expect(processor.lost.get('after_shutdown')).toBe(1);
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
      { text: 'as emitted', bytes: 'AQ==' },
      { n: '1', when: '1970-01-01T00:00:00.000Z', self: '[Circular]' },
      new Uint8Array([1, 2]),
    ]);
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
    for (let i = 0; i < 65_540; i += 1) emit('x');
    await expect(processor.forceFlush()).rejects.toMatchObject({ pending: 4 });
    expect(exporter.bodies()).toHaveLength(65_536);
  });
});
