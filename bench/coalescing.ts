/**
 * An answer of 500 tokens on its way to a collector: one record a token, or one record.
 *
 *     node --expose-gc bench/coalescing.js [rounds]
 *
 * For one answer: wire bytes as a sink in another process counts them, CPU of this process in `emit()` and in export.
 * 200 answers stream side by side and are flushed once, as on a server with many sessions: batches are
 * full (512 records). The variants take turns in every round; the first round is discarded, minimum and median are
 * reported.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as OTLPProtoExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';

import { CoalescingLogRecordProcessor } from '../dist/export.js';
import type { LogRecordExporter, LogRecordProcessor } from '../dist/otel/log-record.js';

const ANSWERS = 200;
const TEXT =
  'The session is one append-only log, and a reader holds nothing but a position in it. So a page that reloads in ' +
  'mid-answer goes on at the very next token, two tabs see the same stream, and a slow one cannot hold up the rest. ';

/** 500 pieces of 4.4 characters on average, as tokenizers cut English. */
function tokensOf(text: string): string[] {
  const tokens = text.repeat(12).match(/ ?\w{1,5}|[^\w]/g) ?? [];
  return tokens.slice(0, 500);
}

function serveAsSink(): void {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  process.on('message', () => process.send?.({ bytes }));
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function run(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 7);
  const tokens = tokensOf(TEXT);
  const sink = fork(fileURLToPath(import.meta.url), ['--sink'], { execArgv: process.execArgv });
  const [{ port }] = (await once(sink, 'message')) as [{ port: number }];
  const url = `http://127.0.0.1:${port}/v1/logs`;
  const bytesSoFar = async (): Promise<number> => {
    sink.send('bytes?');
    const [{ bytes }] = (await once(sink, 'message')) as [{ bytes: number }];
    return bytes;
  };
  const nothing = (): LogRecordProcessor => ({
    onEmit() {},
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  });
  const exporters: Record<string, () => LogRecordExporter> = {
    JSON: () => new OTLPLogExporter({ url }),
    'JSON, gzip': () => new OTLPLogExporter({ url, compression: CompressionAlgorithm.GZIP }),
    protobuf: () => new OTLPProtoExporter({ url }),
  };
  const answers = Array.from({ length: ANSWERS }, (_, i) => ({
    'session.id': `session-${i}`,
    'session_logs.stream_id': `answer-${i}`,
  }));
  console.log(
    `${tokens.length} tokens, ${tokens.join('').length} characters, ${ANSWERS} answers a round, ${rounds} rounds`,
  );
  for (const [name, exporter] of Object.entries(exporters)) {
    const batch = (): LogRecordProcessor =>
      new BatchLogRecordProcessor({ exporter: exporter(), maxQueueSize: ANSWERS * 502 });
    const variants: Record<string, () => LogRecordProcessor> = {
      nothing,
      plain: batch,
      merged: () => new CoalescingLogRecordProcessor({ processor: batch() }),
    };
    const emitting: Record<string, number[]> = {};
    const exporting: Record<string, number[]> = {};
    const bytes: Record<string, number> = {};
    for (let round = -1; round < rounds; round += 1) {
      const names = Object.keys(variants);
      for (const variant of round % 2 === 0 ? names : names.toReversed()) {
        const provider = new LoggerProvider({ processors: [(variants[variant] ?? nothing)()] });
        const logger = provider.getLogger('bench');
        const bytesBefore = await bytesSoFar();
        globalThis.gc?.();
        const before = process.cpuUsage();
        for (const attributes of answers) {
          logger.emit({ eventName: 'session_logs.stream_start', body: '<start>', attributes });
        }
        for (const body of tokens) for (const attributes of answers) logger.emit({ body, attributes });
        for (const attributes of answers) {
          logger.emit({ eventName: 'session_logs.stream_end', body: '</end>', attributes });
        }
        const emitted = process.cpuUsage(before);
        // Nothing asynchronous ran so far: all of the export is in here.
        const beforeExport = process.cpuUsage();
        await provider.forceFlush({ timeoutMillis: 60_000 });
        const exported = process.cpuUsage(beforeExport);
        bytes[variant] = ((await bytesSoFar()) - bytesBefore) / ANSWERS;
        if (round >= 0) {
          (emitting[variant] ??= []).push((emitted.user + emitted.system) / ANSWERS);
          (exporting[variant] ??= []).push((exported.user + exported.system) / ANSWERS);
        }
        await provider.shutdown();
      }
    }
    report(name, emitting, exporting, bytes);
  }
  sink.kill();
}

type Samples = Record<string, number[]>;

function report(name: string, emitting: Samples, exporting: Samples, bytes: Record<string, number>): void {
  const min = (values: readonly number[]): number => Math.min(...values);
  const { plain: plainBytes = 0, merged: mergedBytes = 1 } = bytes;
  console.log(`\n${name}`);
  console.log(
    `  wire bytes: ${plainBytes.toFixed(0)} -> ${mergedBytes.toFixed(0)}, 1/${(plainBytes / mergedBytes).toFixed(0)}`,
  );
  for (const [label, of] of [
    ['median', median],
    ['minimum', min],
  ] as const) {
    const [plain, merged] = [of(exporting['plain'] ?? []), of(exporting['merged'] ?? [])];
    const emit = (variant: string): number => of(emitting[variant] ?? []) - of(emitting['nothing'] ?? []);
    const all = (plain + emit('plain')) / (merged + emit('merged'));
    console.log(
      `  CPU us, ${label}: export ${plain.toFixed(0)} -> ${merged.toFixed(0)}, 1/${(plain / merged).toFixed(0)};   ` +
        `in emit(), above a processor that does nothing, ${emit('plain').toFixed(0)} -> ${emit('merged').toFixed(0)} ` +
        `(${(emit('merged') * 2).toFixed(0)} ns a token);   both 1/${all.toFixed(1)}`,
    );
  }
}

if (process.argv[2] === '--sink') serveAsSink();
else await run();
