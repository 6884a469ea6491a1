import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { CoalescingLogRecordProcessor, DurableLogRecordProcessor } from '../src/export.ts';
import { QueuedLogRecordProcessor } from '../src/export/delivery/queued.ts';
import { MemorySessionStore, SessionLogs } from '../src/index.ts';
import type { LogRecordExporter } from '../src/otel/log-record.ts';
import { RedisSessionStore } from '../src/redis.ts';
import type { RedisPort } from '../src/redis.ts';
import { newerLine, sdkLines } from './support/sdk-lines.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

// Node takes a delay beyond 2^31 - 1 for 1 ms, so a time-out that is too long would be none that fires at once.
const LONG = [2 ** 30, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER, Infinity];
const ANSWER_MILLIS = 20;

/** Answers well after a timer of 1 ms. */
class SlowExporter implements LogRecordExporter {
  calls = 0;

  export(_records: unknown[], done: Parameters<LogRecordExporter['export']>[1]): void {
    this.calls += 1;
    setTimeout(() => done({ code: 0 }), ANSWER_MILLIS);
  }
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

describe.each(sdkLines)('times of any size, SDK %s', (_line, { sdk }) => {
  it.each(LONG)('the batch: time-outs of %d ms', async (millis) => {
    const exporter = new SlowExporter();
    const processor = new QueuedLogRecordProcessor({
      exporter,
      exportTimeoutMillis: millis,
      forceFlushTimeoutMillis: millis,
      shutdownTimeoutMillis: millis,
      scheduledDelayMillis: Math.min(millis, Number.MAX_SAFE_INTEGER),
    });
    const logger = new sdk.LoggerProvider({ processors: [processor] }).getLogger('test');
    for (let index = 0; index < 5; index += 1) {
      logger.emit({ body: 'text' });
      await delay(5);
    }
    // The scheduled delay is long: nothing goes before the flush.
    expect(exporter.calls).toBe(0);
    await processor.forceFlush();
    await processor.shutdown();
    expect(exporter.calls).toBe(1);
    expect(processor.stats().lost).toEqual({});
  });

  it.each(LONG)('the spool: time-outs of %d ms', async (millis) => {
    const exporter = new SlowExporter();
    const durable = new DurableLogRecordProcessor({
      exporter,
      directory: temporaryDirectory(),
      exportTimeoutMillis: millis,
      forceFlushTimeoutMillis: millis,
      shutdownTimeoutMillis: millis,
      maxAgeMillis: millis,
      fsync: 'interval',
      fsyncIntervalMillis: Math.min(millis, Number.MAX_SAFE_INTEGER),
      scheduledDelayMillis: Math.min(millis, Number.MAX_SAFE_INTEGER),
    });
    onTestFinished(() => durable.shutdown());
    const logger = new sdk.LoggerProvider({ processors: [durable] }).getLogger('test');
    for (let index = 0; index < 5; index += 1) {
      logger.emit({ body: 'text' });
      await delay(5);
    }
    expect(exporter.calls).toBe(0);
    await durable.forceFlush();
    expect(exporter.calls).toBe(1);
    expect(durable.stats()).toMatchObject({ exported: 5, pending: { own: 0, adopted: 0 }, lost: {} });
  });
});

it.each(LONG)('answers are merged whole with a delay of %d ms', async (millis) => {
  const bodies: unknown[] = [];
  const coalescing = new CoalescingLogRecordProcessor({
    processor: {
      onEmit: (record) => void bodies.push(record.body),
      forceFlush: async () => {},
      shutdown: async () => {},
    },
    maxDelayMillis: millis,
  });
  const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
  const provider = new newerLine.sdk.LoggerProvider({ processors: [sessions.processor, coalescing] as never });
  for (const text of ['a', 'b', 'c']) {
    await sessions.logChunkToQueue(text, 's');
    await delay(5);
  }
  await sessions.forceFlush({ timeoutMillis: millis });
  await coalescing.forceFlush();
  expect(bodies).toEqual(['abc']);
});

it.each(LONG)('a reader that may be idle for %d ms stays', async (millis) => {
  const sessions = new SessionLogs({
    store: new MemorySessionStore({ idleTtlMillis: millis, endedTtlMillis: millis }),
  });
  const reader = sessions.followSession('s', { idleTimeoutMillis: millis });
  const first = reader.next();
  await delay(10);
  await sessions.logChunkToQueue('here', 's');
  expect(await first).toMatchObject({ value: { message: 'here' } });
  await reader.return();
});

it('a flush of the Redis store may wait as long as it likes', async () => {
  const never = new Promise<never>(() => {});
  const unreachable: RedisPort = {
    isCluster: false,
    connect: () => ({ exec: () => never, subscribe: () => never, unsubscribe: () => never, close() {} }),
  };
  const store = new RedisSessionStore({ client: unreachable });
  store.append('s', 'text', 0, undefined);
  let outcome: unknown = 'waits';
  const flushing = store.flush(2 ** 31).catch((error: unknown) => (outcome = error));
  await delay(20);
  expect(outcome).toBe('waits');
  await store.close(0).catch(() => {});
  await flushing;
});

it('refuses what is no time, and names it', () => {
  expect(() => new MemorySessionStore({ idleTtlMillis: Number.NaN })).toThrow(
    'expected `idleTtlMillis` to be a number of milliseconds, 0 or more, or Infinity for never, got NaN (number)',
  );
});
