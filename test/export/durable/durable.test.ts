import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';

import { context, createContextKey, diag, DiagLogLevel } from '@opentelemetry/api';
import type { AnyValue, Attributes } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import * as fc from 'fast-check';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';

import { noteRoutedRecord } from '../../../src/entry/routed-record.ts';
import type { SessionDelivery } from '../../../src/entry/routed-record.ts';
import { deadFiles } from '../../../src/export/durable/dead-letters.ts';
import type { Loss } from '../../../src/export/delivery/delivery-ledger.ts';
import type { DurableLogRecordProcessorOptions } from '../../../src/export/durable/durable-options.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import type { LogRecord, LogRecordProcessor } from '../../../src/otel/log-record.ts';
import { runs } from '../../support/properties.ts';
import { failure, ScriptedExporter } from '../../support/scripted-exporter.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';
import { withVirtualTime } from '../../support/virtual-time.ts';
import { bytesBelow } from '../../support/daily-file.ts';

afterEach(() => {
  diag.disable();
  vi.restoreAllMocks();
});

interface Setup {
  readonly durable: DurableLogRecordProcessor;
  readonly exporter: ScriptedExporter;
  readonly provider: LoggerProvider;
  readonly directory: string;
  readonly losses: Loss[];
  readonly emit: (body: AnyValue, attributes?: Attributes) => void;
}

