import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTick } from 'node:timers/promises';

import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { expect, onTestFinished, test, vi } from 'vitest';

import { run } from '../src/cli.ts';
import { DurableLogRecordProcessor } from '../src/export/durable/durable.ts';
import { toOtlpJson } from '../src/export/durable/otlp-json.ts';
import type { SpoolReport } from '../src/export/durable/spool-report.ts';
import type { ReadableLogRecord } from '../src/otel/log-record.ts';
import { builtSource } from './support/built-source.ts';
import { moveToOtherHost } from './support/heartbeats.ts';
import { cannotMount, mountTmpfs } from './support/loop-disk.ts';
import { newerFrame, reformat } from './support/newer-version.ts';
import { flatten } from './support/otlp-decode.ts';
import type { OtlpLogsRequest } from './support/otlp-decode.ts';
import { failure, ScriptedExporter } from './support/scripted-exporter.ts';
import { segmentPaths } from './support/spool-harness.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { until } from './support/until.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function runCli(...args: string[]): Promise<Ran> {
  let [out, err] = ['', ''];
  const code = await run(args, { write: (text) => (out += text) }, { write: (text) => (err += text) });
  return { code, out, err };
}

/** A spool with 30 records of a dead owner, ten of them acknowledged, and one rejected record. */
async function deadSpool(text = ''): Promise<string> {
  const directory = join(temporaryDirectory(), 'spool');
  const exporter = new ScriptedExporter((records) => {
    if (records.some((record) => record.body === 'poison')) return failure(400);
    return records.some((record) => String(record.body).startsWith('late')) ? failure() : 'ok';
  });
  const durable = new DurableLogRecordProcessor({
    exporter,
    directory,
    scheduledDelayMillis: 1,
    shutdownTimeoutMillis: 20,
    maxExportBatchSize: 10,
  });
  const resource = resourceFromAttributes({ 'service.name': 'cli' });
  const logger = new LoggerProvider({ processors: [durable], resource }).getLogger('scope', '1');
  for (let i = 0; i < 9; i += 1) logger.emit({ body: `early ${i}` });
  logger.emit({ body: 'poison' });
  for (let i = 0; i < 20; i += 1) logger.emit({ body: `late ${i}${text}`, attributes: { i } });
  await until(() => durable.stats().exported === 9 && durable.stats().rejected === 1);
  await durable.shutdown();
  // Its time was short: the files are synced and closed behind it.
  await until(() => readFileSync(join(ownerIn(directory), 'h'), 'utf8').includes('given up'));
  return directory;
}

function ownerIn(directory: string): string {
  return join(directory, readdirSync(directory).find((name) => name.startsWith('o-')) as string);
}

test('shows owners, records, bytes, the oldest and what was rejected, and changes nothing', async () => {
  const directory = await deadSpool();
  const before = snapshot(directory);
  const { code, out } = await runCli('spool', directory);
  expect(code).toBe(0);
  expect(out).toContain(`${directory}: 20 records waiting`);
  expect(out).toMatch(/^owner +process +host +boot +segments +frames +records +bytes +oldest +damaged +newer$/m);
  expect(out).toMatch(
    /\d{13}-[0-9a-f]{8} +dead +(\S+) +[-0-9a-fT:]{16} +1 +1 +20 +\d+ +\d{4}-\d\d-\d\dT[\d:.]+Z +0 +0\n/,
  );
  expect(out).toContain(` ${hostname()} `);
  expect(out).toMatch(/rejected by the collector: 1 records, \d+ bytes, 1 files/);
  expect(snapshot(directory)).toStrictEqual(before);
});

