/**
 * Rows 9 to 11: what the disk spool costs while records are emitted, how fast a backlog is
 * shipped against the stock pipeline with its queue preloaded, and a tight loop of a million records.
 *
 * node --expose-gc bench/durable.js [9] [10] [11]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTick } from 'node:timers/promises';
import { fork } from 'node:child_process';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import type { LogRecordExporter, LogRecordProcessor } from '@opentelemetry/sdk-logs';

import { DurableLogRecordProcessor } from '../dist/export.js';
import { median, report } from './harness.ts';

const silent: LogRecordExporter = {
  export() {
    // Never answers: nothing is shipped while the emitting is measured.
  },
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

const nothing: LogRecordProcessor = {
  onEmit() {},
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU microseconds per record, `perTick` records in each turn of the event loop. */
async function emitCost(processor: LogRecordProcessor, count: number, perTick: number): Promise<number> {
  const provider = new LoggerProvider({ processors: [processor] });
  const logger = provider.getLogger('bench', '1.0.0');
  globalThis.gc?.();
  const began = cpuMicros();
  for (let i = 0; i < count;) {
    for (let j = 0; j < perTick; j += 1, i += 1) {
      logger.emit({
        severityNumber: 9,
        severityText: 'INFO',
        body: `message ${i} of the application, with some more text in it`,
        attributes: { 'session.id': `session-${i % 100}`, 'http.route': '/api/chat', attempt: 1 },
      });
    }
    await nextTick();
  }
  return (cpuMicros() - began) / count;
}

async function row9(): Promise<void> {
  const count = 102_400;
  for (const perTick of [20, 512]) {
    const extras: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      const directory = mkdtempSync(join(tmpdir(), 'bench-durable-'));
      const durable = new DurableLogRecordProcessor({ exporter: silent, directory, shutdownTimeoutMillis: 0 });
      const alone = async (): Promise<number> => emitCost(nothing, count, perTick);
      const ours = async (): Promise<number> => emitCost(durable, count, perTick);
      let [a, b] = [0, 0];
      if (round % 2 === 0) [a, b] = [await alone(), await ours()];
      else [b, a] = [await ours(), await alone()];
      if (round > 0) extras.push(b - a);
      await durable.shutdown();
      rmSync(directory, { recursive: true, force: true });
    }
    const target = perTick === 20 ? 2.5 : 2;
    const reached = median(extras);
    report({
      row: 9,
      work: `durable: extra CPU per record over the SDK alone, ${perTick} records a tick`,
      ours: `${reached.toFixed(2)} us (min ${Math.min(...extras).toFixed(2)})`,
      peers: '-',
      target: `<= ${target} us`,
      isReached: reached <= target,
    });
  }
}

/** A collector that counts what it gets and says yes, in a process of its own. */
async function startCollector(): Promise<{ url: string; count: () => Promise<number>; close: () => void }> {
  const child = fork(new URL(import.meta.url).pathname, ['collector'], { execArgv: process.execArgv });
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))));
  return {
    url: `http://127.0.0.1:${port}/v1/logs`,
    count: () =>
      new Promise((resolve) => {
        child.once('message', (message) => resolve(Number(message)));
        child.send('count');
      }),
    close: () => void child.kill(),
  };
}