function setUp(
  options: Partial<DurableLogRecordProcessorOptions> & {
    readonly exporter?: ScriptedExporter;
    readonly before?: LogRecordProcessor;
  } = {},
): Setup {
  const { before, ...rest } = options;
  const exporter = options.exporter ?? new ScriptedExporter();
  const directory = options.directory ?? join(temporaryDirectory(), 'spool');
  const losses: Loss[] = [];
  const durable = new DurableLogRecordProcessor({
    exporter,
    directory,
    scheduledDelayMillis: 5,
    shutdownTimeoutMillis: 100,
    onLoss: (loss) => losses.push(loss),
    ...rest,
  });
  onTestFinished(() => durable.shutdown().catch(() => {}));
  const provider = new LoggerProvider({ processors: before === undefined ? [durable] : [before, durable] });
  const logger = provider.getLogger('test');
  return {
    durable,
    exporter,
    provider,
    directory,
    losses,
    emit: (body, attributes) => logger.emit({ body, ...(attributes && { attributes }) }),
  };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function collectDiag(): string[] {
  const lines: string[] = [];
  const log = (message: string, ...rest: unknown[]): void => void lines.push([message, ...rest].map(String).join(' '));
  diag.setLogger({ error: log, warn: log, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
  return lines;
}

describe('delivery', () => {
  test('what fills batches in the first tick is sent then, not with the next look for dead owners, ten seconds later', async () => {
    const { exporter, emit } = setUp({ maxExportBatchSize: 10 });
    for (let i = 1; i <= 30; i += 1) emit(i);
    await until(() => exporter.delivered.length === 30, 'all are sent', 7_000);
  });

  test('records reach the exporter once, in order, in batches, and one export is under way at a time', async () => {
    const { exporter, emit, provider, durable } = setUp({ maxExportBatchSize: 100 });
    for (let round = 0; round < 10; round += 1) {
      for (let i = 1; i <= 105; i += 1) emit(round * 105 + i);
      await nextTick();
    }
    await provider.forceFlush();
    expect(exporter.bodies).toStrictEqual(numbers(1, 1_050));
    expect(Math.max(...exporter.calls.map((call) => call.length))).toBe(100);
    expect(exporter.mostInFlight).toBe(1);
    expect(durable.stats()).toMatchObject({
      received: 1_050,
      exported: 1_050,
      pending: { own: 0, adopted: 0 },
      bytes: 0,
      segments: 0,
    });
  });

  test('records are sent after the scheduled delay without a flush, and at once when they fill a batch', async () => {
    const slow = setUp({ scheduledDelayMillis: 60_000, maxExportBatchSize: 10 });
    for (let i = 1; i <= 9; i += 1) slow.emit(i);
    await delay(50);
    expect(slow.exporter.calls).toHaveLength(0);
    slow.emit(10);
    await until(() => slow.exporter.bodies.length === 10);
    const quick = setUp({ scheduledDelayMillis: 20 });
    quick.emit(1);
    await until(() => quick.exporter.bodies.length === 1);
  });

  test('a tight loop is written within the loop, so that memory is bounded', () => {
    const { emit, durable } = setUp();
    for (let i = 1; i <= 5_000; i += 1) emit(i);
    expect(durable.stats().bytes).toBeGreaterThan(0);
    expect(durable.stats().pending.own).toBe(5_000);
  });

  test('with flush: record each record is written within its emit', () => {
    const { emit, durable, directory } = setUp({ flush: 'record' });
    emit(1);
    const size = durable.stats().bytes;
    expect(size).toBeGreaterThan(0);
    emit(2);
    expect(durable.stats().bytes).toBeGreaterThan(size);
    expect(readdirSync(directory, { recursive: true }).filter((name) => String(name).endsWith('.seg'))).toHaveLength(1);
  });

  test('two records of one resource and scope come with one object each, over a restart too', async () => {
    const first = setUp({ exporter: new ScriptedExporter(() => failure()) });
    first.emit(1);
    await nextTick();
    first.emit(2);
    await first.durable.shutdown();
    const second = setUp({ directory: first.directory });
    await until(() => second.exporter.delivered.length === 2);
    const [a, b] = second.exporter.delivered;
    expect(a?.resource).toBe(b?.resource);
    expect(a?.instrumentationScope).toBe(b?.instrumentationScope);
    expect(a?.resource.attributes['service.name']).toMatch(/unknown_service/);
  });

  test('exports run without tracing, and outside the context of the caller that emitted', async () => {
    const key = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
    const with_ = vi.spyOn(context, 'with');
    const { emit, provider } = setUp();
    emit(1);
    await provider.forceFlush();
    expect(with_.mock.calls.length).toBeGreaterThan(0);
    for (const [used] of with_.mock.calls) expect(used.getValue(key)).toBe(true);
  });

  test('log.record.uid is a UUIDv7, the same on a resend', async () => {
    const exporter = new ScriptedExporter((_, call) => (call === 0 ? failure() : 'ok'));
    const { emit, provider } = setUp({ exporter, recordUid: true });
    emit(1);
    emit(2);
    await provider.forceFlush();
    const uids = exporter.calls.map((records) => records.map((record) => record.attributes['log.record.uid']));
    expect(uids[0]).toStrictEqual(uids[1]);
    expect(new Set(uids[0]).size).toBe(2);
    expect(uids[0]?.[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  test('OTEL_BLRP_* is read where no option is given', async () => {
    vi.stubEnv('OTEL_BLRP_MAX_EXPORT_BATCH_SIZE', '7');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { emit, exporter, provider } = setUp();
    for (let i = 1; i <= 20; i += 1) emit(i);
    await provider.forceFlush();
    expect(exporter.calls.map((call) => call.length)).toStrictEqual([7, 7, 6]);
  });
});

describe('resources that are still being detected', () => {
  test('records are on disk at once, sending waits, and every record has all attributes', async () => {
    let detected!: (value: string) => void;
    const later = new Promise<string>((resolve) => (detected = resolve));
    const directory = join(temporaryDirectory(), 'spool');
    const exporter = new ScriptedExporter();
    const durable = new DurableLogRecordProcessor({ exporter, directory, scheduledDelayMillis: 1 });
    onTestFinished(() => durable.shutdown());
    const resource = resourceFromAttributes({ 'service.name': 'a', 'cloud.region': later });
    const logger = new LoggerProvider({ processors: [durable], resource }).getLogger('test');
    logger.emit({ body: 'early' });
    await delay(50);
    expect(durable.stats().bytes).toBeGreaterThan(0);
    expect(exporter.calls).toHaveLength(0);
    detected('eu');
    await until(() => exporter.delivered.length === 1);
    logger.emit({ body: 'late' });
    await durable.forceFlush();
    expect(exporter.delivered.map((record) => record.resource.attributes)).toStrictEqual([
      { 'service.name': 'a', 'cloud.region': 'eu' },
      { 'service.name': 'a', 'cloud.region': 'eu' },
    ]);
  });

  test('after a restart the attributes that came later are there too; those that never came are left out', async () => {
    const directory = join(temporaryDirectory(), 'spool');
    const dead = new DurableLogRecordProcessor({
      exporter: new ScriptedExporter(() => failure()),
      directory,
      shutdownTimeoutMillis: 10,
    });
    const resources = [
      resourceFromAttributes({ name: 'settles', region: delay(20).then(() => 'eu') }),
      resourceFromAttributes({ name: 'never', region: new Promise<string>(() => {}) }),
    ];
    for (const resource of resources)
      new LoggerProvider({ processors: [dead], resource }).getLogger('x').emit({ body: 'b' });
    await until(() => bytesBelow(directory).includes('eu'), 'the resource is on disk');
    await dead.shutdown();
    const { exporter } = setUp({ directory });
    await until(() => exporter.delivered.length === 2);
    expect(exporter.delivered.map((record) => record.resource.attributes)).toStrictEqual([
      { name: 'settles', region: 'eu' },
      { name: 'never' },
    ]);
  });

  test('attributes that come after the shutdown are not written any more', async () => {
    const said = vi.fn<(...line: unknown[]) => void>();
    diag.setLogger({ error: said, warn: said, info: said, debug() {}, verbose() {} }, DiagLogLevel.ALL);
    const directory = join(temporaryDirectory(), 'spool');
    let detected!: (region: string) => void;
    const later = new Promise<string>((resolve) => (detected = resolve));
    const durable = new DurableLogRecordProcessor({
      exporter: new ScriptedExporter(() => failure()),
      directory,
      shutdownTimeoutMillis: 10,
    });
    const resource = resourceFromAttributes({ name: 'a', region: later });
    new LoggerProvider({ processors: [durable], resource }).getLogger('x').emit({ body: 'b' });
    await durable.shutdown();
    said.mockClear();
    detected('after the end');
    for (let i = 0; i < 10; i += 1) await nextTick();
    expect(said.mock.calls).toEqual([]);
    expect(bytesBelow(directory)).not.toContain('after the end');
    expect(durable.stats()).toMatchObject({ pending: { own: 1 }, lost: {} });
  });

  test('a record beyond maxBytes is lost alone', async () => {
    const { durable, exporter, emit } = setUp({ maxBytes: 65_536 });
    for (const body of ['a', 'b', 'x'.repeat(70_000), 'c']) emit(body);
    await expect(durable.forceFlush()).rejects.toMatchObject({ code: 'rejected', pending: 1 });
    expect(exporter.bodies).toEqual(['a', 'b', 'c']);
    expect(durable.stats()).toMatchObject({ received: 4, exported: 3, lost: { too_large: 1 } });
  });

  test('sending waits at most exportTimeoutMillis', async () => {
    const exporter = new ScriptedExporter();
    const directory = join(temporaryDirectory(), 'spool');
    const durable = new DurableLogRecordProcessor({
      exporter,
      directory,
      exportTimeoutMillis: 50,
      scheduledDelayMillis: 1,
    });
    onTestFinished(() => durable.shutdown());
    const resource = resourceFromAttributes({ name: 'never', region: new Promise<string>(() => {}) });
    new LoggerProvider({ processors: [durable], resource }).getLogger('x').emit({ body: 'b' });
    await durable.forceFlush({ timeoutMillis: 5_000 });
    expect(exporter.delivered[0]?.resource.attributes).toStrictEqual({ name: 'never' });
  });
});

describe('forceFlush', () => {
  test('written is not delivered: it rejects with the number pending when the collector is away, and nothing is lost', async () => {
    const exporter = new ScriptedExporter(() => failure('ECONNREFUSED'));
    const { emit, durable } = setUp({ exporter });
    for (let i = 1; i <= 5; i += 1) emit(i);
    const flush = durable.forceFlush({ timeoutMillis: 50 });
    emit(6);
    await expect(flush).rejects.toMatchObject({ name: 'SessionLogsError', code: 'flush_timeout', pending: 5 });
    exporter.answer = () => 'ok';
    await durable.forceFlush();
    expect(exporter.bodies).toStrictEqual(numbers(1, 6));
  });

  test('every one of several callers waits for the whole flush', async () => {
    const exporter = new ScriptedExporter(() => 'hang');
    const { emit, durable } = setUp({ exporter, exportTimeoutMillis: 30 });
    emit(1);
    let settled = 0;
    const flushes = [1, 2, 3].map(() => durable.forceFlush().then(() => (settled += 1)));
    await delay(20);
    expect(settled).toBe(0);
    exporter.answer = () => 'ok';
    await Promise.all(flushes);
    expect(exporter.bodies).toStrictEqual([1]);
  });

  test('a flush that runs into a shutdown loses nothing', async () => {
    // Ample: a disk that is busy with something else must not decide this.
    const { emit, durable, exporter } = setUp({ shutdownTimeoutMillis: 20_000 });
    for (let i = 1; i <= 2_000; i += 1) emit(i);
    await Promise.all([durable.forceFlush(), durable.shutdown()]);
    expect(exporter.bodies).toHaveLength(2_000);
  });

  test('records of a dead process are not waited for', async () => {
    const first = setUp({ exporter: new ScriptedExporter(() => failure()) });
    first.emit('old');
    await first.durable.shutdown();
    const second = setUp({
      directory: first.directory,
      exporter: new ScriptedExporter((records) => (records[0]?.body === 'old' ? failure(503) : 'ok')),
    });
    await until(() => second.durable.stats().pending.adopted === 1);
    second.emit('new');
    await second.durable.forceFlush();
    expect(second.exporter.bodies).toStrictEqual(['new']);
    expect(second.durable.stats().pending).toStrictEqual({ own: 0, adopted: 1 });
  });

  test('an own record does not wait behind the backlog of dead processes', async () => {
    const first = setUp({ exporter: new ScriptedExporter(() => failure()) });
    for (let i = 0; i < 500; i += 1) first.emit('old');
    await first.durable.shutdown();
    const exporter = new ScriptedExporter();
    exporter.delayMillis = 10;
    const second = setUp({ directory: first.directory, maxExportBatchSize: 10, exporter });
    await until(() => second.exporter.delivered.length > 0);
    second.emit('new');
    await second.durable.forceFlush();
    expect(second.exporter.bodies.indexOf('new')).toBeLessThan(200);
    await until(() => second.exporter.delivered.length === 501);
  });
});

// Less than the time that a shutdown without the option takes: no test that hangs passes.
describe('shutdown', { timeout: 4_500 }, () => {
  test('with a dead collector it resolves in time with one warning, and the next start ships the rest', async () => {
    const first = setUp({ exporter: new ScriptedExporter(() => 'hang'), shutdownTimeoutMillis: 200 });
    const lines = collectDiag();
    for (let i = 1; i <= 100; i += 1) first.emit(i);
    await first.provider.shutdown();
    expect(lines.filter((line) => line.includes('100 log records are not delivered'))).toHaveLength(1);
    const second = setUp({ directory: first.directory });
    await until(() => second.exporter.delivered.length === 100);
    expect(second.exporter.bodies).toStrictEqual(numbers(1, 100));
  });

  test('it flushes first, ends once, shuts the exporter down, and leaves an empty directory', async () => {
    const { emit, durable, exporter, directory } = setUp();
    emit(1);
    const first = durable.shutdown();
    expect(durable.shutdown()).toBe(first);
    await first;
    expect(exporter.bodies).toStrictEqual([1]);
    expect(exporter.shutdowns).toBe(1);
    expect(readdirSync(directory)).toStrictEqual([]);
    expect(durable.enabled()).toBe(false);
  });

  test('records after it are counted and change nothing', async () => {
    const { durable, losses } = setUp();
    await durable.shutdown();
    expect(() => durable.onEmit({} as LogRecord)).not.toThrow();
    expect(durable.stats().lost).toStrictEqual({ after_shutdown: 1 });
    await nextTick();
    expect(losses).toStrictEqual([{ reason: 'after_shutdown', count: 1 }]);
  });

  test('an exporter whose shutdown hangs does not hang ours', async () => {
    const exporter = new ScriptedExporter();
    exporter.shutdown = () => new Promise<void>(() => {});
    const { durable, emit } = setUp({ exporter, shutdownTimeoutMillis: 100 });
    emit(1);
    await durable.shutdown();
    expect(durable.stats().pending.own).toBe(0);
  });
});

describe('what a failure means', () => {
  test('an outage: kept, sent again with growing pauses, one line when it begins and one when it ends', async () => {
    const lines = collectDiag();
    const exporter = new ScriptedExporter((_records, call) => (call < 2 ? failure('ECONNREFUSED') : 'ok'));
    const { emit, durable } = setUp({ exporter });
    for (let i = 1; i <= 8; i += 1) emit(i);
    await durable.forceFlush();
    expect(exporter.bodies).toStrictEqual(numbers(1, 8));
    expect(exporter.calls).toHaveLength(3);
    expect(lines.filter((line) => line.includes('does not accept log records'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('accepts log records again'))).toHaveLength(1);
    // The rest is OpenTelemetry's global error handler, which is told of it too.
    expect(lines.filter((line) => line.includes('otel-session-logs'))).toHaveLength(2);
  });

  test('a matter of configuration: kept, slowly sent again and said aloud', async () => {
    const lines = collectDiag();
    const exporter = new ScriptedExporter(() => failure(401));
    const { emit, durable } = setUp({ exporter });
    emit(1);
    await expect(durable.forceFlush({ timeoutMillis: 100 })).rejects.toMatchObject({
      code: 'flush_timeout',
      pending: 1,
    });
    await until(() => lines.some((line) => line.includes('misconfigured')), 'it is said');
    expect(exporter.calls).toHaveLength(1);
    expect(durable.stats().rejected).toBe(0);
  });

  test.each([
    ['400', failure(400)],
    ['413', failure(413)],
    ['422', failure(422)],
    ['gRPC INVALID_ARGUMENT', failure(3)],
    ['gRPC OUT_OF_RANGE', failure(11)],
    ['gRPC RESOURCE_EXHAUSTED, too large', failure(8, 'Received message larger than max (5 vs 4)')],
  ])('%s for one poison record: it goes to dead/, its neighbours arrive, and the flush says so', async (_, error) => {
    const exporter = new ScriptedExporter((records) => (records.some((record) => record.body === 37) ? error : 'ok'));
    const { emit, durable, directory } = setUp({ exporter });
    for (let i = 1; i <= 100; i += 1) emit(i);
    await expect(durable.forceFlush()).rejects.toMatchObject({ code: 'rejected' });
    expect(exporter.bodies.toSorted((a, b) => Number(a) - Number(b))).toStrictEqual(
      numbers(1, 100).filter((i) => i !== 37),
    );
    expect(exporter.bodies).toHaveLength(99);
    expect(durable.stats()).toMatchObject({ exported: 99, rejected: 1 });
    expect(durable.stats().lost).toStrictEqual({});
    expect(deadFiles(join(directory, 'dead'))).toHaveLength(1);
    emit(101);
    await durable.forceFlush();
  });

  test('an exporter that throws over one record is treated the same', async () => {
    const exporter = new ScriptedExporter((records) => {
      if (records.some((record) => record.body === 3)) throw new RangeError('Maximum call stack size exceeded');
      return 'ok';
    });
    const { emit, durable } = setUp({ exporter });
    for (let i = 1; i <= 5; i += 1) emit(i);
    await expect(durable.forceFlush()).rejects.toMatchObject({ code: 'rejected' });
    expect(exporter.bodies).toStrictEqual([1, 2, 4, 5]);
  });

  test('what a dead process left and is refused is told once, however often own records are accepted meanwhile', async () => {
    const lines = collectDiag();
    const directory = join(temporaryDirectory(), 'spool');
    const dead = setUp({ directory, exporter: new ScriptedExporter(() => failure()) });
    for (let i = 0; i < 70; i += 1) dead.emit('poison');
    await dead.durable.shutdown();
    await withVirtualTime(async (pass) => {
      lines.length = 0;
      const exporter = new ScriptedExporter((records) =>
        records.some(({ body }) => body === 'poison') ? failure(400) : 'ok',
      );
      const { durable, emit } = setUp({ directory, exporter });
      const said = (text: string): number => lines.filter((line) => line.includes(text)).length;
      for (let second = 0; second < 600 && durable.stats().rejected < 70; second += 1) {
        emit(second);
        await pass(1_000);
      }
      // The disk is read in real time, while as much virtual time passes as there are turns.
      while (durable.stats().pending.own > 0) await pass(1_000);
      expect(durable.stats()).toMatchObject({ rejected: 70, pending: { own: 0, adopted: 0 } });
      expect(said('does not accept log records')).toBe(1);
      expect(said('accepts log records again')).toBe(1);
    });
  });

  test('a collector that refuses everything is misconfigured: 20 records in dead/, the rest is kept', async () => {
    const lines = collectDiag();
    const exporter = new ScriptedExporter(() => failure(400));
    const { emit, durable } = setUp({ exporter });
    for (let i = 1; i <= 1_000; i += 1) emit(i);
    await expect(durable.forceFlush({ timeoutMillis: 500 })).rejects.toMatchObject({
      code: 'flush_timeout',
      pending: 980,
    });
    expect(durable.stats().rejected).toBe(20);
    expect(lines.some((line) => line.includes('misconfigured'))).toBe(true);
    const requests = exporter.calls.length;
    expect(requests).toBeLessThan(100);
    exporter.answer = () => 'ok';
    await durable.forceFlush({ timeoutMillis: 5_000 }).catch(() => {});
    expect(exporter.bodies).toStrictEqual(numbers(21, 1_000));
  });

  test('what a dead process left may all be refused: own records are not held up by it', async () => {
    const first = setUp({ exporter: new ScriptedExporter(() => failure()) });
    for (let i = 0; i < 100; i += 1) first.emit('poison');
    await first.durable.shutdown();
    const exporter = new ScriptedExporter((records) =>
      records.some((r) => r.body === 'poison') ? failure(400) : 'ok',
    );
    const second = setUp({ directory: first.directory, exporter });
    await until(() => second.durable.stats().rejected === 20);
    // Without a flush, which would shorten any pause.
    second.emit('own');
    await until(() => exporter.bodies.includes('own'), 'the own record arrives', 1_000);
    expect(second.durable.stats()).toMatchObject({ rejected: 20, pending: { own: 0, adopted: 80 } });
  });

  test('thirty poison records in a row, good ones behind them: all poison goes to dead/, all good ones arrive', async () => {
    const exporter = new ScriptedExporter((records) =>
      records.some((r) => Number(r.body) <= 30) ? failure(400) : 'ok',
    );
    const { emit, durable } = setUp({ exporter });
    for (let i = 1; i <= 200; i += 1) emit(i);
    await expect(durable.forceFlush({ timeoutMillis: 5_000 })).rejects.toMatchObject({ code: 'rejected' });
    expect(exporter.bodies.toSorted((a, b) => Number(a) - Number(b))).toStrictEqual(numbers(31, 200));
    expect(exporter.bodies).toHaveLength(170);
    expect(durable.stats()).toMatchObject({ rejected: 30, pending: { own: 0 } });
  });

  test('whatever records are poison, in whatever ticks and batches: each good one arrives once, each poisoned one is in dead/', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 12 }),
        async (ticks, maxExportBatchSize, oneIn) => {
          let serial = 0;
          const poison = new Set<number>();
          const exporter = new ScriptedExporter((records) =>
            records.some((record) => poison.has(Number(record.body))) ? failure(400) : 'ok',
          );
          const { emit, durable } = setUp({ exporter, maxExportBatchSize });
          for (const tick of ticks) {
            for (const flag of tick) {
              serial += 1;
              // Never more than 19 in a row, or the collector would count as misconfigured.
              if (flag && serial % oneIn === 0 && serial % 19 !== 0) poison.add(serial);
              emit(serial);
            }
            await nextTick();
          }
          emit((serial += 1));
          await durable.forceFlush().catch((error: unknown) => expect(error).toMatchObject({ code: 'rejected' }));
          const good = numbers(1, serial).filter((i) => !poison.has(i));
          expect(exporter.bodies.toSorted((a, b) => Number(a) - Number(b))).toStrictEqual(good);
          expect(durable.stats()).toMatchObject({ rejected: poison.size, pending: { own: 0, adopted: 0 } });
          await durable.shutdown();
        },
      ),
      runs(60),
    );
  });

  test('no answer in time: kept and sent again; a second callback changes nothing', async () => {
    const exporter = new ScriptedExporter((_, call) => (call === 0 ? 'hang' : 'ok'));
    const { emit, durable } = setUp({ exporter, exportTimeoutMillis: 30 });
    emit(1);
    await durable.forceFlush();
    expect(exporter.bodies).toStrictEqual([1]);
  });

  test('dead/ is bounded: the oldest go out, counted', async () => {
    const exporter = new ScriptedExporter((records) =>
      records.some((record) => String(record.body).startsWith('poison')) ? failure(400) : 'ok',
    );
    const { emit, durable, directory } = setUp({ exporter, maxDeadBytes: 65_536 });
    for (let i = 1; i <= 60; i += 1) emit(`${i % 3 === 0 ? 'good' : 'poison'} ${'x'.repeat(2_000)}`);
    await durable.forceFlush().catch(() => {});
    const lost = durable.stats().lost['dead_full'] ?? 0;
    expect(durable.stats().rejected).toBe(40);
    expect(lost).toBeGreaterThan(0);
    const files = deadFiles(join(directory, 'dead'));
    expect(files.reduce((sum, file) => sum + file.bytes, 0)).toBeLessThanOrEqual(65_536);
    const text = files.map(({ path }) => readFileSync(path, 'latin1')).join('');
    expect(text.split('poison ').length - 1).toBe(40 - lost);
  });
});

describe('bounds', () => {
  test('the smallest spool takes as much as it can of what one tick emits', async () => {
    const exporter = new ScriptedExporter();
    const { emit, durable } = setUp({ exporter, maxBytes: 65_536 });
    for (let i = 1; i <= 2_000; i += 1) emit('x'.repeat(100));
    await durable.forceFlush().catch(() => {});
    const { lost, exported } = durable.stats();
    expect(Object.keys(lost)).toEqual(['spool_full']);
    expect(exported + (lost['spool_full'] ?? 0)).toBe(2_000);
    expect(exported).toBeGreaterThan(100);
  });

  test('beyond maxBytes the oldest records go, counted exactly and told, and what is left arrives', async () => {
    const exporter = new ScriptedExporter(() => failure());
    const { emit, durable, losses } = setUp({ exporter, maxBytes: 100_000 });
    for (let i = 1; i <= 3_000; i += 1) {
      emit(i, { text: 'x'.repeat(100) });
      if (i % 20 === 0) await nextTick();
    }
    const { lost, pending } = durable.stats();
    expect(pending.own + (lost['spool_full'] ?? 0)).toBe(3_000);
    await nextTick();
    expect(losses.reduce((sum, loss) => sum + loss.count, 0)).toBe(lost['spool_full']);
    exporter.answer = () => 'ok';
    await expect(durable.forceFlush()).rejects.toMatchObject({ code: 'rejected' });
    expect(exporter.bodies).toHaveLength(3_000 - (lost['spool_full'] ?? 0));
    expect(exporter.bodies.at(-1)).toBe(3_000);
  });

  test('that the bound dropped what was to be sent again is no sign that the collector is back; the rest goes on', async () => {
    const lines = collectDiag();
    const said = (): number => lines.filter((line) => line.includes('accepts log records again')).length;
    const exporter = new ScriptedExporter(() => failure());
    const { emit, durable } = setUp({ exporter, maxBytes: 70_000 });
    emit(1);
    await until(() => exporter.calls.length === 1);
    for (let i = 2; i <= 2_000; i += 1) {
      emit(i, { text: 'x'.repeat(100) });
      if (i % 20 === 0) await nextTick();
    }
    const left = durable.stats().pending.own;
    expect(durable.stats().lost).toStrictEqual({ spool_full: 2_000 - left });
    await until(() => exporter.calls.length === 2, 'it is tried again');
    expect(said()).toBe(0);
    exporter.answer = () => 'ok';
    await until(() => exporter.bodies.length === left, 'what is left arrives without a flush');
    expect(exporter.bodies).toStrictEqual(numbers(2_001 - left, 2_000));
    expect(said()).toBe(1);
  });

  test('with maxAgeMillis what waited longer is dropped, counted', async () => {
    let now = 1_000_000;
    const exporter = new ScriptedExporter(() => failure());
    const { emit, durable } = setUp({ exporter, maxAgeMillis: 1_000, now: () => now });
    emit('old');
    await until(() => exporter.calls.length === 1);
    now += 2_000;
    emit('new');
    exporter.answer = () => 'ok';
    await durable.forceFlush().catch(() => {});
    expect(exporter.bodies).toStrictEqual(['new']);
    expect(durable.stats().lost).toStrictEqual({ expired: 1 });
  });

  test('a clock that is set far ahead while records wait costs none of them', async () => {
    let now = 1_000_000;
    const exporter = new ScriptedExporter(() => failure());
    const { emit, durable } = setUp({ exporter, maxAgeMillis: 3_600_000, now: () => now });
    emit('waits');
    await until(() => exporter.calls.length === 1);
    now += 30 * 24 * 3_600_000;
    emit('new');
    exporter.answer = () => 'ok';
    await durable.forceFlush();
    expect(exporter.bodies).toStrictEqual(['waits', 'new']);
    expect(durable.stats().lost).toStrictEqual({});
  });

  test('an error thrown by onLoss does not leave the processor', async () => {
    const { durable } = setUp({
      onLoss: () => {
        throw new Error('no');
      },
    });
    await durable.shutdown();
    expect(() => durable.onEmit({} as LogRecord)).not.toThrow();
    await nextTick();
  });

  test('an onLoss that logs again, also while segments are dropped and damaged ones are read, mixes nothing up', async () => {
    const exporter = new ScriptedExporter(() => failure());
    const told: number[] = [];
    const { emit, durable } = setUp({
      exporter,
      maxBytes: 100_000,
      flush: 'record',
      onLoss: ({ count }) => {
        told.push(count);
        emit(`lost ${count}`);
      },
    });
    for (let i = 1; i <= 3_000; i += 1) {
      emit(i, { text: 'x'.repeat(100) });
      if (i % 20 === 0) await nextTick();
    }
    exporter.answer = () => 'ok';
    await durable.forceFlush().catch(() => {});
    const { received, lost } = durable.stats();
    expect(received).toBe(3_000 + told.length);
    expect(exporter.bodies).toHaveLength(received - (lost['spool_full'] ?? 0));
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(lost['spool_full']);
  });
});

describe('hostile records', () => {
  test('a record that cannot be read at all is counted; the provider and its neighbours do not notice', async () => {
    const { durable, exporter, emit } = setUp();
    emit(1);
    expect(() => durable.onEmit({ hrTime: null } as unknown as LogRecord)).not.toThrow();
    emit(2);
    await durable.forceFlush().catch(() => {});
    expect(exporter.bodies).toStrictEqual([1, 2]);
    expect(durable.stats().lost).toStrictEqual({ internal_error: 1 });
  });

  test('a diag logger that emits a log record while the spool fails does not mix up bytes', async () => {
    const { durable, emit, exporter, directory } = setUp();
    diag.setLogger(
      { error() {}, info() {}, debug() {}, verbose() {}, warn: (...line) => emit(line.join(' ')) },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    // Nothing can be written below a file.
    const [owner] = readdirSync(directory);
    renameOver(join(directory, owner as string));
    for (let i = 1; i <= 100; i += 1) emit(i);
    await durable.forceFlush();
    expect(exporter.bodies.filter((body) => typeof body === 'number')).toStrictEqual(numbers(1, 100));
    await until(() => exporter.bodies.some((body) => String(body).includes('the spool cannot be written')));
  });
});

describe('the directory', () => {
  test('a second processor on the same real path is refused, until the first has shut down', async () => {
    const { durable, directory } = setUp();
    expect(() => setUp({ directory: `${directory}/../spool` })).toThrow(
      expect.objectContaining({ code: 'directory_in_use' }),
    );
    await durable.shutdown();
    expect(() => setUp({ directory })).not.toThrow();
  });

  test('a file, a directory open to others and one that cannot be made are refused with a reason', () => {
    const base = temporaryDirectory();
    writeFileSync(join(base, 'file'), '');
    mkdirSync(join(base, 'open'));
    chmodSync(join(base, 'open'), 0o777);
    for (const [name, reason] of [
      ['file', /directory|EEXIST/],
      ['open', /others may write/],
      ['file/below', /cannot be created/],
    ] as const) {
      expect(() => setUp({ directory: join(base, name) })).toThrow(
        expect.objectContaining({ code: 'directory_unusable', message: expect.stringMatching(reason) as string }),
      );
    }
  });

  test('a very long path works', async () => {
    const directory = join(temporaryDirectory(), 'long'.repeat(30), 'spool');
    const first = setUp({ directory, exporter: new ScriptedExporter(() => failure()) });
    first.emit(1);
    const second = setUpInSamePlace(directory);
    await delay(100);
    expect(second.stats().pending.adopted).toBe(0);
    await second.shutdown();
    await first.durable.shutdown();
    const third = setUp({ directory });
    await until(() => third.exporter.bodies.length === 1);
  });

  test('when it is removed while the process runs, what is emitted afterwards still arrives', async () => {
    const { emit, durable, exporter, directory } = setUp();
    emit(1);
    await durable.forceFlush();
    const { rmSync } = await import('node:fs');
    rmSync(directory, { recursive: true });
    for (let i = 2; i <= 10; i += 1) emit(i);
    await durable.forceFlush();
    let last = 10;
    await until(() => {
      if (!existsSync(directory)) emit((last += 1));
      return existsSync(directory);
    }, 'the directory is made again');
    await durable.forceFlush();
    expect(exporter.bodies).toStrictEqual(numbers(1, last));
  });

  test('wrong options name the option and the value', () => {
    expect(() => setUp({ maxBytes: -1 })).toThrow(
      'expected `maxBytes` to be a whole number of bytes, 65,536 or more, got -1 (number)',
    );
    expect(() => setUp({ fsync: 'sometimes' as never })).toThrow('`fsync`');
    expect(() => setUp({ directory: '' })).toThrow('`directory`');
    expect(() => setUp({ bogus: 1 } as never)).toThrow('unknown option `bogus`');
    expect(() => new DurableLogRecordProcessor({ directory: 'x', exporter: {} as never })).toThrow('`exporter`');
  });
});

describe('flushSession', () => {
  /** Stands for the session processor: says which session the record under way belongs to. */
  class Router implements LogRecordProcessor {
    delivery: SessionDelivery | undefined;
    attached = 0;
    #serial = 0;

    onEmit(record: LogRecord): void {
      const id = record.attributes['session.id'];
      const serial = (this.#serial += 1);
      if (typeof id !== 'string') return;
      const entry = { entryId: `${id}:${serial}`, order: serial };
      noteRoutedRecord(record, { sessionId: id, detail: undefined, ...entry, source: this });
    }

    attachDelivery(delivery: SessionDelivery): void {
      this.delivery = delivery;
      this.attached += 1;
    }

    forceFlush(): Promise<void> {
      return Promise.resolve();
    }

    shutdown(): Promise<void> {
      return Promise.resolve();
    }
  }

  test('says up to which entry a session was delivered, and makes itself known once', async () => {
    const router = new Router();
    const { emit, durable, exporter } = setUp({ before: router });
    emit(1, { 'session.id': 'a' });
    emit(2, { 'session.id': 'b' });
    emit(3, { 'session.id': 'a' });
    emit(4);
    expect(router.delivery).toBe(durable);
    expect(router.attached).toBe(1);
    expect(await durable.flushSession('a')).toStrictEqual({ deliveredId: 'a:3', pending: 0, rejected: 0, dropped: 0 });
    expect(await durable.flushSession('b')).toMatchObject({ deliveredId: 'b:2', pending: 0 });
    expect(exporter.bodies).toStrictEqual([1, 2, 3, 4]);
  });

  test('a record that cannot be read is dropped, and no flush waits for it', async () => {
    class Breaking extends Router {
      override onEmit(record: LogRecord): void {
        super.onEmit(record);
        if (record.body === 'unreadable') Object.defineProperty(record, 'hrTime', { value: undefined });
      }
    }
    const { emit, durable } = setUp({ before: new Breaking() });
    emit('good', { 'session.id': 'a' });
    emit('unreadable', { 'session.id': 'a' });
    expect(await durable.flushSession('a')).toStrictEqual({ deliveredId: 'a:1', pending: 0, rejected: 0, dropped: 1 });
    expect(durable.stats().lost).toEqual({ internal_error: 1 });
  });

  test('waits for the entries logged before the call only, and tells what is pending at its timeout', async () => {
    const exporter = new ScriptedExporter((records) =>
      records.some((record) => record.body === 3) ? failure(503) : 'ok',
    );
    const { emit, durable } = setUp({ exporter, before: new Router(), maxExportBatchSize: 2 });
    emit(1, { 'session.id': 'a' });
    emit(2, { 'session.id': 'a' });
    const early = durable.flushSession('a');
    emit(3, { 'session.id': 'a' });
    emit(4, { 'session.id': 'b' });
    expect(await early).toStrictEqual({ deliveredId: 'a:2', pending: 0, rejected: 0, dropped: 0 });
    expect(await durable.flushSession('a', { timeoutMillis: 50 })).toMatchObject({ deliveredId: 'a:2', pending: 1 });
    expect(await durable.flushSession('b', { timeoutMillis: 50 })).toMatchObject({
      deliveredId: undefined,
      pending: 1,
    });
  });

  test('tells what was rejected and what a bound dropped', async () => {
    const exporter = new ScriptedExporter((records) =>
      records.some((record) => record.body === 'poison') ? failure(400) : 'ok',
    );
    const { emit, durable } = setUp({ exporter, before: new Router() });
    emit('poison', { 'session.id': 'a' });
    emit('good', { 'session.id': 'a' });
    expect(await durable.flushSession('a')).toStrictEqual({ deliveredId: 'a:2', pending: 0, rejected: 1, dropped: 0 });

    const dead = setUp({ exporter: new ScriptedExporter(() => failure()), before: new Router(), maxBytes: 70_000 });
    for (let i = 0; i < 1_000; i += 1) {
      dead.emit('x'.repeat(200), { 'session.id': i < 100 ? 'early' : 'late' });
      if (i % 10 === 0) await nextTick();
    }
    expect(await dead.durable.flushSession('early')).toStrictEqual({
      deliveredId: undefined,
      pending: 0,
      rejected: 0,
      dropped: 100,
    });
    const late = await dead.durable.flushSession('late', { timeoutMillis: 10 });
    expect(late.pending + late.dropped).toBe(900);
    expect(late.dropped).toBe((dead.durable.stats().lost['spool_full'] ?? 0) - 100);
  });

  test('of an unknown session it waits for everything', async () => {
    const { emit, durable, exporter } = setUp();
    emit(1);
    expect(await durable.flushSession('nobody')).toStrictEqual({
      deliveredId: undefined,
      pending: 0,
      rejected: 0,
      dropped: 0,
    });
    expect(exporter.bodies).toStrictEqual([1]);
  });
});

/** Puts a file in the place of a directory, so that nothing can be made in it. */
function renameOver(path: string): void {
  // oxlint-disable-next-line typescript/no-require-imports -- a synchronous helper of one test
  const { rmSync } = process.getBuiltinModule('node:fs');
  rmSync(path, { recursive: true });
  writeFileSync(path, '');
}

/** A second processor as another process would have it: this process does not know that the directory is in use. */
function setUpInSamePlace(directory: string): DurableLogRecordProcessor {
  const roots = (globalThis as Record<symbol, Set<string>>)[Symbol.for('otel-session-logs.spool-roots.v1')];
  const known = [...(roots ?? [])];
  roots?.clear();
  const durable = new DurableLogRecordProcessor({ exporter: new ScriptedExporter(), directory });
  for (const root of known) roots?.add(root);
  return durable;
}
