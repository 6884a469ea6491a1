/**
 * An application with the stock SDK and its exporter over OTLP/HTTP, protobuf. It emits chunks of answers at an even rate, one
 * session after the other; each says when it was emitted, and its number: ` word@MILLIS#NUMBER`. Run by `startApplication`.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';

/** What an application emits, and where to. */
export interface Plan {
  readonly endpoint: string;
  /** Records a second, over all sessions. */
  readonly rate: number;
  readonly sessions: number;
  readonly seconds: number;
  /** OTEL_BLRP_SCHEDULE_DELAY: how long the exporter waits for more. */
  readonly delayMillis: number;
  /** Characters of an answer that each session has before the measurement. */
  readonly charsBefore: number;
}

/** When each record was emitted, by its number: milliseconds since the epoch. */
export interface Emitted {
  readonly millis: readonly number[];
}

export function sessionOf(number: number, { sessions }: Pick<Plan, 'sessions'>): string {
  return `session-${number % sessions}`;
}

async function run(plan: Plan): Promise<Emitted> {
  const { endpoint, rate, seconds, sessions, delayMillis, charsBefore } = plan;
  const exporter = new OTLPLogExporter({ url: `${endpoint}/v1/logs` });
  // The default queue is full after 0.4 s at 5,000 records a second. A record that it drops would count as lost by the viewer.
  const maxQueueSize = 50_000;
  const processor = new BatchLogRecordProcessor({ exporter, maxQueueSize, scheduledDelayMillis: delayMillis });
  const provider = new LoggerProvider({ processors: [processor] });
  const logger = provider.getLogger('bench');
  for (let session = 0; session < sessions; session += 1) {
    const attributes = { 'session.id': `session-${session}` };
    logger.emit({ eventName: 'session_logs.stream_start', body: '', attributes });
    for (let chars = 0; chars < charsBefore; chars += 100)
      logger.emit({ body: 'so far, so good '.repeat(7).slice(0, 100), attributes });
    // More than the queue of the processor holds would be lost.
    if (session % 100 === 0 || charsBefore > 0) await provider.forceFlush();
  }
  await provider.forceFlush();
  process.send?.('ready');
  await once(process, 'message');
  const millis: number[] = [];
  const start = performance.now();
  while (performance.now() - start < seconds * 1_000) {
    const due = ((performance.now() - start) / 1_000) * rate;
    while (millis.length < due) {
      const now = performance.timeOrigin + performance.now();
      const body = ` word@${now.toFixed(1)}#${millis.length} `;
      logger.emit({ body, timestamp: now, attributes: { 'session.id': sessionOf(millis.length, plan) } });
      millis.push(now);
    }
    await delay(1);
  }
  await provider.shutdown();
  return { millis };
}

if (process.send !== undefined)
  process.once('message', (plan: Plan) => {
    void run(plan).then((emitted) => process.send?.(emitted, () => process.disconnect()));
  });
