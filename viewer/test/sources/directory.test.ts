import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { describe, expect, it, onTestFinished } from 'vitest';

import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import { SessionLogs } from '../../../src/index.ts';
import { failure, ScriptedExporter } from '../../../test/support/scripted-exporter.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { until } from '../../../test/support/until.ts';
import { logData } from '../../src/model/log-data.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { DirectorySource } from '../../src/sources/directory.ts';
import { SpoolRecords } from '../../src/sources/spool-records.ts';

function line(id: string, message: string, time = '2026-11-23T10:00:00.000Z'): string {
  return `${time} INFO [${id}] ${message} {"otel.scope.name":"app"}\n`;
}

function watch(path: string): { readonly model: SessionModel; readonly directory: DirectorySource } {
  const model = new SessionModel();
  const directory = new DirectorySource(model, path);
  onTestFinished(() => directory.close());
  return { model, directory };
}

function texts(model: SessionModel, id: string): string[] {
  return (model.find(id)?.entries ?? []).map(({ text }) => text);
}

describe('a directory of daily files', () => {
  it('shows past sessions as past, and what is appended as live', async () => {
    const path = temporaryDirectory();
    const file = join(path, 'session-logs.2026-11-23.log');
    writeFileSync(file, line('old', 'past') + line('old', 'more'));
    const { model, directory } = watch(path);
    await directory.start();
    expect(texts(model, 'old')).toEqual(['past', 'more']);
    expect(model.find('old')?.stateAt(Date.now())).toBe('ended');
    appendFileSync(file, line('new', 'now').slice(0, 20));
    appendFileSync(file, line('new', 'now').slice(20));
    await until(() => texts(model, 'new').length === 1);
    expect(model.find('new')?.stateAt(Date.now())).toBe('live');
  });

  it('reads the days in their order, packed ones too, and files that come later', async () => {
    const path = temporaryDirectory();
    writeFileSync(join(path, 'app.2026-11-22.log.gz'), gzipSync(line('a', 'first')));
    await until(() => Date.now() % 20 === 0);
    writeFileSync(join(path, 'app.2026-11-23.log'), line('a', 'second'));
    mkdirSync(join(path, 'deeper'));
    writeFileSync(
      join(path, 'deeper', 'more.jsonl'),
      '{"time":"2026-11-23T10:00:00.000Z","message":"deep","session_id":"b"}\n',
    );
    writeFileSync(join(path, 'image.png'), 'no log');
    const { model, directory } = watch(path);
    await directory.look();
    expect(texts(model, 'a')).toEqual(['first', 'second']);
    expect(texts(model, 'b')).toEqual(['deep']);
    writeFileSync(join(path, 'app.2026-11-24.log'), line('a', 'third'));
    await directory.look();
    expect(texts(model, 'a')).toEqual(['first', 'second', 'third']);
  });

  it('reads a file again that was cut or replaced, and counts lines that are no records', async () => {
    const path = temporaryDirectory();
    const file = join(path, 'app.log');
    writeFileSync(file, `${line('a', 'one')}neither this\nnor that\n`);
    const { model, directory } = watch(path);
    await directory.look();
    expect(model.sources[0]?.unreadable).toBe(2);
    truncateSync(file);
    await directory.look();
    appendFileSync(file, line('a', 'two'));
    await directory.look();
    renameSync(file, join(path, 'old.bak'));
    writeFileSync(file, line('a', 'three'));
    await directory.look();
    expect(texts(model, 'a')).toEqual(['one', 'two', 'three']);
  });

  it('does not read a past day again that is packed meanwhile', async () => {
    const path = temporaryDirectory();
    const file = join(path, 'app.2026-11-22.log');
    writeFileSync(file, line('a', 'one'));
    const { model, directory } = watch(path);
    await directory.look();
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)));
    await directory.look();
    rmSync(file);
    await directory.look();
    await directory.look();
    expect(texts(model, 'a')).toEqual(['one']);
  });

  it('reads characters whole that are written in two pieces', async () => {
    const path = temporaryDirectory();
    const file = join(path, 'app.log');
    const bytes = Buffer.from(line('a', '🦊'));
    const cut = bytes.indexOf(0xf0) + 2;
    writeFileSync(file, bytes.subarray(0, cut));
    const { model, directory } = watch(path);
    await directory.look();
    appendFileSync(file, bytes.subarray(cut));
    await directory.look();
    expect(texts(model, 'a')).toEqual(['🦊']);
  });

  it('is refused when it is not there, and says when it goes away', async () => {
    expect(() => new DirectorySource(new SessionModel(), '/no/such/place')).toThrow('/no/such/place does not exist');
    const path = join(temporaryDirectory(), 'logs');
    mkdirSync(path);
    const { model, directory } = watch(path);
    renameSync(path, `${path}.gone`);
    await directory.look();
    expect([...(model.sources[0]?.notes.values() ?? [])].join()).toContain(`${path} cannot be read`);
  });
});

