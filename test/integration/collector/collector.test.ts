import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { AnyValue, Attributes } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { QueuedLogRecordProcessor } from '../../../src/export/delivery/queued.ts';
import { deadFiles } from '../../../src/export/durable/dead-letters.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import type { LogRecordExporter, LogRecordProcessor } from '../../../src/otel/log-record.ts';
import type { ReceivedRecord } from '../../support/otlp-decode.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';
import { collectorBinary, CollectorProcess, noCollector } from './collector-process.ts';

const LINES = {
  '3.x': createRequire(import.meta.url),
  '0.2xx': createRequire(new URL('../../lines/sdk-0.2xx/package.json', import.meta.url)),
} as const;
type Line = keyof typeof LINES;

const PROTOCOLS = {
  JSON: '@opentelemetry/exporter-logs-otlp-http',
  protobuf: '@opentelemetry/exporter-logs-otlp-proto',
  gRPC: '@opentelemetry/exporter-logs-otlp-grpc',
} as const;
type Protocol = keyof typeof PROTOCOLS;

interface Emitted {
  readonly body: AnyValue;
  readonly attributes?: Attributes;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly timestamp?: [number, number];
  readonly eventName?: string;
  readonly traceId?: string;
}

/** The part of an SDK that these tests use; each line has classes of its own. */
interface Sdk {
  readonly LoggerProvider: new (options: { processors: LogRecordProcessor[] }) => {
    getLogger(name: string, version?: string): { emit(record: unknown): void };
  };
}

