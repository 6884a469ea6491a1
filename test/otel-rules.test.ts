import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { afterEach, describe, expect, it } from 'vitest';

import { CoalescingLogRecordProcessor } from '../src/export/coalescing/coalescing.ts';
import { QueuedLogRecordProcessor } from '../src/export/delivery/queued.ts';
import { SessionLogRecordProcessor } from '../src/facade/session-processor.ts';
import type { LogRecordProcessor } from '../src/otel/log-record.ts';
import { contextWithSession, withSession } from '../src/route/session-context.ts';
import { GatedLogRecordProcessor } from '../src/start/gated-processor.ts';
import { MemorySessionStore } from '../src/store/memory/memory.ts';
import { describeProcessorRules } from './otel-rules.ts';
import type { ProcessorUnderTest, RuleOptions } from './otel-rules.ts';
import { recordDiagnostics } from './support/diagnostics.ts';
import { ManualExporter } from './support/manual-exporter.ts';
import { sdkLines } from './support/sdk-lines.ts';
import type { SdkLine } from './support/sdk-lines.ts';

describeProcessorRules('SessionLogRecordProcessor', () => {
  const store = new MemorySessionStore();
  const processor = new SessionLogRecordProcessor({ store });
  return {
    processor,
    delivered: () => store.entries().map((entry) => entry.message),
    lost: () => processor.stats().lost,
  };
});

function batch(
  _line: SdkLine,
  { timeoutMillis }: RuleOptions,
): ProcessorUnderTest & { processor: QueuedLogRecordProcessor } {
  const exporter = new ManualExporter();
  const processor = new QueuedLogRecordProcessor({
    exporter,
    forceFlushTimeoutMillis: timeoutMillis,
    shutdownTimeoutMillis: timeoutMillis,
  });
  return {
    processor,
    delivered: () => exporter.bodies(),
    lost: () => processor.stats().lost,
    destinationShutdowns: () => exporter.shutdowns,
    hold: () => exporter.hold(),
    release: () => exporter.release(),
  };
}

describeProcessorRules('QueuedLogRecordProcessor', batch);

describeProcessorRules('CoalescingLogRecordProcessor', (line, options) => {
  const inner = batch(line, options);
  const processor = new CoalescingLogRecordProcessor({ processor: inner.processor });
  return {
    ...inner,
    processor,
    lost: () => processor.stats().lost,
    flush: (timeoutMillis) => processor.forceFlush({ timeoutMillis }),
    shutdownMillis: 10_000,
  };
});

describe.each(sdkLines)('rules of single processors on SDK %s', (_name, line) => {
  const diagnostics = recordDiagnostics();
  afterEach(() => context.disable());

  it('1: a processor inside the coalescing or the pipeline processor that throws keeps nothing from the next', async () => {
    const thrower: LogRecordProcessor = {
      onEmit: () => {
        throw new Error('inner');
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    };
    const under = batch(line, { timeoutMillis: 1000 });
    const gate = new SessionLogRecordProcessor();
    const pipeline = new GatedLogRecordProcessor(gate, [
      { processor: thrower, minimumSeverity: undefined },
      { processor: under.processor, minimumSeverity: undefined },
    ]);
    const provider = new line.sdk.LoggerProvider({
      processors: [new CoalescingLogRecordProcessor({ processor: thrower }), pipeline],
    });
    expect(() => provider.getLogger('test').emit({ body: 'x' })).not.toThrow();
    await provider.shutdown();
    expect(under.delivered()).toEqual(['x']);
    const told = (what: string): string[] => diagnostics.lines.filter((text) => text.includes(what));
    // At most one line a minute for the whole process.
    expect(told('a processor threw').length).toBeLessThanOrEqual(1);
  });

  it('2: session.id is stamped for the processors after ours, as early ones set the session for ours', async () => {
    const seen: unknown[] = [];
    const store = new MemorySessionStore();
    const enricher: LogRecordProcessor = {
      onEmit: (record) => void record.setAttribute('gen_ai.conversation.id', 'c'),
      forceFlush: async () => {},
      shutdown: async () => {},
    };
    const reader: LogRecordProcessor = { ...enricher, onEmit: (record) => void seen.push(record.attributes) };
    const provider = new line.sdk.LoggerProvider({
      processors: [enricher, new SessionLogRecordProcessor({ store }), reader],
    });
    provider.getLogger('test').emit({ body: 'x' });
    expect(seen).toEqual([{ 'gen_ai.conversation.id': 'c', 'session.id': 'c' }]);
    expect(store.entries().map((entry) => entry.sessionId)).toEqual(['c']);
  });

  it('5 and 12: exported records share their resource and scope objects, one batch at a time', async () => {
    const exporter = new ManualExporter();
    const processor = new QueuedLogRecordProcessor({
      exporter,
      maxExportBatchSize: 3,
    });
    const logger = new line.sdk.LoggerProvider({ processors: [processor] }).getLogger('scope', '1');
    for (let i = 0; i < 20; i += 1) logger.emit({ body: `${i}` });
    await processor.shutdown();
    const records = exporter.batches.flat();
    expect(new Set(records.map((record) => record.resource)).size).toBe(1);
    expect(new Set(records.map((record) => record.instrumentationScope)).size).toBe(1);
    expect(exporter.mostInFlight).toBe(1);
  });

  it('6: an explicit context beats the active one', () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const store = new MemorySessionStore();
    const provider = new line.sdk.LoggerProvider({ processors: [new SessionLogRecordProcessor({ store })] });
    const logger = provider.getLogger('test');
    withSession('active', () => {
      logger.emit({ body: 'a' });
      logger.emit({ body: 'b', context: contextWithSession(ROOT_CONTEXT, 'explicit') });
    });
    expect(store.entries().map((entry) => [entry.message, entry.sessionId])).toEqual([
      ['a', 'active'],
      ['b', 'explicit'],
    ]);
  });

  it('14: a destination that hangs does not keep another from its records', async () => {
    const stuck = batch(line, { timeoutMillis: 50 });
    const well = batch(line, { timeoutMillis: 1000 });
    stuck.hold?.();
    const provider = new line.sdk.LoggerProvider({ processors: [stuck.processor, well.processor] });
    provider.getLogger('test').emit({ body: 'x' });
    await well.processor.forceFlush();
    expect(well.delivered()).toEqual(['x']);
    await expect(provider.shutdown()).rejects.toMatchObject({ code: 'shutdown_timeout' });
  });

  it('16: exports run with tracing suppressed', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const suppressed: boolean[] = [];
    const exporter = new ManualExporter();
    const original = exporter.export.bind(exporter);
    exporter.export = (records, done) => {
      suppressed.push(isTracingSuppressed(context.active()));
      original(records, done);
    };
    const processor = new QueuedLogRecordProcessor({
      exporter,
    });
    new line.sdk.LoggerProvider({ processors: [processor] }).getLogger('test').emit({ body: 'x' });
    await processor.shutdown();
    expect(suppressed).toEqual([true]);
  });
});