test('tells a living owner from a dead one, and exports what no process will ship', async () => {
  const directory = await deadSpool();
  // It takes the dead one over, so that what it cannot send is its own affair.
  const durable = new DurableLogRecordProcessor({
    exporter: new ScriptedExporter(() => failure()),
    directory,
    shutdownTimeoutMillis: 10,
  });
  onTestFinished(() => durable.shutdown());
  await until(() => durable.stats().pending.adopted === 20);
  const file = join(temporaryDirectory(), 'out.jsonl');
  const { out, err } = await runCli('spool', directory, '--json', '--export', file);
  expect((JSON.parse(out) as SpoolReport).owners).toMatchObject([
    { process: 'alive', host: hostname(), frames: 1, records: 20, damaged: 0 },
  ]);
  expect(err).toContain('0 records written');
});

/** A spool with 20 records of a process on another host, of which only its heartbeat tells whether it lives. */
async function spoolFromElsewhere(): Promise<{ directory: string; owner: string }> {
  const directory = await deadSpool();
  const owner = ownerIn(directory);
  moveToOtherHost(owner, { host: 'web-2', boot: '1c0ffee0-1234-5678-9abc-def012345678' });
  return { directory, owner };
}

/** Runs the command in a time that goes by itself, five seconds in a turn of the event loop. */
async function runInFakeTime(args: readonly string[], eachTurn: () => void = () => {}): Promise<Ran> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    let isDone = false;
    const running = runCli(...args).finally(() => (isDone = true));
    for (let turn = 0; !isDone && turn < 100_000; turn += 1) {
      await nextTick();
      if (vi.getTimerCount() === 0) continue;
      eachTurn();
      vi.advanceTimersToNextTimer();
    }
    return await running;
  } finally {
    vi.useRealTimers();
  }
}

test('says of an owner on another host that it waits, with its host and boot', async () => {
  const { directory } = await spoolFromElsewhere();
  const { out } = await runCli('spool', directory);
  expect(out).toMatch(/\d{13}-[0-9a-f]{8} +waiting +web-2 +1c0ffee0-1234-56 +1 +1 +20 /);
  expect(out).toContain('\nwaiting: ran on another host');
  const report = JSON.parse((await runCli('spool', directory, '--json')).out) as SpoolReport;
  expect(report.owners).toMatchObject([
    { process: 'waiting', host: 'web-2', boot: '1c0ffee0-1234-5678-9abc-def012345678', records: 20 },
  ]);
});

test('an export waits for a heartbeat from another host, and takes what has none', async () => {
  const { directory } = await spoolFromElsewhere();
  const file = join(temporaryDirectory(), 'out.jsonl');
  const { out, err, code } = await runInFakeTime(['spool', directory, '--export', file]);
  expect(code).toBe(0);
  expect(err).toContain('1 owners may run on another host');
  expect(err).toContain('20 records written');
  expect(out).toMatch(/ dead +web-2 /);
  expect(readLines(file).flatMap(flatten)).toHaveLength(20);
});

test('an export leaves out what an owner on another host ships itself', async () => {
  const { directory, owner } = await spoolFromElsewhere();
  const file = join(temporaryDirectory(), 'out.jsonl');
  const { out, err, code } = await runInFakeTime(['spool', directory, '--export', file], () =>
    moveToOtherHost(owner, { host: 'web-2' }),
  );
  expect(code).toBe(0);
  expect(err).toContain('0 records written');
  expect(out).toMatch(/ alive +web-2 /);
});

