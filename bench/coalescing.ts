/**
 * Row 12: an answer of 500 tokens on its way to a collector: one record a token, or one record.
 *
 * 200 answers stream side by side and are flushed once, as on a server with many sessions: batches are full (512 records).
 */
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as OTLPProtoExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { LogRecordExporter, LogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { Logger } from '@opentelemetry/api-logs';

import type { Build } from './build.ts';
import { startCollector } from './collector.ts';
import type { Collector } from './collector.ts';
import { costOf, full, keep, median, pair } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import { providerOf } from './provider.ts';

const ANSWERS = full(200);
const TEXT =
  'The session is one append-only log, and a reader holds nothing but a position in it. So a page that reloads in ' +
  'mid-answer goes on at the very next token, two tabs see the same stream, and a slow one cannot hold up the rest. ';
/** 500 pieces of 4.4 characters on average, as tokenizers cut English. */
const TOKENS = (TEXT.repeat(12).match(/ ?\w{1,5}|[^\w]/g) ?? []).slice(0, 500);
/** With the start and the end of the answer. */
const RECORDS = ANSWERS * (TOKENS.length + 2);
const MERGED_ROUNDS = 9;
const ROUNDS = { rounds: 7, warmUps: 1 };

const answers = Array.from({ length: ANSWERS }, (_, n) => ({
  'session.id': `session-${n}`,
  'session_logs.stream_id': `answer-${n}`,
}));

const exporters: Record<string, (url: string) => LogRecordExporter> = {
  JSON: (url) => new OTLPLogExporter({ url }),
  'JSON with gzip': (url) => new OTLPLogExporter({ url, compression: CompressionAlgorithm.GZIP }),
  protobuf: (url) => new OTLPProtoExporter({ url }),
};

function emitAll(logger: Logger): void {
  for (const attributes of answers) {
    logger.emit({ eventName: 'session_logs.stream_start', body: '<start>', attributes });
  }
  for (const body of TOKENS) for (const attributes of answers) logger.emit({ body, attributes });
  for (const attributes of answers) {
    logger.emit({ eventName: 'session_logs.stream_end', body: '</end>', attributes });
  }
}

interface Cost {
  /** Of a record, in nanoseconds. Nothing asynchronous runs in it: all of the export is in the other. */
  readonly emitting: number;
  /** Of an answer, in microseconds. */
  readonly exporting: number;
}

async function costThrough(...processors: readonly LogRecordProcessor[]): Promise<Cost> {
  const provider = providerOf(...processors);
  keep(provider);
  const logger = provider.getLogger('bench');
  const emitting = await costOf(RECORDS, () => emitAll(logger));
  const exporting = (await costOf(ANSWERS, () => provider.forceFlush({ timeoutMillis: 60_000 }))) / 1000;
  await provider.shutdown();
  return { emitting, exporting };
}

function batchTo(exporter: LogRecordExporter): LogRecordProcessor {
  return new BatchLogRecordProcessor({ exporter, maxQueueSize: RECORDS });
}

async function mergedTo(exporter: LogRecordExporter, build: Build): Promise<LogRecordProcessor> {
  const { CoalescingLogRecordProcessor } = await build.export();
  return new CoalescingLogRecordProcessor({ processor: batchTo(exporter) });
}

async function withCollector<T>(work: (collector: Collector) => Promise<T>): Promise<T> {
  const collector = await startCollector();
  try {
    return await work(collector);
  } finally {
    collector.close();
  }
}

/** CPU of the export of an answer, merged and, as the base, token by token; and how many times fewer bytes are sent. */
function exportCost(exporter: (url: string) => LogRecordExporter): Measure {
  return (build) =>
    withCollector(async (collector) => {
      const { url } = collector;
      const bytes = { merged: [] as number[], plain: [] as number[] };
      const round = async (name: 'merged' | 'plain', processor: LogRecordProcessor): Promise<number> => {
        const before = (await collector.received()).bytes;
        const { exporting } = await costThrough(processor);
        bytes[name].push((await collector.received()).bytes - before);
        return exporting;
      };
      const cost = await pair(
        async () => {
          // A collection throws away the serializer's compiled code, and one flush is too short to compile it again.
          globalThis.gc?.();
          const costs: number[] = [];
          for (let n = 0; n < MERGED_ROUNDS; n += 1)
            costs.push(await round('merged', await mergedTo(exporter(url), build)));
          return median(costs);
        },
        () => {
          globalThis.gc?.();
          return round('plain', batchTo(exporter(url)));
        },
        ROUNDS,
      );
      return { ...cost, also: median(bytes.plain) / median(bytes.merged) };
    });
}

/** CPU that a processor takes within `emit`, above one that does nothing. */
function emitCost(make: (url: string) => Promise<LogRecordProcessor>): Promise<Sample> {
  return withCollector(async ({ url }) => {
    const emitting = async (...processors: readonly LogRecordProcessor[]): Promise<number> => {
      globalThis.gc?.();
      return (await costThrough(...processors)).emitting;
    };
    const { figure, base } = await pair(
      async () => emitting(await make(url)),
      () => emitting(),
      ROUNDS,
    );
    return { figure: figure - base };
  });
}

const json = (url: string): LogRecordExporter => new OTLPLogExporter({ url });

export const rows: readonly Row[] = [
  ...Object.entries(exporters).map(([name, exporter]): Row => ({
    row: 12,
    what: `an answer of 500 tokens exported as one record, CPU, ${name}`,
    unit: 'µs',
    ours: exportCost(exporter),
    base: 'one record a token',
    also: 'times fewer bytes on the wire',
    target: { of: 'base', atMost: 1 / 50 },
  })),
  {
    row: 12,
    what: 'what merging adds to the emit of a token',
    unit: 'ns',
    ours: (build) => emitCost((url) => mergedTo(json(url), build)),
    peers: { 'the batch processor alone': () => emitCost(async (url) => batchTo(json(url))) },
  },
];