function serveCollector(): void {
  let bytes = 0;
  let records = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      bytes += body.length;
      // Counted by a mark that each record has once: parsing would take more time than sending.
      for (
        let at = body.indexOf('"observedTimeUnixNano"');
        at !== -1;
        at = body.indexOf('"observedTimeUnixNano"', at + 1)
      ) {
        records += 1;
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  process.on('message', () => process.send?.(records));
}

function emitAll(processor: LogRecordProcessor, count: number): void {
  const logger = new LoggerProvider({ processors: [processor] }).getLogger('bench', '1.0.0');
  for (let i = 0; i < count; i += 1) {
    logger.emit({
      severityNumber: 9,
      severityText: 'INFO',
      body: `message ${i} of the application, with some more text in it`,
      attributes: { 'session.id': `session-${i % 100}`, 'http.route': '/api/chat', attempt: 1 },
    });
  }
}

async function row10(): Promise<void> {
  const count = 50_000;
  const collector = await startCollector();
  const ratios: number[] = [];
  const speeds: { readonly stock: number; readonly ours: number }[] = [];
  let expected = 0;
  const stock = async (): Promise<number> => {
    const exporter = new OTLPLogExporter({ url: collector.url });
    const processor = new BatchLogRecordProcessor({ exporter, maxQueueSize: count, scheduledDelayMillis: 600_000 });
    // The first full batch leaves at once; the rest waits for the flush.
    emitAll(processor, count);
    globalThis.gc?.();
    const began = performance.now();
    await processor.forceFlush();
    const millis = performance.now() - began;
    await processor.shutdown();
    expected += count;
    return (count / millis) * 1_000;
  };
  const ours = async (): Promise<number> => {
    const directory = mkdtempSync(join(tmpdir(), 'bench-durable-'));
    const first = new DurableLogRecordProcessor({ exporter: silent, directory, shutdownTimeoutMillis: 0 });
    emitAll(first, count);
    await first.shutdown();
    globalThis.gc?.();
    const began = performance.now();
    const exporter = new OTLPLogExporter({ url: collector.url });
    const durable = new DurableLogRecordProcessor({ exporter, directory });
    while (durable.stats().exported < count) await nextTick();
    const millis = performance.now() - began;
    await durable.shutdown();
    rmSync(directory, { recursive: true, force: true });
    expected += count;
    return (count / millis) * 1_000;
  };
  for (let round = 0; round < 7; round += 1) {
    let [a, b] = [0, 0];
    if (round % 2 === 0) [a, b] = [await stock(), await ours()];
    else [b, a] = [await ours(), await stock()];
    if (round > 0) ratios.push(b / a);
    speeds.push({ stock: a, ours: b });
  }
  const arrived = await collector.count();
  collector.close();
  const reached = median(ratios);
  const perSecond = (name: 'stock' | 'ours'): string => `${Math.round(median(speeds.map((speed) => speed[name])))}/s`;
  report({
    row: 10,
    work: `durable: a backlog of ${count} on disk shipped / stock Batch with its queue preloaded`,
    ours: `${perSecond('ours')}, x${reached.toFixed(2)}, ${expected - arrived} of ${expected} lost`,
    peers: `stock ${perSecond('stock')}`,
    target: '>= x0.8, 0 lost',
    isReached: reached >= 0.8 && arrived >= expected,
  });
}

async function row11(): Promise<void> {
  const count = 1_000_000;
  const results = { stock: '', ours: '' };
  let arrivedOfOurs = 0;
  for (const name of ['stock', 'ours'] as const) {
    const collector = await startCollector();
    const directory = mkdtempSync(join(tmpdir(), 'bench-durable-'));
    const exporter = new OTLPLogExporter({ url: collector.url });
    const processor =
      name === 'stock'
        ? new BatchLogRecordProcessor({ exporter })
        : new DurableLogRecordProcessor({ exporter, directory, shutdownTimeoutMillis: 120_000 });
    const began = performance.now();
    emitAll(processor, count);
    const emitted = Math.round(performance.now() - began);
    const rss = Math.round(process.memoryUsage().rss / 1_048_576);
    await processor.shutdown();
    const arrived = await collector.count();
    if (name === 'ours') arrivedOfOurs = arrived;
    const millis = Math.round(performance.now() - began);
    results[name] = `${arrived} arrive; emitted in ${emitted} ms, all in ${millis} ms, ${rss} MiB after the loop`;
    collector.close();
    rmSync(directory, { recursive: true, force: true });
  }
  report({
    row: 11,
    work: 'durable: a tight loop of 1,000,000 emits',
    ours: results.ours,
    peers: `stock ${results.stock}`,
    target: '1,000,000 arrive',
    isReached: arrivedOfOurs === count,
  });
}

if (process.argv[2] === 'collector') serveCollector();
else {
  const rows = process.argv.slice(2);
  const isWanted = (row: string): boolean => rows.length === 0 || rows.includes(row);
  if (isWanted('9')) await row9();
  if (isWanted('10')) await row10();
  if (isWanted('11')) await row11();
}
