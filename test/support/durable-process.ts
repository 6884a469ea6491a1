import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';

import type { DurableLogRecordProcessorOptions } from '../../src/export/durable/durable-options.ts';
import { DurableLogRecordProcessor } from '../../src/export/durable/durable.ts';
import type { DurableStats } from '../../src/export/durable/durable-stats.ts';
import { containing } from './container.ts';
import { until } from './until.ts';

/** What a process is made to believe. */
export interface Pretence {
  /** The name of its host. */
  readonly host?: string;
  /** The id of its kernel's boot. */
  readonly boot?: string;
  /** The sockets of other owners cannot be reached, as from another kernel. */
  readonly hidesSockets?: boolean;
  /** Its intervals, and the clock they are judged by, go this much faster. */
  readonly speed?: number;
}

/** What `durable-child.mjs` is told. */
export interface ChildOptions {
  readonly mode: string;
  readonly line: '3.x' | '0.2xx';
  readonly pipeline?: 'stock' | 'ours';
  readonly url: string;
  /** Of `export/durable.js` in the built source. */
  readonly module: string;
  readonly directory: string;
  /** Bodies are `prefix-1`, `prefix-2`, ... */
  readonly prefix: string;
  /** Gets a line with the number of records promised so far. */
  readonly markFile?: string;
  readonly count?: number;
  readonly perTick?: number;
  readonly pauseMillis?: number;
  readonly millis?: number;
  readonly signal?: NodeJS.Signals;
  readonly exporter?: 'json' | 'protobuf' | 'grpc';
  readonly compression?: 'gzip' | 'none';
  readonly exporterTimeoutMillis?: number;
  /** It tells what it reports to `diag` (`said`), and its counters (`stats`) with each message that it gets. */
  readonly tellsStats?: boolean;
  readonly durable?: Partial<DurableLogRecordProcessorOptions>;
  /** Where it believes to run. */
  readonly pretends?: Pretence;
  /** It runs as in a container: a host name, a network and process ids of its own, on the same kernel. */
  readonly container?: string;
}

export interface EndedChild {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly messages: readonly unknown[];
  readonly errors: string;
}

export interface RunningChild {
  readonly process: ChildProcess;
  readonly ended: Promise<EndedChild>;
  /** Resolves when it has sent this message, or rejects when it ended before. */
  readonly told: (message: unknown) => Promise<void>;
  /** What it has reported to `diag`, with `tellsStats`. */
  readonly said: () => string[];
  /** Its counters now, with `tellsStats`. */
  readonly stats: () => Promise<DurableStats>;
}

/** Starts a process that emits log records. */
export function startChild(options: ChildOptions): RunningChild {
  const child = fork(fileURLToPath(new URL('./durable-child.mjs', import.meta.url)), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    ...(options.container === undefined ? {} : containing(options.container)),
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const messages: unknown[] = [];
  let errors = '';
  child.on('message', (message) => messages.push(message));
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<EndedChild>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, messages, errors }));
  });
  return {
    process: child,
    ended,
    said: () => messages.flatMap((message) => (message as { said?: string }).said ?? []),
    stats: () =>
      new Promise<DurableStats>((resolve) => {
        const onMessage = (message: { stats?: DurableStats }): void => {
          if (message.stats === undefined) return;
          child.off('message', onMessage);
          resolve(message.stats);
        };
        child.on('message', onMessage);
        child.send('stats');
      }),
    told: (message) =>
      new Promise<void>((resolve, reject) => {
        if (messages.includes(message)) resolve();
        child.on('message', (told) => {
          if (told === message) resolve();
        });
        void ended.then(() => reject(new Error(`the process ended before it said ${String(message)}: ${errors}`)));
      }),
  };
}

/** Records that a child promised to have written, until a moment. */
export function promised(markFile: string, before: number = Number.POSITIVE_INFINITY): number {
  try {
    const lines = readFileSync(markFile, 'utf8').split('\n').slice(0, -1);
    const line = lines.findLast((text) => Number(text.split(' ')[1]) <= before);
    return Number.parseInt(line ?? '0', 10);
  } catch {
    // It was killed before it promised any.
    return 0;
  }
}

/** Ships everything that is left below a root, as the next process would, and gives that process's counters. */
export async function drain(directory: string, logsUrl: string, timeoutMillis = 30_000): Promise<DurableStats> {
  const durable = new DurableLogRecordProcessor({ exporter: new OTLPLogExporter({ url: logsUrl }), directory });
  await until(
    () => {
      const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
      const owners = names.filter((name) => /^o-[^/]*$/.test(name));
      return (
        owners.length === 1 && !names.some((name) => name.endsWith('.seg')) && durable.stats().pending.adopted === 0
      );
    },
    'the spool is empty',
    timeoutMillis,
  );
  await durable.shutdown();
  return durable.stats();
}

/** Bodies that were promised and did not arrive. */
export function missing(arrived: ReadonlySet<unknown>, prefix: string, count: number): string[] {
  const names: string[] = [];
  for (let i = 1; i <= count; i += 1) if (!arrived.has(`${prefix}-${i}`)) names.push(`${prefix}-${i}`);
  return names;
}
