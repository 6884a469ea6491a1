// A process that emits log records through a real provider and ends in one of many ways. Plain JavaScript: it runs
// against the built source, in both OpenTelemetry lines.
import { openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

import { pretend } from './pretend.mjs';

/** @type {import('./durable-process.ts').ChildOptions} */
const options = workerData ?? JSON.parse(process.argv[2]);
const lineDirectory = options.line === '0.2xx' ? '../lines/sdk-0.2xx/package.json' : '../../package.json';
const require = createRequire(new URL(lineDirectory, import.meta.url));

const EXPORTERS = {
  json: '@opentelemetry/exporter-logs-otlp-http',
  protobuf: '@opentelemetry/exporter-logs-otlp-proto',
  grpc: '@opentelemetry/exporter-logs-otlp-grpc',
};

function makeExporter() {
  const { OTLPLogExporter } = require(EXPORTERS[options.exporter ?? 'json']);
  return new OTLPLogExporter({
    url: options.url,
    timeoutMillis: options.exporterTimeoutMillis ?? 1_000,
    compression: options.compression ?? 'none',
  });
}

async function makeProcessor() {
  const exporter = makeExporter();
  if (options.pipeline === 'stock') {
    const { BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
    return new BatchLogRecordProcessor({ exporter });
  }
  const { DurableLogRecordProcessor } = await import(options.module);
  return new DurableLogRecordProcessor({
    exporter,
    directory: options.directory,
    scheduledDelayMillis: 50,
    ...options.durable,
  });
}

// Before the package is loaded.
pretend(options.pretends);

const { LoggerProvider } = require('@opentelemetry/sdk-logs');
const processor = await makeProcessor();
const provider = new LoggerProvider({ processors: [processor] });
const logger = provider.getLogger('child', '1');
const mark = options.markFile === undefined ? undefined : openSync(options.markFile, 'a');
let emitted = 0;

function emit(count) {
  for (let i = 0; i < count; i += 1) {
    emitted += 1;
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- each line has an enum of its own
    logger.emit({ body: `${options.prefix}-${emitted}`, severityNumber: 9, attributes: { n: emitted } });
  }
}

/** Everything emitted so far was written: the event loop has turned since. */
function promise() {
  if (mark !== undefined) writeSync(mark, `${emitted} ${Date.now()}\n`);
}

const MODES = {
  /** Emits and promises until killed. */
  async stream() {
    for (;;) {
      emit(options.perTick ?? 20);
      await nextTick();
      await nextTick();
      promise();
      await delay(options.pauseMillis ?? 1);
    }
  },
  /** As fast as the event loop turns, a number of records, then it waits to be killed. */
  async burst() {
    while (emitted < options.count) {
      emit(Math.min(options.perTick ?? 512, options.count - emitted));
      await nextTick();
    }
    await nextTick();
    promise();
    process.send?.('emitted');
    setInterval(() => {}, 1_000);
  },
  /** With a rate, then a shutdown of the provider. */
  async rate() {
    const end = performance.now() + options.millis;
    while (performance.now() < end) {
      emit(options.perTick);
      await delay(options.pauseMillis);
    }
    const began = performance.now();
    await provider.shutdown();
    process.send?.({ emitted, shutdownMillis: performance.now() - began });
    process.disconnect?.();
  },
  /** One synchronous loop, then a shutdown. */
  async loop() {
    emit(options.count);
    const began = performance.now();
    let error = 'none';
    await provider.shutdown().catch((reason) => (error = String(reason)));
    process.send?.({ emitted, shutdownMillis: performance.now() - began, error });
    process.disconnect?.();
  },
  kill() {
    emit(options.count);
    process.kill(process.pid, 'SIGKILL');
  },
  async 'kill-after-turn'() {
    emit(options.count);
    await nextTick();
    await nextTick();
    process.kill(process.pid, options.signal ?? 'SIGKILL');
    await delay(10_000);
  },
  async abort() {
    emit(options.count);
    await nextTick();
    await nextTick();
    process.abort();
  },
  /** Its spool is removed after records are written, and it ends before it can have noticed. */
  async 'remove-and-exit'() {
    emit(options.count);
    await nextTick();
    await nextTick();
    require('node:fs').rmSync(options.directory, { recursive: true });
    process.exit(0);
  },
  exit() {
    emit(options.count);
    process.exit(0);
  },
  return() {
    emit(options.count);
    process.disconnect?.();
  },
  throw() {
    emit(options.count);
    throw new Error('uncaught, as intended');
  },
  reject() {
    emit(options.count);
    void Promise.reject(new Error('unhandled, as intended'));
  },
  /** Another library's listener throws, registered before the spool's would come; a later one still logs. */
  'exit-listeners'() {
    process.prependListener('exit', () => emit(1));
    process.on('exit', () => {
      emit(1);
      throw new Error('a listener of another library');
    });
    emit(options.count);
    process.exit(0);
  },
  async 'worker-end'() {
    await endOf(new Worker(new URL(import.meta.url), { workerData: { ...options, mode: 'emit-and-end' } }));
    process.disconnect?.();
  },
  'emit-and-end'() {
    emit(options.count);
  },
  async 'worker-terminate'() {
    const worker = new Worker(new URL(import.meta.url), { workerData: { ...options, mode: 'burst' } });
    while (readMark(options.markFile) < options.count) await delay(5);
    await worker.terminate();
    process.disconnect?.();
  },
};

function readMark(path) {
  const { readFileSync } = require('node:fs');
  return Number.parseInt(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1), 10) || 0;
}

function endOf(worker) {
  return new Promise((resolve, reject) => {
    worker.once('exit', resolve);
    worker.once('error', reject);
  });
}

if (options.tellsStats === true) {
  // What it says to the application's diag logger, and its counters when asked.
  const { diag, DiagLogLevel } = require('@opentelemetry/api');
  const say = (...parts) => process.send({ said: parts.map(String).join(' ') });
  diag.setLogger({ error: say, warn: say, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
  process.on('message', () => process.send({ stats: processor.stats() }));
}

if (isMainThread) process.send?.('ready');
await MODES[options.mode]();
