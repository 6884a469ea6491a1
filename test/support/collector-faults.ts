import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { BuiltSource } from './built-source.ts';
import { drain, promised, startChild } from './durable-process.ts';
import type { ChildOptions, RunningChild } from './durable-process.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';
import type { Answer, OtlpReceiver, ReceivedRequest } from './otlp-receiver.ts';
import { until } from './until.ts';

/** A fault that both pipelines are put through: the SDK's batch processor with its defaults, and the durable one. */
export interface Fault {
  readonly name: string;
  readonly options: (scale: number) => Partial<ChildOptions> & Pick<ChildOptions, 'mode'>;
  /** What happens meanwhile. */
  readonly drive?: (receiver: OtlpReceiver, child: RunningChild, scale: number) => Promise<void>;
  readonly answer?: Answer | ((request: ReceivedRequest) => Answer);
  /**
   * It ends while the collector does not answer, so with the time that a shutdown has. Otherwise the times are ample: what is
   * in flight when one runs out, on a machine that does other things too, is sent again.
   */
  readonly endsInTime?: boolean;
  /** Records that the collector refuses for good: they are in `dead/`. */
  readonly refuses?: number;
  /** The stock pipeline loses records even when the fault is short. */
  readonly stockLoses?: boolean;
}

export interface FaultResult {
  readonly emitted: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly requests: number;
  readonly shutdownMillis: number | undefined;
}

const AMPLE = { exportTimeoutMillis: 60_000, shutdownTimeoutMillis: 60_000 };

/** 1,000 records a second, in ticks of 20. */
function steady(millis: number): Partial<ChildOptions> & Pick<ChildOptions, 'mode'> {
  return { mode: 'rate', perTick: 20, pauseMillis: 20, millis };
}

/** Answers badly from 500 ms on, for some time. */
function badWeather(name: string, bad: Answer, seconds: number): Fault {
  return {
    name,
    options: (scale) => steady(1_000 + (seconds * 1_000 + 1_000) * scale),
    async drive(receiver, child, scale) {
      await child.told('ready');
      await delay(500);
      receiver.answer(bad);
      await delay(seconds * 1_000 * scale);
      receiver.answer('ok');
    },
  };
}

/** At scale 1 an outage lasts 10 s, and a loop emits 20,000 records: the table of docs/delivery.md. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'collector down',
    options: (scale) => steady(1_000 + 11_000 * scale),
    async drive(receiver, child, scale) {
      await child.told('ready');
      await delay(500);
      await receiver.stop();
      await delay(10_000 * scale);
      await receiver.restart();
    },
  },
  badWeather('503', { status: 503 }, 10),
  { ...badWeather('500', { status: 500 }, 10), stockLoses: true },
  badWeather('429, Retry-After 0', { status: 429, headers: { 'retry-after': '0' } }, 10),
  badWeather('429, Retry-After 5', { status: 429, headers: { 'retry-after': '5' } }, 10),
  badWeather('429, Retry-After 60', { status: 429, headers: { 'retry-after': '60' } }, 10),
  badWeather('answer lost', 'answer-lost', 10),
  badWeather('connection reset in mid-response', 'reset', 10),
  badWeather('2 s an answer', { slow: 2_000 }, 10),
  {
    name: '400 for one poison record',
    refuses: 1,
    stockLoses: true,
    options: (scale) => steady(3_000 * scale + 1_500),
    answer: ({ records }) => (records.some((record) => record.body === 'r-100') ? { status: 400 } : 'ok'),
  },
  {
    name: 'SIGKILL',
    stockLoses: true,
    options: () => ({ mode: 'stream', perTick: 20, pauseMillis: 20 }),
    async drive(receiver, child, scale) {
      await child.told('ready');
      // However slow the machine is, more is written than one request takes.
      await until(() => receiver.records().length > 220);
      await delay(2_000 * scale);
      child.process.kill('SIGKILL');
    },
  },
  {
    name: 'tight loop, then shutdown',
    stockLoses: true,
    options: (scale) => ({ mode: 'loop', count: 20_000 * Math.max(scale, 0.5) }),
  },
  {
    name: 'dead collector at shutdown',
    stockLoses: true,
    endsInTime: true,
    options: (scale) => ({ mode: 'loop', count: 20_000 * Math.max(scale, 0.5), exporterTimeoutMillis: 10_000 * scale }),
    answer: { status: 503 },
  },
];

/** Puts one pipeline through a fault; what is left on disk is then shipped, as the next start would. */
export async function runFault(
  fault: Fault,
  pipeline: 'stock' | 'ours',
  where: {
    readonly source: BuiltSource;
    readonly directory: string;
    readonly line: '3.x' | '0.2xx';
    readonly scale: number;
  },
): Promise<FaultResult> {
  const { source, directory, line, scale } = where;
  const receiver = await startOtlpReceiver(fault.answer === undefined ? {} : { answer: fault.answer });
  const markFile = join(directory, `${pipeline}.marks`);
  const root = join(directory, 'spool');
  const child = startChild({
    line,
    pipeline,
    url: receiver.logsUrl,
    module: source.url('export/durable/durable.js'),
    directory: root,
    prefix: 'r',
    markFile,
    exporterTimeoutMillis: fault.endsInTime === true ? 10_000 : 20_000,
    ...(fault.endsInTime === true ? {} : { durable: AMPLE }),
    ...fault.options(scale),
  });
  try {
    await fault.drive?.(receiver, child, scale);
    const { messages } = await child.ended;
    const told = messages.find((message) => typeof message === 'object') as
      | { readonly emitted: number; readonly shutdownMillis: number }
      | undefined;
    const requests = receiver.requests.length;
    if (typeof fault.answer !== 'function') receiver.answer('ok');
    if (pipeline === 'ours') await drain(root, receiver.logsUrl, 60_000);
    const bodies = receiver.records().map((record) => record.body);
    const unique = new Set(bodies);
    const emitted = told?.emitted ?? promised(markFile);
    let lost = 0;
    for (let i = 1; i <= emitted; i += 1) if (!unique.has(`r-${i}`)) lost += 1;
    return { emitted, lost, duplicated: bodies.length - unique.size, requests, shutdownMillis: told?.shutdownMillis };
  } finally {
    await receiver.close();
  }
}
