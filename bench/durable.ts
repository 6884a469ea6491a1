/**
 * Rows 9 to 11: what the disk spool costs while records are emitted, how fast a backlog is shipped against the stock
 * pipeline with its queue preloaded, and a tight loop of a million records.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { LoggerProvider, LogRecordExporter, LogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { Logger } from '@opentelemetry/api-logs';

import type { Build } from './build.ts';
import { startCollector } from './collector.ts';
import type { Collector } from './collector.ts';
import { afterCollection, costOf, full, keep, nextTurn, pair, repeat } from './harness.ts';
import type { Measure, Row, Sample } from './harness.ts';
import { providerOf } from './provider.ts';

/** Never answers: nothing is shipped while the emitting is measured. */
const silent: LogRecordExporter = {
  export() {},
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

function emit(logger: Logger, n: number): void {
  logger.emit({
    severityNumber: 9,
    severityText: 'INFO',
    body: `message ${n} of the application, with some more text in it`,
    attributes: { 'session.id': `session-${n % 100}`, 'http.route': '/api/chat', attempt: 1 },
  });
}

function emitAll(processor: LogRecordProcessor, count: number): void {
  const logger = providerOf(processor).getLogger('bench', '1.0.0');
  for (let n = 0; n < count; n += 1) emit(logger, n);
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-durable-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

// Row 9

const EMITS = full(102_400);

/** CPU microseconds per record, some records in each turn of the event loop. */
async function emitCost(provider: LoggerProvider, perTurn: number): Promise<number> {
  keep(provider);
  const logger = provider.getLogger('bench', '1.0.0');
  const emitInTurns = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      emit(logger, n);
      if (n % perTurn === perTurn - 1) await nextTurn();
    }
  };
  await afterCollection(() => emitInTurns(full(5_120)));
  return (await costOf(EMITS, () => emitInTurns(EMITS))) / 1000;
}

function extraCost(perTurn: number): Measure {
  return async (build) => {
    const { DurableLogRecordProcessor } = await build.export();
    const ours = (): Promise<number> =>
      inDirectory(async (directory) => {
        const durable = new DurableLogRecordProcessor({ exporter: silent, directory, shutdownTimeoutMillis: 0 });
        const cost = await emitCost(providerOf(durable), perTurn);
        await durable.shutdown();
        return cost;
      });
    const { figure, base } = await pair(ours, () => emitCost(providerOf(), perTurn), { rounds: 7 });
    return { figure: figure - base, also: base };
  };
}

// Row 10

const BACKLOG = full(50_000);

/** Records a second of the clock; fails if one is lost. */
async function shipped(work: (collector: Collector) => Promise<number>): Promise<Sample> {
  const collector = await startCollector();
  let rounds = 0;
  try {
    const sample = await repeat(
      async () => {
        const millis = await work(collector);
        rounds += 1;
        const { records } = await collector.received();
        if (records !== BACKLOG * rounds) throw new Error(`${records} of ${BACKLOG * rounds} records arrived`);
        return (BACKLOG / millis) * 1_000;
      },
      { rounds: 5, warmUps: 1 },
    );
    return sample;
  } finally {
    collector.close();
  }
}

async function shipStock({ url }: Collector): Promise<number> {
  const exporter = new OTLPLogExporter({ url });
  const processor = new BatchLogRecordProcessor({ exporter, maxQueueSize: BACKLOG, scheduledDelayMillis: 600_000 });
  keep(processor);
  // The first full batch leaves at once; the rest waits for the flush.
  emitAll(processor, BACKLOG);
  globalThis.gc?.();
  const began = performance.now();
  await processor.forceFlush();
  const millis = performance.now() - began;
  await processor.shutdown();
  return millis;
}

async function shipDurable({ url }: Collector, build: Build): Promise<number> {
  const { DurableLogRecordProcessor } = await build.export();
  return inDirectory(async (directory) => {
    const first = new DurableLogRecordProcessor({ exporter: silent, directory, shutdownTimeoutMillis: 0 });
    keep(first);
    emitAll(first, BACKLOG);
    await first.shutdown();
    globalThis.gc?.();
    const began = performance.now();
    const durable = new DurableLogRecordProcessor({ exporter: new OTLPLogExporter({ url }), directory });
    while (durable.stats().exported < BACKLOG) await nextTurn();
    const millis = performance.now() - began;
    await durable.shutdown();
    return millis;
  });
}

// Row 11

const LOOP = full(1_000_000);

/** How many records of a tight loop arrive, and the milliseconds until they are there. */
async function arrivals(make: (exporter: LogRecordExporter) => LogRecordProcessor): Promise<Sample> {
  const collector = await startCollector();
  try {
    const processor = make(new OTLPLogExporter({ url: collector.url }));
    const began = performance.now();
    emitAll(processor, LOOP);
    await processor.shutdown();
    const also = performance.now() - began;
    return { figure: (await collector.received()).records, also };
  } finally {
    collector.close();
  }
}

function tightLoop(build: Build): Promise<Sample> {
  return inDirectory(async (directory) => {
    const { DurableLogRecordProcessor } = await build.export();
    return arrivals(
      (exporter) => new DurableLogRecordProcessor({ exporter, directory, shutdownTimeoutMillis: 120_000 }),
    );
  });
}

const STOCK = 'stock batch processor';

const extra = (perTurn: number, atMost: number): Row => ({
  row: 9,
  what: `durable: CPU per record above the SDK alone, ${perTurn} records in each turn`,
  unit: 'µs',
  ours: extraCost(perTurn),
  also: 'µs for the SDK alone',
  target: { of: 'figure', atMost },
});

export const rows: readonly Row[] = [
  extra(20, 2.5),
  extra(512, 2),
  {
    row: 10,
    what: `durable: a backlog of ${BACKLOG.toLocaleString('en')} shipped from disk, none lost, a second of the clock; the stock one has it in its queue`,
    unit: '/s',
    ours: (build) => shipped((collector) => shipDurable(collector, build)),
    peers: { [STOCK]: () => shipped(shipStock) },
    target: { of: STOCK, atLeast: 0.8 },
  },
  {
    row: 11,
    what: `durable: what arrives of a tight loop of ${LOOP.toLocaleString('en')} emits`,
    unit: 'records',
    ours: tightLoop,
    also: 'milliseconds',
    peers: { [STOCK]: () => arrivals((exporter) => new BatchLogRecordProcessor({ exporter })) },
    target: { of: 'figure', atLeast: LOOP },
    processes: 1,
  },
];
