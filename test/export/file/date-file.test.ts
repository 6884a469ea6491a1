import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { assert, asyncProperty, constantFrom, string } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import { loggerOver, NOON, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { runs } from '../../support/properties.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

function linesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text.split('\n').slice(0, -1);
}

describe('the daily file', () => {
  const diagnostics = recordDiagnostics();

  it('writes a record as a line with time, level, session, message and scope', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    const logger = loggerOver(file);
    const timestamp = Date.UTC(2026, 10, 23, 10);
    logger.emit({ body: 'hello', severityNumber: 9, timestamp, attributes: { 'session.id': 'my session', id: 1 } });
    logger.emit({ body: 'token', timestamp, attributes: { 'session_logs.stream_id': 'x' } });
    logger.emit({ body: { a: [1] }, timestamp, eventName: 'an.event', severityNumber: 17 });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toEqual([
      '2026-11-23T10:00:00.000Z INFO [my session] hello {"otel.scope.name":"test","otel.scope.version":"1.2.3","attributes":{"id":1}}',
      '2026-11-23T10:00:00.000Z CHAT [-] token {"otel.scope.name":"test","otel.scope.version":"1.2.3"}',
      '2026-11-23T10:00:00.000Z ERROR [-] {"a":[1]} {"otel.scope.name":"test","otel.scope.version":"1.2.3","otel.event.name":"an.event"}',
    ]);
    expect(file.stats()).toEqual({ written: 3, pendingLines: 0, pendingBytes: 0, misformatted: 0, lost: {} });
  });

  it('writes the time that a record has, from long ago too; 0 is none', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    const logger = loggerOver(file);
    logger.emit({ body: 'old', timestamp: [-315_619_200, 0], observedTimestamp: NOON });
    logger.emit({ body: 'none', timestamp: [0, 0], observedTimestamp: NOON });
    await file.forceFlush();
    const times = linesOf(join(directory, TODAY)).map((line) => line.split(' ')[0]);
    expect(times).toEqual(['1960-01-01T00:00:00.000Z', new Date(NOON).toISOString()]);
  });

  it('is private: directory 0700, file 0600; an existing file keeps its mode', async () => {
    const parent = temporaryDirectory();
    const directory = join(parent, 'deep', 'logs');
    startDailyFile(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, TODAY)).mode & 0o777).toBe(0o600);
    const other = join(parent, 'other');
    mkdirSync(other);
    writeFileSync(join(other, TODAY), 'before\n');
    chmodSync(join(other, TODAY), 0o644);
    const file = startDailyFile(other);
    loggerOver(file).emit({ body: 'after' });
    await file.forceFlush();
    expect(statSync(join(other, TODAY)).mode & 0o777).toBe(0o644);
    expect(linesOf(join(other, TODAY))).toHaveLength(2);
  });

  it('no text can forge a line: one record is one line, whatever it holds', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    const provider = new LoggerProvider({ processors: [file] });
    const hostile = string({
      unit: constantFrom('a', ...'\n\r\u2028\u2029\u0085\u001b\u0000\u202e\u2066"] \\'.split(''), '😀'),
    });
    const columns = new Map<string, string>();
    let count = 0;
    await assert(
      asyncProperty(hostile, hostile, hostile, hostile, async (body, sessionId, scope, eventName) => {
        provider.getLogger(scope).emit({
          body,
          eventName,
          severityText: scope,
          attributes: { 'session.id': sessionId, [eventName]: body, list: [scope] },
        });
        await file.forceFlush();
        count += 1;
        const lines = linesOf(join(directory, TODAY));
        expect(lines).toHaveLength(count);
        // oxlint-disable-next-line no-control-regex
        expect(lines.at(-1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
        // The session's column ends at its first bracket, and no two sessions have the same one.
        const column = /^\S+ \S+ \[([^\]]*)\] /.exec(lines.at(-1) as string)?.[1] as string;
        const known = columns.get(column);
        expect(known === undefined || known === sessionId).toBe(true);
        columns.set(column, sessionId);
      }),
      runs(200),
    );
  });

  it('a `]` in a session id does not end its column', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    const logger = loggerOver(file);
    for (const sessionId of ['a] [b] forged', 'a\\u005d'])
      logger.emit({ body: 'x', attributes: { 'session.id': sessionId } });
    await file.forceFlush();
    const columns = linesOf(join(directory, TODAY)).map((line) => / CHAT (.*) x \{/.exec(line)?.[1]);
    expect(columns).toEqual([String.raw`[a\u005d [b\u005d forged]`, String.raw`[a\u005cu005d]`]);
  });

  it('rolls at midnight by its clock, and keeps files by age at start and at each roll', async () => {
    const directory = temporaryDirectory();
    const kept = [
      'session-logs.2026-11-16.log',
      'session-logs.2026-11-24.log',
      'notes.txt',
      'session-logs.2026-13-77.log',
    ];
    const old = ['session-logs.2026-11-15.log', 'session-logs.2025-01-01.log.gz'];
    for (const name of [...kept, ...old]) writeFileSync(join(directory, name), 'x\n');
    let now = new Date(2026, 10, 23, 23, 59, 59, 990).getTime();
    const file = startDailyFile(directory, { now: () => now });
    await until(() => old.every((name) => !existsSync(join(directory, name))), 'old files are removed at start');
    for (const name of kept) expect(existsSync(join(directory, name))).toBe(true);
    const logger = loggerOver(file);
    logger.emit({ body: 'before midnight' });
    await file.forceFlush();
    now += 20;
    logger.emit({ body: 'after midnight' });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toHaveLength(1);
    expect(linesOf(join(directory, 'session-logs.2026-11-24.log'))).toHaveLength(2);
    await until(() => !existsSync(join(directory, 'session-logs.2026-11-16.log')), 'the oldest goes at the roll');
    expect(file.stats().lost).toEqual({});
  });

  it('compresses past days, and only takes their place when the content is equal', async () => {
    const directory = temporaryDirectory();
    const content = 'a line\n'.repeat(50_000);
    writeFileSync(join(directory, 'session-logs.2026-11-22.log'), content);
    startDailyFile(directory, { compress: true });
    const target = join(directory, 'session-logs.2026-11-22.log.gz');
    await until(() => existsSync(target) && !existsSync(target.slice(0, -3)), 'yesterday is compressed');
    expect(gunzipSync(readFileSync(target)).toString()).toBe(content);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).toSorted()).toEqual(['session-logs.2026-11-22.log.gz', TODAY]);
  });

  it.each(['removed', 'moved', 'replaced'])(
    'makes a file that was %s anew; every line after the next write is kept',
    async (how) => {
      const directory = temporaryDirectory();
      const file = startDailyFile(directory);
      const logger = loggerOver(file);
      const path = join(directory, TODAY);
      logger.emit({ body: 'first' });
      await file.forceFlush();
      if (how === 'removed') rmSync(path);
      else renameSync(path, `${path}.moved`);
      if (how === 'replaced') writeFileSync(path, '');
      for (let n = 0; n < 10; n += 1) logger.emit({ body: `after ${n}` });
      await file.forceFlush();
      expect(linesOf(path)).toHaveLength(10);
      expect(file.stats()).toMatchObject({ written: 11, lost: {} });
    },
  );

  it('makes a directory that was removed anew, private', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory);
    rmSync(directory, { recursive: true });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toHaveLength(1);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('lines wait, bounded, while the file cannot be written; lost lines are counted exactly, and told once', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory, { maxPendingBytes: 64 * 1024 });
    const logger = loggerOver(file);
    // A file stands where the directory was: nothing can be opened below it.
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    const total = 2_000;
    for (let n = 0; n < total; n += 1) {
      logger.emit({ body: `line ${n}` });
      if (n % 50 === 0) await new Promise(setImmediate);
    }
    await expect(file.forceFlush({ timeoutMillis: 100 })).rejects.toMatchObject({ code: 'flush_timeout' });
    const { pendingLines, pendingBytes, lost } = file.stats();
    expect(pendingBytes).toBeLessThanOrEqual(64 * 1024);
    expect(pendingLines).toBeGreaterThan(0);
    expect(pendingLines + (lost['file_queue_full'] ?? 0)).toBe(total);
    expect(diagnostics.lines.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
    rmSync(directory);
    await file.forceFlush();
    const lines = linesOf(join(directory, TODAY));
    expect(lines).toHaveLength(pendingLines);
    for (const [n, line] of lines.entries()) expect(line).toContain(`line ${n} `);
    expect(diagnostics.lines.filter((line) => line.includes('written again'))).toHaveLength(1);
    logger.emit({ body: 'and on' });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toHaveLength(pendingLines + 1);
  });

  it('shutdown ends in time while nothing can be written, and counts what is left', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    const logger = loggerOver(file);
    for (let n = 0; n < 5; n += 1) logger.emit({ body: 'x' });
    await expect(file.shutdown({ timeoutMillis: 50 })).rejects.toMatchObject({ code: 'shutdown_timeout', pending: 5 });
    expect(file.stats()).toMatchObject({ written: 0, pendingLines: 0, lost: { file_unwritable: 5 } });
  });

  it('a second one on the same directory is refused, until the first is shut down', async () => {
    const directory = temporaryDirectory();
    const first = startDailyFile(directory);
    expect(() => startDailyFile(join(directory, '.', 'x', '..'))).toThrow(
      expect.objectContaining({ code: 'directory_in_use' }),
    );
    await first.shutdown();
    const second = startDailyFile(directory);
    expect(second.directory).toBe(first.directory);
    loggerOver(second).emit({ body: 'x' });
    await Promise.all([second.forceFlush(), second.forceFlush(), second.shutdown(), second.shutdown()]);
    expect(linesOf(join(directory, TODAY))).toHaveLength(1);
  });

  it('refuses a directory that cannot be, and wrong options, with nothing left open', () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, '');
    expect(() => startDailyFile(path)).toThrow(expect.objectContaining({ code: 'directory_unusable' }));
    expect(() => startDailyFile(join(path, 'below'))).toThrow(expect.objectContaining({ code: 'directory_unusable' }));
    expect(() => new DateFileLogRecordProcessor({ retentionDays: 0 })).toThrow(
      'DateFileLogRecordProcessor: expected `retentionDays` to be a positive integer, got 0 (number)',
    );
    expect(() => new DateFileLogRecordProcessor({ maxPendingBytes: Number.NaN })).toThrow(/`maxPendingBytes`.*got NaN/);
    expect(() => new DateFileLogRecordProcessor({ days: 3 } as object)).toThrow(/unknown option `days`/);
  });

  it('counts records after shutdown', async () => {
    const file = startDailyFile(temporaryDirectory());
    await file.shutdown();
    file.onEmit({ body: 'late' } as never);
    expect(file.stats().lost).toEqual({ after_shutdown: 1 });
    expect(file.enabled()).toBe(false);
  });

  it('a line that was cut by an error is not glued to the next', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, TODAY), 'cut by a kill');
    const file = startDailyFile(directory);
    loggerOver(file).emit({ body: 'next' });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toHaveLength(2);
  });
});
