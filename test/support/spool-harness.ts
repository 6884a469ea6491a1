import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { OriginEncoder } from '../../src/export/spool/codec/origin-codec.ts';
import { FrameEncoder } from '../../src/export/spool/codec/frame-encoder.ts';
import { Spool } from '../../src/export/spool/spool.ts';
import type { LogRecord } from '../../src/otel/log-record.ts';
import { LossCounters } from '../../src/support/loss-counters.ts';
import { reporterFor } from '../../src/support/reporter.ts';

const encoder = new FrameEncoder(new OriginEncoder(() => {}), undefined);
const resource = { attributes: { 'service.name': 'test' } };
const scope = { name: 'scope' };

/** A spool that a test writes to and empties. */
export interface SpoolHarness {
  readonly spool: Spool;
  readonly lost: LossCounters;
  readonly append: (count: number, text?: string) => void;
  /** Delivers everything a queue has, and gives the bodies. */
  readonly drain: (queue?: 'own' | 'adopted', maxRecords?: number) => Promise<unknown[]>;
}

interface HarnessOptions extends Partial<ConstructorParameters<typeof Spool>[0]> {
  readonly maxAgeMillis?: number;
}

export function openSpool(root: string, { maxAgeMillis, ...options }: HarnessOptions = {}): SpoolHarness {
  const lost = new LossCounters();
  const spool = new Spool({
    root,
    maxBytes: 64 * 1024 * 1024,
    fsync: 'never',
    fsyncIntervalMillis: 500,
    whenDiskFull: 'drop-newest',
    now: Date.now,
    expiredBefore: () => (options.now ?? Date.now)() - (maxAgeMillis ?? Infinity),
    reporter: reporterFor('test'),
    events: { lost: (reason, count) => lost.add(reason, count), settled() {}, moved() {}, removed() {} },
    onResource() {},
    ...options,
  });
  onTestFinished(() => spool.close());
  return {
    spool,
    lost,
    append(count, text = '') {
      for (let i = 0; i < count; i += 1) encoder.add(recordOf(`${spool.nextOrdinal + i}${text}`));
      spool.append(encoder.finish(spool.nextOrdinal, (options.now ?? Date.now)()) as Buffer, count);
    },
    async drain(queue = 'own', maxRecords = 512) {
      const bodies: unknown[] = [];
      for (;;) {
        const batch = await spool[queue].read(maxRecords, 1_000_000);
        if (batch === undefined) return bodies;
        bodies.push(...batch.records.map((record) => record.body));
        batch.settle(0, batch.length, 'delivered');
      }
    },
  };
}

function recordOf(body: string): LogRecord {
  const record = {
    hrTime: [1, 2],
    hrTimeObserved: [1, 2],
    resource,
    instrumentationScope: scope,
    body,
    attributes: {},
    droppedAttributesCount: 0,
  };
  return record as unknown as LogRecord;
}

/** Bodies of the records of these numbers. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

/** The segments below a root, oldest first. */
export function segmentPaths(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.seg'))
    .map((name) => join(root, name))
    .toSorted();
}