describe.skipIf(noCollector !== undefined)(
  `a real OpenTelemetry Collector${noCollector === undefined ? '' : ` (skipped: ${noCollector})`}`,
  () => {
    let binary: string;
    beforeAll(() => {
      binary = collectorBinary();
    }, 600_000);

    let collector: CollectorProcess | undefined;
    afterAll(() => collector?.stop());

    async function startCollector(): Promise<CollectorProcess> {
      const started = await CollectorProcess.start(binary, join(temporaryDirectory(), 'out.jsonl'));
      collector = started;
      onTestFinished(() => started.stop());
      return started;
    }

    function makeExporter(
      target: CollectorProcess,
      line: Line,
      protocol: Protocol,
      compression: 'gzip' | 'none',
    ): LogRecordExporter {
      const { OTLPLogExporter } = LINES[line](PROTOCOLS[protocol]) as {
        OTLPLogExporter: new (options: object) => LogRecordExporter;
      };
      const url = protocol === 'gRPC' ? target.grpcUrl : target.httpUrl;
      return new OTLPLogExporter({ url, compression, timeoutMillis: 2_000 });
    }

    function emitterFor(processor: LogRecordProcessor, line: Line): (record: Emitted) => void {
      const { LoggerProvider } = LINES[line]('@opentelemetry/sdk-logs') as Sdk;
      const logger = new LoggerProvider({ processors: [processor] }).getLogger('scope', '1.0');
      return ({ traceId, ...record }) => {
        const span = { traceId: traceId ?? '', spanId: '0123456789abcdef', traceFlags: 1 };
        const context = traceId === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, span);
        logger.emit({ ...record, context });
      };
    }

    function setUp(
      exporter: LogRecordExporter,
      line: Line,
    ): { emit: (record: Emitted) => void; durable: DurableLogRecordProcessor; directory: string } {
      const directory = join(temporaryDirectory(), 'spool');
      const durable = new DurableLogRecordProcessor({
        exporter,
        directory,
        scheduledDelayMillis: 20,
        shutdownTimeoutMillis: 500,
      });
      onTestFinished(() => durable.shutdown());
      return { emit: emitterFor(durable, line), durable, directory };
    }

    const cases = (['3.x', '0.2xx'] as const).flatMap((line) =>
      (['JSON', 'protobuf', 'gRPC'] as const).map((protocol) => ({ line, protocol })),
    );

    const queued = [
      { line: '3.x', protocol: 'JSON', place: 'memory' },
      { line: '0.2xx', protocol: 'gRPC', place: 'memory' },
    ] as const;

    test.each([...cases.map((each) => ({ ...each, place: 'the disk' })), ...queued])(
      '$protocol on the $line line, from $place: 2,000 records over a restart in mid-stream arrive once and unchanged',
      async ({ line, protocol, place }) => {
        const target = await startCollector();
        const exporter = makeExporter(target, line, protocol, protocol === 'JSON' ? 'none' : 'gzip');
        const processor =
          place === 'memory'
            ? new QueuedLogRecordProcessor({ exporter, scheduledDelayMillis: 20, shutdownTimeoutMillis: 500 })
            : setUp(exporter, line).durable;
        onTestFinished(() => processor.shutdown());
        const emit = emitterFor(processor, line);
        const emitted: Emitted[] = [];
        let restart: Promise<void> | undefined;
        for (let i = 0; i < 2_000; i += 1) {
          const record = recordOf(i);
          emitted.push(record);
          emit(record);
          if (i % 20 === 0) await delay(5);
          if (i === 600) {
            restart = (async () => {
              await target.stop();
              await delay(300);
              await target.restart();
            })();
          }
        }
        await restart;
        await processor.forceFlush({ timeoutMillis: 20_000 });
        await target.stop();
        const records = target.records();
        expect(records).toHaveLength(2_000);
        for (const [i, record] of records.entries()) expectSame(record, emitted[i] as Emitted);
      },
      40_000,
    );

    test.each(cases.filter(({ line }) => line === '3.x'))(
      '$protocol: values that OTLP has no form for cost at most their own record',
      async ({ line, protocol }) => {
        const target = await startCollector();
        const { emit, durable, directory } = setUp(makeExporter(target, line, protocol, 'none'), line);
        const cyclic: Record<string, AnyValue> = { text: 'cyclic' };
        cyclic['self'] = cyclic;
        let deep: AnyValue = 'end';
        for (let i = 0; i < 500; i += 1) deep = { deep };
        const poison: AnyValue[] = [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 63, { inner: [Number.NaN] }];
        const harmless: AnyValue[] = [
          cyclic,
          deep,
          '\ud800 lone',
          new Uint8Array([0, 255]),
          -0,
          '',
          { ['__proto__']: 1 },
        ];
        for (let i = 0; i < 50; i += 1) emit({ body: `before ${i}` });
        for (const body of poison) emit({ body, attributes: { kind: 'poison' } });
        for (const body of harmless) emit({ body, attributes: { kind: 'harmless' } });
        for (let i = 0; i < 50; i += 1) emit({ body: `after ${i}` });
        await durable.forceFlush({ timeoutMillis: 20_000 }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'rejected' });
        });
        await target.stop();
        const records = target.records();
        const ofKind = (kind: string): ReceivedRecord[] =>
          records.filter((record) => record.attributes['kind'] === kind);
        expect(ofKind('harmless')).toHaveLength(harmless.length);
        expect(records.filter((record) => /^(before|after) \d+$/.test(String(record.body)))).toHaveLength(100);
        // Whatever the Collector did not take is in dead/.
        expect(ofKind('poison').length + durable.stats().rejected).toBe(poison.length);
        expect(durable.stats().pending.own).toBe(0);
        expect(durable.stats().lost).toStrictEqual({});
        expect(deadFiles(join(directory, 'dead')).length > 0).toBe(durable.stats().rejected > 0);
        console.log(
          `${protocol}: ${durable.stats().rejected} of ${poison.length} poison records rejected by the Collector`,
        );
      },
      40_000,
    );

    test('a record beyond what the Collector takes over gRPC goes to dead/, its neighbours arrive', async () => {
      const target = await startCollector();
      const { emit, durable } = setUp(makeExporter(target, '3.x', 'gRPC', 'none'), '3.x');
      for (let i = 0; i < 20; i += 1) emit({ body: `small ${i}` });
      emit({ body: 'x'.repeat(5 * 1_048_576) });
      for (let i = 20; i < 40; i += 1) emit({ body: `small ${i}` });
      await expect(durable.forceFlush({ timeoutMillis: 20_000 })).rejects.toMatchObject({ code: 'rejected' });
      await until(() => target.records().length === 40);
      expect(durable.stats()).toMatchObject({ rejected: 1, exported: 40 });
    }, 40_000);
  },
);

function recordOf(i: number): Emitted {
  return {
    body: i % 3 === 0 ? `text ${i} ü€😀\n"quoted"` : { text: `nested ${i}`, list: [i, 'x', true], half: i + 0.5 },
    attributes: { 'session.id': `session ${i % 17}`, i, flag: i % 2 === 0, tags: ['a', `b${i}`] },
    severityNumber: (i % 24) + 1,
    severityText: `S${i % 24}`,
    timestamp: [1_760_000_000 + i, 123_456_789],
    ...(i % 5 === 0 ? { eventName: `event.${i}` } : {}),
    ...(i % 4 === 0 ? { traceId: (i + 1).toString(16).padStart(32, '0') } : {}),
  };
}

function expectSame(record: ReceivedRecord, emitted: Emitted): void {
  expect(record).toMatchObject({
    body: emitted.body,
    attributes: emitted.attributes,
    severityNumber: emitted.severityNumber,
    severityText: emitted.severityText,
    timeUnixNano: `${emitted.timestamp?.[0]}123456789`,
    eventName: emitted.eventName ?? '',
    traceId: emitted.traceId ?? '',
    spanId: emitted.traceId === undefined ? '' : '0123456789abcdef',
    flags: emitted.traceId === undefined ? 0 : 1,
    scope: { name: 'scope', version: '1.0' },
  });
}
