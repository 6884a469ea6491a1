import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { CoalescingLogRecordProcessor } from '../../src/export/coalescing/coalescing.ts';
import { DurableLogRecordProcessor } from '../../src/export/durable/durable.ts';
import { QueuedLogRecordProcessor } from '../../src/export/delivery/queued.ts';
import { DateFileLogRecordProcessor } from '../../src/export/file/date-file.ts';
import { SessionLogRecordProcessor } from '../../src/facade/session-processor.ts';
import type { LogRecordProcessor } from '../../src/otel/log-record.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { ManualExporter } from '../support/manual-exporter.ts';
import { newerLine } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Longer than any test may take. */
const FOR_EVER = 600_000;

const diagnostics = recordDiagnostics();

function hangingExporter(): ManualExporter {
  const exporter = new ManualExporter();
  exporter.hold();
  return exporter;
}

function startBatch(): QueuedLogRecordProcessor {
  return new QueuedLogRecordProcessor({
    exporter: hangingExporter(),
    exportTimeoutMillis: FOR_EVER,
    forceFlushTimeoutMillis: FOR_EVER,
    shutdownTimeoutMillis: FOR_EVER,
  });
}

function startDurable(): DurableLogRecordProcessor {
  const directory = join(temporaryDirectory(), 'spool');
  const durable = new DurableLogRecordProcessor({
    exporter: hangingExporter(),
    directory,
    exportTimeoutMillis: FOR_EVER,
    forceFlushTimeoutMillis: FOR_EVER,
    shutdownTimeoutMillis: FOR_EVER,
  });
  onTestFinished(() => durable.shutdown({ timeoutMillis: 10 }));
  return durable;
}

function emit(processor: LogRecordProcessor, count: number): void {
  const logger = new newerLine.sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
  for (let i = 0; i < count; i += 1) logger.emit({ body: `${i}`, severityNumber: 9 });
}

describe('an exporter that never answers', () => {
  test('behind the coalescing and the batch processor: both ends are in time, with what is pending and lost', async () => {
    const batch = startBatch();
    const processor = new CoalescingLogRecordProcessor({ processor: batch });
    emit(processor, 10);
    const flush = processor.forceFlush({ timeoutMillis: 30 });
    await expect(flush).rejects.toMatchObject({ code: 'flush_timeout', pending: 10 });
    const end = processor.shutdown({ timeoutMillis: 30 });
    await expect(end).rejects.toMatchObject({ code: 'shutdown_timeout', pending: 10 });
    expect(batch.stats().lost).toStrictEqual({ export_failed: 10 });
  });

  test('behind the coalescing and the durable processor: in time, and nothing is lost', async () => {
    const durable = startDurable();
    const processor = new CoalescingLogRecordProcessor({ processor: durable });
    emit(processor, 10);
    const flush = processor.forceFlush({ timeoutMillis: 30 });
    await expect(flush).rejects.toMatchObject({ code: 'flush_timeout', pending: 10 });
    await processor.shutdown({ timeoutMillis: 2_000 });
    expect(durable.stats()).toMatchObject({ pending: { own: 10 }, lost: {} });
    expect(diagnostics.lines.filter((line) => line.includes('10 log records are not delivered'))).toHaveLength(1);
  });

  test.each([
    ['batch', startBatch],
    ['durable', startDurable],
  ])('%s: a flush during a shutdown ends in its own time', async (_, make) => {
    const processor = make();
    emit(processor, 1);
    const end = processor.shutdown({ timeoutMillis: 2_000 }).catch(() => 'late');
    const flush = processor.forceFlush({ timeoutMillis: 10 });
    await expect(flush).rejects.toMatchObject({ code: 'flush_timeout' });
    await end;
  });
});

/** A processor of ours, as JavaScript may call it. */
interface TimedProcessor extends LogRecordProcessor {
  forceFlush(options?: object): Promise<void>;
  shutdown(options?: object): Promise<void>;
  enabled(options: object): boolean;
}

describe('a time-out that is none', () => {
  const makers: readonly (readonly [string, () => LogRecordProcessor])[] = [
    ['batch', () => new QueuedLogRecordProcessor({ exporter: new ManualExporter() })],
    ['durable', startDurable],
    ['coalescing', () => new CoalescingLogRecordProcessor({ processor: startBatch() })],
    ['daily file', () => new DateFileLogRecordProcessor({ directory: join(temporaryDirectory(), 'logs') })],
    ['session', () => new SessionLogRecordProcessor()],
  ];

  test.each(makers)('%s: is refused at once, by name, and ends nothing', async (_, make) => {
    const processor = make() as TimedProcessor;
    onTestFinished(() => processor.shutdown());
    for (const timeoutMillis of [Number.NaN, -1, '5', null]) {
      for (const method of ['forceFlush', 'shutdown'] as const) {
        const call = async (): Promise<void> => processor[method]({ timeoutMillis });
        await expect(call()).rejects.toThrow(new RegExp(`^${method}: expected \`timeoutMillis\` to be .*, got`));
      }
    }
    expect(processor.enabled({})).toBe(true);
  });

  test.each([['batch', startBatch] as const, ['durable', startDurable] as const])(
    '%s: flushSession refuses it too',
    async (_, make) => {
      const processor = make();
      onTestFinished(() => processor.shutdown());
      await expect(processor.flushSession('a', { timeoutMillis: Number.NaN })).rejects.toThrow(
        'flushSession: expected `timeoutMillis` to be',
      );
    },
  );

  test('none at all and for ever are times', async () => {
    const processor = new QueuedLogRecordProcessor({ exporter: new ManualExporter() });
    await processor.forceFlush({ timeoutMillis: 0 });
    emit(processor, 1);
    await processor.forceFlush({ timeoutMillis: Infinity });
    await processor.shutdown({ timeoutMillis: Infinity });
    expect(processor.stats()).toMatchObject({ exported: 1, lost: {} });
  });
});

test('the inner processor gets the time that is left', async () => {
  const given: (number | undefined)[] = [];
  const processor = new CoalescingLogRecordProcessor({
    processor: {
      onEmit: () => {},
      forceFlush: () => new Promise(() => {}),
      shutdown: (options?: { timeoutMillis?: number }) => {
        given.push(options?.timeoutMillis);
        return Promise.resolve();
      },
    },
  });
  const flush = processor.forceFlush({ timeoutMillis: 20 }).catch((error: unknown) => error);
  // Half of it is spent on the flush, which hangs.
  await processor.shutdown({ timeoutMillis: 100 });
  expect(await flush).toMatchObject({ code: 'flush_timeout' });
  expect(given).toHaveLength(1);
  expect(given[0]).toBeLessThan(100);
});
