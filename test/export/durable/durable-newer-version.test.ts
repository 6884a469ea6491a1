import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { expect, onTestFinished, test } from 'vitest';

import { DeadLetters } from '../../../src/export/durable/dead-letters.ts';
import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import type { ReadableLogRecord } from '../../../src/otel/log-record.ts';
import { builtSource } from '../../support/built-source.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { drain, missing, startChild } from '../../support/durable-process.ts';
import type { ChildOptions } from '../../support/durable-process.ts';
import { newerFrame, reformat, snapshot } from '../../support/newer-version.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { ScriptedExporter } from '../../support/scripted-exporter.ts';
import { segmentPaths } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const diagnostics = recordDiagnostics();

const source = builtSource();

test('an upgrade that is rolled back: its 1,000 records stay, over kills, until the newer version ships them', async () => {
  const root = join(temporaryDirectory(), 'spool');
  const receiver = await startOtlpReceiver({ answer: { status: 503 } });
  onTestFinished(() => receiver.close());
  const child = (prefix: string, count: number): ChildOptions => ({
    mode: 'burst',
    count,
    line: '3.x',
    url: receiver.logsUrl,
    module: source.url('export/durable/durable.js'),
    directory: root,
    prefix,
  });
  const bodies = (): unknown[] => receiver.records().map((record) => record.body);

  const upgraded = startChild(child('newer', 1_000));
  await upgraded.told('emitted');
  upgraded.process.kill('SIGKILL');
  await upgraded.ended;
  const [name] = readdirSync(root) as [string];
  for (const path of segmentPaths(root)) reformat(path, 1, 2);
  const before = snapshot(join(root, name));

  // Rolled back. This one is killed as well, with records of its own undelivered.
  const killed = startChild(child('killed', 100));
  await killed.told('emitted');
  killed.process.kill('SIGKILL');
  await killed.ended;

  const exporter = new ScriptedExporter();
  const durable = new DurableLogRecordProcessor({ exporter, directory: root, scheduledDelayMillis: 5 });
  const provider = new LoggerProvider({ processors: [durable] });
  for (let i = 1; i <= 10; i += 1) provider.getLogger('test').emit({ body: `own-${i}` });
  await provider.forceFlush();
  await until(() => exporter.delivered.length === 110, 'own records and those of the killed process');
  expect(missing(new Set(exporter.bodies), 'killed', 100)).toStrictEqual([]);
  expect(durable.stats()).toMatchObject({
    exported: 110,
    pending: { own: 0, adopted: 0 },
    newer: { records: 1_000, files: 1 },
    oldestAgeMillis: 0,
    bytes: 0,
    lost: {},
  });
  await provider.shutdown();
  expect(diagnostics.lines).toHaveLength(1);
  expect(diagnostics.lines[0]).toContain('a newer version of this package left 1000 log records in the spool');
  expect(snapshot(join(root, name))).toStrictEqual(before);
  expect(readdirSync(root)).toStrictEqual([name]);

  // The newer version again.
  for (const path of segmentPaths(root)) reformat(path, 2, 1);
  receiver.answer('ok');
  const stats = await drain(root, receiver.logsUrl);
  expect(bodies().filter((body) => String(body).startsWith('newer'))).toStrictEqual(
    Array.from({ length: 1_000 }, (_, i) => `newer-${i + 1}`),
  );
  expect(stats).toMatchObject({ newer: { records: 0, bytes: 0, files: 0 }, lost: {} });
});

test('files of rejected records that a newer version wrote are neither deleted nor counted', () => {
  const root = temporaryDirectory();
  const losses: [string, number][] = [];
  const record = { resource: { attributes: {} }, instrumentationScope: { name: 's' }, attributes: {} };
  const bodyOf = (i: number): ReadableLogRecord =>
    ({
      ...record,
      hrTime: [1, i],
      hrTimeObserved: [1, i],
      body: 'x'.repeat(10_000),
      droppedAttributesCount: 0,
    }) as never;
  const write = (count: number): void => {
    const dead = new DeadLetters(root, {
      maxBytes: 70_000,
      now: () => 1_000,
      onLost: (...loss) => losses.push(loss),
    });
    for (let i = 0; i < count; i += 1) dead.add(bodyOf(i));
  };
  write(3);
  const directory = join(root, 'dead');
  const [oldest] = readdirSync(directory) as [string];
  const strange = join(directory, '0000000000001-1-1.dead');
  // A frame that is damaged, a known one, then one of a newer version.
  writeFileSync(strange, Buffer.concat([Buffer.alloc(100), readFileSync(join(directory, oldest))]));
  appendFileSync(strange, newerFrame(7, 3, 1, Buffer.alloc(60_000)));
  const other = join(directory, '0000000000001-1-2.dead2');
  writeFileSync(other, 'x'.repeat(100_000));
  const before = [strange, other].map((path) => readFileSync(path).toString('base64'));
  write(20);
  expect([strange, other].map((path) => readFileSync(path).toString('base64'))).toStrictEqual(before);
  // Room for six: the newest ones.
  expect(losses.every(([reason]) => reason === 'dead_full')).toBe(true);
  expect(losses.reduce((sum, [, count]) => sum + count, 0)).toBe(23 - 6);
});

test('a file of rejected records that came later, of a newer version, costs no older one its room; nor does a directory', () => {
  const root = temporaryDirectory();
  const losses: unknown[] = [];
  const record = {
    resource: { attributes: {} },
    instrumentationScope: { name: 's' },
    attributes: {},
    hrTime: [1, 1],
    hrTimeObserved: [1, 1],
    body: 'x'.repeat(10_000),
    droppedAttributesCount: 0,
  } as unknown as ReadableLogRecord;
  const dead = new DeadLetters(root, { maxBytes: 70_000, now: () => 1_000, onLost: (...loss) => losses.push(loss) });
  for (let i = 0; i < 3; i += 1) dead.add(record);
  writeFileSync(join(root, 'dead', '0000000002000-1-1.dead'), newerFrame(7, 3, 1, Buffer.alloc(60_000)));
  mkdirSync(join(root, 'dead', '0000000000001-1-1.dead'));
  for (let i = 0; i < 3; i += 1) dead.add(record);
  expect(losses).toStrictEqual([]);
  for (let i = 0; i < 2; i += 1) dead.add(record);
  expect(losses).toStrictEqual([
    ['dead_full', 1],
    ['dead_full', 1],
  ]);
});
