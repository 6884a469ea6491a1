import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it } from 'vitest';

import { startSessionLogs } from '../../src/index.ts';
import type { SessionLogs, StartSessionLogsOptions } from '../../src/index.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

interface Point {
  readonly name: string;
  readonly value: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function startMeters(): { provider: MeterProvider; points(): Promise<Point[]> } {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  ends.push(() => provider.shutdown());
  return {
    provider,
    async points() {
      exporter.reset();
      await reader.forceFlush();
      return exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) =>
            metrics.flatMap(({ descriptor, dataPoints }) =>
              dataPoints.map(({ value, attributes }) => ({ name: descriptor.name, value, attributes })),
            ),
          ),
        );
    },
  };
}

async function start(options: StartSessionLogsOptions): Promise<SessionLogs> {
  const receiver = await startOtlpReceiver();
  const sessions = await startSessionLogs({
    directory: temporaryDirectory(),
    endpoint: receiver.url,
    console: false,
    streamHandler: false,
    ...options,
  });
  ends.push(
    () => receiver.close(),
    () => sessions.shutdown(),
  );
  return sessions;
}

function find(points: readonly Point[], name: string, component?: string, errorType?: string): unknown {
  return points.find(
    (point) =>
      point.name === name &&
      (component === undefined || point.attributes['otel.component.type'] === component) &&
      point.attributes['error.type'] === errorType,
  )?.value;
}

describe('self-observability', () => {
  it('reports each processor under the names of the semantic conventions, and what the store holds', async () => {
    const meters = startMeters();
    const sessions = await start({ selfObsMeterProvider: meters.provider });
    for (let n = 0; n < 5; n += 1) await sessions.logChunkToQueue('x', 'secret-session');
    sessions.logger.info('no session');
    const reader = sessions.followSession('secret-session');
    await reader.next();
    await sessions.forceFlush();
    const points = await meters.points();
    expect(find(points, 'otel.sdk.processor.log.processed', 'SessionLogRecordProcessor')).toBe(6);
    expect(find(points, 'otel.sdk.processor.log.processed', 'DateFileLogRecordProcessor')).toBe(6);
    expect(find(points, 'otel.sdk.processor.log.processed', 'QueuedLogRecordProcessor')).toBe(6);
    expect(find(points, 'otel.sdk.exporter.log.exported', 'QueuedLogRecordProcessor')).toBe(6);
    expect(find(points, 'otel.sdk.processor.log.queue.capacity', 'QueuedLogRecordProcessor')).toBe(65_536);
    expect(find(points, 'session_logs.sessions')).toBe(1);
    expect(find(points, 'session_logs.readers')).toBe(1);
    expect(find(points, 'session_logs.entries')).toBe(5);
    expect(find(points, 'session_logs.bytes')).toBe(384 + 2 * 'secret-session'.length + 5 * 33);
    for (const { attributes } of points) {
      const { 'otel.component.name': component = 'x/0' } = attributes;
      expect(component).toMatch(/^\w+\/\d+$/);
    }
    expect(JSON.stringify(points)).not.toContain('secret-session');
  });

  it('reports what is lost by reason, and the spool', async () => {
    const meters = startMeters();
    const sessions = await start({
      selfObsMeterProvider: meters.provider,
      spool: { directory: temporaryDirectory() },
      redact: (entry) => (entry.message === 'drop me' ? undefined : entry),
    });
    await sessions.logChunkToQueue('drop me', 's');
    await sessions.logChunkToQueue('keep me', 's');
    await sessions.forceFlush();
    const points = await meters.points();
    expect(find(points, 'otel.sdk.processor.log.processed', 'SessionLogRecordProcessor', 'redacted')).toBe(1);
    expect(find(points, 'otel.sdk.processor.log.processed', 'SessionLogRecordProcessor')).toBe(1);
    expect(find(points, 'otel.sdk.exporter.log.exported', 'DurableLogRecordProcessor')).toBe(1);
    expect(find(points, 'otel.sdk.processor.log.queue.size', 'DurableLogRecordProcessor')).toBe(0);
  });

  it('ends with the processors', async () => {
    const meters = startMeters();
    const sessions = await start({ selfObsMeterProvider: meters.provider });
    await sessions.logChunkToQueue('x', 's');
    await sessions.shutdown();
    expect(await meters.points()).toEqual([]);
  });

  it('refuses what is no meter provider', async () => {
    await expect(startSessionLogs({ selfObsMeterProvider: 3 as never })).rejects.toThrow(
      'startSessionLogs: expected `selfObsMeterProvider` to be a meter provider (an object with `getMeter()`), got 3 (number)',
    );
  });
});
