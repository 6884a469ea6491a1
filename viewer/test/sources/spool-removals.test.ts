import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import { failure, ScriptedExporter } from '../../../test/support/scripted-exporter.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { until } from '../../../test/support/until.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { SeenNumbers, SpoolRemovals } from '../../src/sources/spool-removals.ts';
import { SpoolRecords } from '../../src/sources/spool-records.ts';
import { SpoolTail } from '../../src/sources/spool-tail.ts';

interface Spool {
  readonly durable: DurableLogRecordProcessor;
  readonly exporter: ScriptedExporter;
  readonly model: SessionModel;
  readonly write: (count: number) => void;
  readonly look: () => Promise<void>;
  /** Looks until so many records have been read. */
  readonly read: (count: number) => Promise<void>;
  readonly pass: (millis: number) => void;
  readonly notes: () => string;
  readonly segments: () => string[];
}

/** A process whose collector is down until it is told otherwise, and a viewer of its spool. */
function spool(maxBytes?: number): Spool {
  const directory = join(temporaryDirectory(), 'spool');
  const exporter = new ScriptedExporter(() => failure());
  const durable = new DurableLogRecordProcessor({
    exporter,
    directory,
    scheduledDelayMillis: 1,
    shutdownTimeoutMillis: 20,
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  const provider = new LoggerProvider({ processors: [durable] });
  onTestFinished(async () => void (await Promise.allSettled([provider.shutdown()])));
  const logger = provider.getLogger('app');
  const model = new SessionModel();
  const source = model.addSource('spool', 'directory');
  let now = 0;
  const tail = new SpoolTail(directory, new SpoolRecords(model, source, 'spool'), () => now);
  return {
    durable,
    exporter,
    model,
    write: (count) => {
      for (let at = 0; at < count; at += 1) {
        logger.emit({ body: 'x'.repeat(1_000), attributes: { 'session.id': 'abc' } });
      }
    },
    look: () => tail.look(),
    read: async (count) => {
      while (model.entries < count) {
        await nextTurn();
        await tail.look();
      }
    },
    pass: (millis) => (now += millis),
    notes: () => [...source.notes.values()].join('; '),
    segments: () =>
      readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.seg'))
        .map((name) => join(directory, name)),
  };
}

/** Writes into a spool of 400 KB until the process has dropped its oldest records. */
async function overflow({ durable, write, look }: Spool): Promise<void> {
  for (let round = 0; round < 1_000 && (durable.stats().lost['spool_full'] ?? 0) === 0; round += 1) {
    write(50);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await look();
  }
  expect(durable.stats().lost['spool_full']).toBeGreaterThan(0);
}

describe('records that are removed from a spool', () => {
  it('are not taken for delivered when the spool is full and the collector is down, and are counted', async () => {
    const full = spool(400_000);
    await overflow(full);
    for (let at = 0; at < 3; at += 1) await full.look();
    full.pass(10_000);
    await full.look();
    expect(full.model.find('abc')?.delivered).toBeUndefined();
    expect(full.notes()).toMatch(
      /\d+ records in spool were removed, and the viewer did not see the collector get them/,
    );
  });

  it('are taken for delivered when all of it is, also if it went at once', async () => {
    const { exporter, durable, model, write, look, read, notes } = spool();
    write(20);
    await read(20);
    await until(() => exporter.calls.length > 0);
    exporter.answer = () => 'ok';
    await durable.forceFlush();
    await look();
    await look();
    expect(model.find('abc')?.delivered?.seq).toBe(20);
    expect(notes()).not.toContain('removed');
  });

  it('are counted when they went before they were read', async () => {
    const { exporter, durable, write, read, notes } = spool();
    write(5);
    await read(5);
    exporter.answer = () => 'ok';
    await durable.forceFlush();
    write(7);
    await durable.forceFlush();
    exporter.answer = () => failure();
    write(3);
    await read(8);
    expect(notes()).toContain('7 records in spool were removed before the viewer read them');
  });

  it('are not read twice when their file is not there for one look', async () => {
    const { model, write, look, read, segments } = spool();
    write(5);
    await read(5);
    const [path = ''] = segments();
    renameSync(path, `${path}.moving`);
    await look();
    renameSync(`${path}.moving`, path);
    await look();
    expect(model.entries).toBe(5);
  });
});

describe('what became of removed records', () => {
  it('is decided by acknowledgements from shortly before to some seconds after', () => {
    let now = 0;
    const removals = new SpoolRemovals<string>(() => now);
    removals.add(['a', 'b']);
    expect(removals.decide(false)).toEqual({ delivered: [], unknown: 0 });
    now = 9_999;
    removals.noteAcknowledgement();
    expect(removals.decide(false)).toEqual({ delivered: ['a', 'b'], unknown: 0 });
    now = 20_000;
    removals.add(['c']);
    now = 30_000;
    expect(removals.decide(false)).toEqual({ delivered: [], unknown: 1 });
    expect(removals.decide(true)).toEqual({ delivered: [], unknown: 0 });
    removals.noteAcknowledgement();
    now = 32_000;
    removals.add(['d']);
    expect(removals.decide(false)).toEqual({ delivered: ['d'], unknown: 0 });
  });

  it('is that they were missed where numbers between those that were seen are not', () => {
    const numbers = new SeenNumbers();
    numbers.add('one', 10, 20);
    expect(numbers.missed).toBe(0);
    numbers.add('one', 25, 30);
    numbers.add('two', 1, 5);
    expect(numbers.missed).toBe(5);
    numbers.add('one', 20, 23);
    expect(numbers.missed).toBe(2);
  });
});
