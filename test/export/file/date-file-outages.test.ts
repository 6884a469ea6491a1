import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import { loggerOver, NOON, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const YESTERDAY = 'session-logs.2026-11-22.log';

function linesOf(directory: string, name: string = TODAY): string[] {
  return readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1);
}

describe('an outage of the daily file', () => {
  const diagnostics = recordDiagnostics();

  it('a moved file: one report when it is noticed and one when lines are written again', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    const logger = loggerOver(file);
    logger.emit({ body: 'first' });
    await file.forceFlush();
    renameSync(join(directory, TODAY), join(directory, 'elsewhere'));
    for (let n = 0; n < 3; n += 1) {
      logger.emit({ body: `after ${n}` });
      await file.forceFlush();
    }
    expect(linesOf(directory)).toHaveLength(3);
    expect(linesOf(directory, 'elsewhere')).toHaveLength(1);
    expect(diagnostics.lines.filter((line) => line.includes('moved or replaced'))).toHaveLength(1);
    expect(diagnostics.lines.filter((line) => line.includes('written again'))).toHaveLength(1);
  });

  it('a tight loop, in which no timer runs, writes again as soon as the disk does', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory, { maxPendingBytes: 1024 * 1024 });
    const logger = loggerOver(file);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    logger.emit({ body: 'x'.repeat(70_000) });
    expect(file.stats()).toMatchObject({ written: 0, pendingLines: 1 });
    rmSync(directory);
    const end = performance.now() + 60;
    while (performance.now() < end);
    const total = 40_000;
    for (let n = 0; n < total; n += 1) logger.emit({ body: `line ${n}` });
    expect(file.stats().written).toBeGreaterThan(total / 2);
    await file.forceFlush();
    expect(file.stats()).toMatchObject({ written: total + 1, pendingLines: 0, lost: {} });
    expect(linesOf(directory)).toHaveLength(total + 1);
  });

  it('a flush that waits does not wait for the shutdown that gives its lines up', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    loggerOver(file).emit({ body: 'x' });
    const [flush, shutdown, late] = await Promise.allSettled([
      file.forceFlush({ timeoutMillis: 5_000 }),
      file.shutdown({ timeoutMillis: 50 }),
      file.forceFlush(),
    ]);
    expect(flush).toMatchObject({ status: 'rejected', reason: { code: 'flush_timeout' } });
    expect(shutdown).toMatchObject({ status: 'rejected', reason: { code: 'shutdown_timeout', pending: 1 } });
    expect(late).toEqual(shutdown);
    expect(file.stats().lost).toEqual({ file_unwritable: 1 });
  });

  it('lines that wait over midnight go to the file of the day on which they are written', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    let now = NOON;
    const file = startDailyFile(directory, { now: () => now });
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    const logger = loggerOver(file);
    logger.emit({ body: 'waits' });
    // Its turn ends, and with it the write fails: a timer may come before that.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    rmSync(directory);
    now += 86_400_000;
    await file.forceFlush();
    expect(readdirSync(directory)).toEqual(['session-logs.2026-11-24.log']);
    expect(linesOf(directory, 'session-logs.2026-11-24.log')).toHaveLength(1);
  });
});

describe('options of the daily file', () => {
  it('minimumSeverity leaves out lower severities; records without one pass', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { minimumSeverity: 13 });
    const logger = loggerOver(file);
    for (const severityNumber of [9, 13, 17]) logger.emit({ body: 'x', severityNumber });
    logger.emit({ body: 'x' });
    await file.forceFlush();
    expect(linesOf(directory).map((line) => line.split(' ')[1])).toEqual(['WARN', 'ERROR', 'CHAT']);
    expect(() => new DateFileLogRecordProcessor({ minimumSeverity: 25 })).toThrow('a severity number, 0 to 24, got 25');
  });

  it('fsync writes every line once', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { fsync: true });
    const logger = loggerOver(file);
    for (let n = 0; n < 20; n += 1) {
      logger.emit({ body: `line ${n}` });
      await file.forceFlush();
    }
    await file.shutdown();
    expect(linesOf(directory)).toHaveLength(20);
  });

  it('a clock that throws or counts nonsense does not stop the lines', async () => {
    const directory = temporaryDirectory();
    let calls = 0;
    const file = startDailyFile(directory, {
      now: () => {
        calls += 1;
        if (calls % 2 === 0) throw new Error('no clock');
        return Number.NaN;
      },
    });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    expect(file.stats()).toMatchObject({ written: 1, lost: {} });
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/^session-logs\.\d{4}-\d\d-\d\d\.log$/)]);
  });

  it('the directory is that of LOGS_PATH when none is given', () => {
    const directory = temporaryDirectory();
    process.env['LOGS_PATH'] = join(directory, 'from-env');
    try {
      const file = startDailyFile(undefined);
      expect(file.directory).toBe(join(directory, 'from-env'));
    } finally {
      delete process.env['LOGS_PATH'];
    }
  });
});

describe('compressed days', () => {
  const CONTENT = 'one\ntwo\n';

  function yesterday(directory: string, content: string): void {
    const path = join(directory, YESTERDAY);
    writeFileSync(path, content);
    const past = new Date(Date.now() - 60_000);
    utimesSync(path, past, past);
  }

  it('a day that was compressed and not yet removed is not kept twice', async () => {
    const directory = temporaryDirectory();
    yesterday(directory, CONTENT);
    writeFileSync(join(directory, `${YESTERDAY}.gz`), gzipSync(CONTENT));
    startDailyFile(directory, { compress: true });
    await until(() => !existsSync(join(directory, YESTERDAY)), 'the original is removed');
    expect(gunzipSync(readFileSync(join(directory, `${YESTERDAY}.gz`))).toString()).toBe(CONTENT);
  });

  it('a day that was written again after it was compressed keeps both parts', async () => {
    const directory = temporaryDirectory();
    yesterday(directory, 'three\n');
    writeFileSync(join(directory, `${YESTERDAY}.gz`), gzipSync(CONTENT));
    startDailyFile(directory, { compress: true });
    await until(() => !existsSync(join(directory, YESTERDAY)), 'the original is removed');
    expect(gunzipSync(readFileSync(join(directory, `${YESTERDAY}.gz`))).toString()).toBe(`${CONTENT}three\n`);
    expect(statSync(join(directory, `${YESTERDAY}.gz`)).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  it('shutdown stops a compression and leaves the day as it was', async () => {
    const directory = temporaryDirectory();
    const content = Buffer.alloc(64 * 1024 * 1024, 'some line\n');
    yesterday(directory, '');
    writeFileSync(join(directory, YESTERDAY), content);
    const past = new Date(Date.now() - 60_000);
    utimesSync(join(directory, YESTERDAY), past, past);
    const file = startDailyFile(directory, { compress: true });
    await until(() => readdirSync(directory).some((name) => name.endsWith('.tmp')), 'the compression runs');
    await file.shutdown();
    expect(readdirSync(directory).toSorted()).toEqual([YESTERDAY, TODAY]);
    expect(statSync(join(directory, YESTERDAY)).size).toBe(content.length);
  });
});