describe('a spool', () => {
  interface Written {
    readonly path: string;
    readonly durable: DurableLogRecordProcessor;
    readonly exporter: ScriptedExporter;
    readonly sessions: SessionLogs;
  }

  /** A process that writes sessions to a spool, with a collector that is down until it is told otherwise. */
  function write(): Written {
    const path = join(temporaryDirectory(), 'spool');
    const exporter = new ScriptedExporter(() => failure());
    const durable = new DurableLogRecordProcessor({
      exporter,
      directory: path,
      scheduledDelayMillis: 1,
      shutdownTimeoutMillis: 20,
    });
    const sessions = new SessionLogs();
    const provider = new LoggerProvider({ processors: [sessions.processor, durable] });
    onTestFinished(async () => void (await Promise.allSettled([provider.shutdown()])));
    const logger = provider.getLogger('app');
    for (let at = 0; at < 3; at += 1) logger.emit({ body: `entry ${at}`, attributes: { 'session.id': 'abc', n: at } });
    return { path, durable, exporter, sessions };
  }

  it('shows what waits for the collector, and how far the collector has it', async () => {
    const { path, exporter, durable } = write();
    await until(() => durable.stats().pending.own === 3 && exporter.calls.length > 0);
    const { model, directory } = watch(path);
    await directory.look();
    expect(texts(model, 'abc')).toEqual(['entry 0', 'entry 1', 'entry 2']);
    expect(model.find('abc')?.entries[1]?.data).toMatchObject({ attributes: { n: 1 }, origin: { scopeName: 'app' } });
    expect(model.find('abc')?.delivered).toBeUndefined();
    exporter.answer = () => 'ok';
    await durable.forceFlush();
    await directory.look();
    // A segment that is not there may be on its way to another process, so it is looked for once more.
    await directory.look();
    expect(model.find('abc')?.delivered?.seq).toBe(model.find('abc')?.entries.at(-1)?.seq);
  });

  it('shows once what a process left that is gone, and what is appended there', async () => {
    const { path, durable } = write();
    await durable.shutdown();
    const { model, directory } = watch(join(path, '..'));
    await directory.look();
    await directory.look();
    expect(texts(model, 'abc')).toEqual(['entry 0', 'entry 1', 'entry 2']);
    expect([...(model.sources[0]?.notes.values() ?? [])].join()).toContain('no longer run');
    const next = new DurableLogRecordProcessor({ exporter: new ScriptedExporter(() => failure()), directory: path });
    onTestFinished(async () => void (await Promise.allSettled([next.shutdown()])));
    new LoggerProvider({ processors: [next] })
      .getLogger('app')
      .emit({ body: 'later', attributes: { 'session.id': 'abc' } });
    // It takes over the directory of the other process: those records are known already.
    await until(() => next.stats().pending.own + next.stats().pending.adopted === 4);
    await directory.look();
    expect(texts(model, 'abc')).toEqual(['entry 0', 'entry 1', 'entry 2', 'later']);
  });

  it('says what the collector has rejected, and leaves everything as it was', async () => {
    const { path, exporter, durable } = write();
    exporter.answer = (records) => (records.some(({ attributes }) => attributes['n'] === 1) ? failure(400) : 'ok');
    await until(() => durable.stats().rejected === 1 && durable.stats().pending.own === 0);
    const { model, directory } = watch(path);
    await directory.look();
    expect(texts(model, 'abc')).toEqual(['entry 1']);
    expect([...(model.sources[0]?.notes.values() ?? [])].join()).toContain('rejected 1 of the records');
    expect(durable.stats().rejected).toBe(1);
  });

  it('is no reason to keep records that the model has dropped', () => {
    const model = new SessionModel();
    const sink = new SpoolRecords(model, model.addSource('spool', 'directory'), 'spool');
    const data = logData({ body: 'x', attributes: { 'session.id': 'abc' } });
    const token = sink.record({ data, entryId: undefined, isRejected: false });
    expect(token).toEqual({ session: 's:abc', seq: 1 });
    sink.delivered(token);
    expect(model.find('abc')?.delivered?.seq).toBe(1);
  });

  it('counts damaged records and shows the others', async () => {
    const { path, durable } = write();
    await durable.shutdown();
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
    const segment = names.find((name) => name.endsWith('.seg')) ?? '';
    const bytes = readFileSync(join(path, segment));
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0xff;
    writeFileSync(join(path, segment), bytes);
    const { model, directory } = watch(path);
    await directory.look();
    // The end may be a frame that is still being written, until the file stays as it is.
    await directory.look();
    expect((model.sources[0]?.unreadable ?? 0) + model.entries).toBe(3);
    expect(model.sources[0]?.unreadable).toBeGreaterThan(0);
  });
});