test.skipIf(cannotMount !== undefined)(
  `an export that the disk takes only in part fails${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
  async () => {
    const directory = await deadSpool('x'.repeat(1_000));
    const disk = mountTmpfs('1m');
    onTestFinished(() => disk.remove());
    const { bavail, bsize } = statfsSync(disk.path);
    // The file gets one block.
    writeFileSync(join(disk.path, 'filling'), Buffer.alloc((bavail - 1) * bsize));
    const { code, err } = await runCli('spool', directory, '--export', join(disk.path, 'records.jsonl'));
    expect(statSync(join(disk.path, 'records.jsonl')).size).toBe(bsize);
    expect([code, err]).toEqual([1, expect.stringContaining('ENOSPC')]);
    expect(err).not.toContain('records written');
  },
);

test('~ leads to the home directory, which a shell leaves as it is in quotes and in --export=~/file', async () => {
  const home = join(await deadSpool(), '..');
  const before = process.env['HOME'];
  process.env['HOME'] = home;
  onTestFinished(() => {
    if (before === undefined) delete process.env['HOME'];
    else process.env['HOME'] = before;
  });
  expect(await runCli('spool', '~/spool', '--export=~/records.jsonl')).toMatchObject({ code: 0 });
  expect(readLines(join(home, 'records.jsonl')).flatMap(flatten)).toHaveLength(20);
  const durable = new DurableLogRecordProcessor({
    exporter: new ScriptedExporter(() => failure()),
    directory: '~/other',
  });
  await durable.shutdown();
  expect(readdirSync(home).toSorted()).toEqual(['other', 'records.jsonl', 'spool']);
});

test('exports lines of OTLP JSON: the waiting records, or the rejected ones', async () => {
  const directory = await deadSpool();
  const [pending, rejected] = [join(temporaryDirectory(), 'p.jsonl'), join(temporaryDirectory(), 'r.jsonl')];
  expect((await runCli('spool', directory, '--export', pending)).err).toContain('20 records written');
  const records = readLines(pending).flatMap(flatten);
  expect(records.map((record) => record.body)).toStrictEqual(Array.from({ length: 20 }, (_, i) => `late ${i}`));
  expect(records[3]).toMatchObject({
    attributes: { i: 3 },
    resource: { 'service.name': 'cli' },
    scope: { name: 'scope', version: '1' },
  });
  expect((await runCli('spool', directory, '--export', rejected, '--rejected')).code).toBe(0);
  expect(readLines(rejected).flatMap(flatten)).toMatchObject([{ body: 'poison' }]);
  const again = await runCli('spool', directory, '--export', pending);
  expect(again.code).toBe(1);
  expect(again.err).toContain('EEXIST');
});

test('counts damage', async () => {
  const directory = await deadSpool();
  const [path] = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.seg'),
  ) as [string];
  const bytes = readFileSync(join(directory, path));
  bytes[bytes.length - 10] = (bytes[bytes.length - 10] as number) ^ 1;
  writeFileSync(join(directory, path), bytes);
  const { out } = await runCli('spool', directory, '--json');
  expect((JSON.parse(out) as SpoolReport).owners).toMatchObject([{ records: 0, damaged: 20 }]);
});

test('lists what waits for a newer version, and exports the rest with a code that says so', async () => {
  const directory = await deadSpool();
  const [path] = segmentPaths(directory) as [string];
  reformat(path, 1, 2);
  const dead = join(directory, 'dead');
  writeFileSync(join(dead, '0000000000001-1-1.dead'), newerFrame(2, 5, 1));
  writeFileSync(join(dead, '0000000000001-1-2.other'), '1234567');
  const before = snapshot(directory);
  const { code, out } = await runCli('spool', directory);
  expect(code).toBe(0);
  expect(out).toContain(`${directory}: 20 records waiting, ${statSync(path).size} bytes, 0 damaged\n`);
  expect(out).toContain(
    `waiting for a newer version of this package: 20 records, ${statSync(path).size} bytes, 1 files\n`,
  );
  expect(out).toMatch(/ dead +\S+ +\S+ +1 +1 +20 +\d+ +- +0 +20\n/);
  expect(out).toContain('rejected by the collector: 1 records');
  expect(out).toContain('rejected, written by a newer version: 5 records, 33 bytes, 2 files\n');
  const report = JSON.parse((await runCli('spool', directory, '--json')).out) as SpoolReport;
  expect(report).toMatchObject({
    owners: [{ records: 20, damaged: 0, newer: { records: 20, bytes: statSync(path).size, files: 1 } }],
    dead: { files: 1, records: 1, newer: { records: 5, bytes: 33, files: 2 } },
  });
  for (const [options, count, leftOut] of [
    [[], 0, '20 records'],
    [['--rejected'], 1, '5 records, 33 bytes, 2 files'],
  ] as const) {
    const file = join(temporaryDirectory(), 'out.jsonl');
    const ran = await runCli('spool', directory, '--export', file, ...options);
    expect(ran.code).toBe(3);
    expect(ran.err).toContain(`${count} records written`);
    expect(ran.err).toContain(`left out: ${leftOut}`);
  }
  expect(snapshot(directory)).toStrictEqual(before);
});

test.each([
  [[], ': give a command: spool, erase, dev', ''],
  [['--bogus'], ': unknown option --bogus', ''],
  [['bogus', 'a'], ': unknown command bogus', ''],
  [['bogus', '--jsn'], ': unknown option --jsn: did you mean --json?', ''],
  [['spool'], ' spool: give a DIRECTORY', ' spool'],
  [['spool', 'a', 'b'], ' spool: expected one DIRECTORY, got 2', ' spool'],
  [['spool', 'a', '--bogus'], ' spool: unknown option --bogus', ' spool'],
  [['spool', 'a', '-x'], ' spool: unknown option -x', ' spool'],
  [['spool', 'a', '--json=yes'], ' spool: --json takes no value, got "yes"', ' spool'],
  [['spool', 'a', '--export'], ' spool: --export needs a value', ' spool'],
  [
    ['spool', 'a', '--export', '--json'],
    ' spool: --export needs a value: write --export=VALUE if that begins with -',
    ' spool',
  ],
  [['spool', 'a', '--rejected'], ' spool: --rejected needs --export FILE.jsonl', ' spool'],
  [['erase', 'a'], ' erase: no directory is given: --logs DIR, --spool DIR or both', ' erase'],
])('wrong arguments %j: the reason and where the usage is, code 2', async (args, reason, command) => {
  const help = `Run \`otel-session-logs${command} --help\` to see its arguments and options.`;
  expect(await runCli(...args)).toEqual({ code: 2, out: '', err: `otel-session-logs${reason}\n${help}\n` });
});

test('a directory that is not there: one line, code 1', async () => {
  const missing = join(temporaryDirectory(), 'none');
  const { code, err } = await runCli('spool', missing);
  expect(code).toBe(1);
  expect(err).toBe(`otel-session-logs: the directory ${missing} does not exist\n`);
});

test('runs as a program', async () => {
  const source = builtSource();
  const directory = await deadSpool();
  const out = execFileSync(process.execPath, [new URL(source.url('cli.js')).pathname, 'spool', directory], {
    encoding: 'utf8',
  });
  expect(out).toContain('20 records waiting');
});

test('values that the JSON of the stock exporter cannot carry', () => {
  const body = {
    nan: Number.NaN,
    big: 2 ** 63,
    huge: 2n ** 70n,
    long: 2n ** 60n,
    zero: -0,
    bytes: new Uint8Array([1]),
    none: undefined,
  };
  const record = {
    hrTime: [1, 5],
    hrTimeObserved: [Number.NaN, 0],
    resource: { attributes: {} },
    instrumentationScope: { name: 's' },
    attributes: {},
    droppedAttributesCount: 0,
    body,
  } as unknown as ReadableLogRecord;
  const text = JSON.stringify(toOtlpJson([record]));
  expect(text).toContain('{"key":"nan","value":{"doubleValue":"NaN"}}');
  expect(text).toContain('{"key":"big","value":{"doubleValue":9223372036854776000}}');
  expect(text).toContain('{"key":"huge","value":{"stringValue":"1180591620717411303424"}}');
  expect(text).toContain('{"key":"long","value":{"intValue":"1152921504606846976"}}');
  expect(text).toContain('{"key":"bytes","value":{"bytesValue":"AQ=="}}');
  expect(text).toContain('{"key":"none","value":{}}');
  expect(text).toContain('"timeUnixNano":"1000000005","observedTimeUnixNano":"0"');
});

function readLines(path: string): OtlpLogsRequest[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as OtlpLogsRequest);
}

function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const path = join(directory, name);
      return `${name} ${statSync(path).isFile() ? readFileSync(path).toString('base64') : ''}`;
    });
}
