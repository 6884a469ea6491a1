import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, sep } from 'node:path';

import { anything, assert, asyncProperty } from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { startSessionLogs } from '../../../src/index.ts';
import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import type { LayoutRecord } from '../../../src/export/file/layout.ts';
import { expandHome } from '../../../src/support/home-path.ts';
import { loggerOver, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { runs } from '../../support/properties.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const APP_TODAY = 'app.2026-11-23.log';
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

function setEnvironment(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

describe('fileName', () => {
  it('names the files; those of other names are left alone, and may be written beside them', async () => {
    const directory = temporaryDirectory();
    const [own, other] = ['app.2026-11-01.log', 'session-logs.2026-11-01.log'];
    for (const name of [own, other, 'app.web.2026-11-01.log']) writeFileSync(join(directory, name), '');
    const file = startDailyFile(directory, { fileName: 'app' });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    await file.shutdown();
    expect(readdirSync(directory).toSorted()).toEqual([
      'app.2026-11-01.log',
      APP_TODAY,
      'app.web.2026-11-01.log',
      other,
    ]);
    const recent = join(directory, 'app.2026-11-20.log');
    writeFileSync(recent, '');
    startDailyFile(directory, { fileName: 'app', compress: true });
    startDailyFile(directory, { fileName: 'app.web' });
    await until(() => !existsSync(join(directory, own)) && existsSync(`${recent}.gz`), 'own files are cared for');
    expect(existsSync(join(directory, other))).toBe(true);
    expect(existsSync(join(directory, 'app.web.2026-11-01.log'))).toBe(true);
    expect(() => startDailyFile(directory, { fileName: 'app' })).toThrow(
      expect.objectContaining({ code: 'directory_in_use' }),
    );
  });

  it.each(['', '.', '..', '../app', 'a/b', 'a\\b', '.hidden', 'app.log', 'app.gz', 'a\n', '~', 'x'.repeat(201), 7])(
    'refuses %j',
    (fileName) => {
      const options = { directory: temporaryDirectory(), fileName } as object;
      expect(() => new DateFileLogRecordProcessor(options)).toThrow(
        /expected `fileName` to be a file name without directory and `\.log` .*, got /,
      );
    },
  );
});

describe('mode', () => {
  it('is the mode of new files, compressed ones too, and opens the directory to those who may read', async () => {
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory, { mode: 0o640 });
    expect(statSync(directory).mode & 0o777).toBe(0o750);
    expect(statSync(join(directory, TODAY)).mode & 0o777).toBe(0o640);
    await file.shutdown();
    const yesterday = join(directory, 'session-logs.2026-11-22.log');
    writeFileSync(yesterday, 'x\n');
    utimesSync(yesterday, 1, 1);
    startDailyFile(directory, { mode: 0o640, compress: true });
    await until(() => existsSync(`${yesterday}.gz`), 'yesterday is compressed');
    expect(statSync(`${yesterday}.gz`).mode & 0o777).toBe(0o640);
  });

  it('leaves an existing file as it is', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'logs'));
    const path = join(directory, 'logs', TODAY);
    writeFileSync(path, '');
    chmodSync(path, 0o600);
    startDailyFile(join(directory, 'logs'), { mode: 0o644 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([640, 0, 0o400, 0o777, 0o666, 0o601, 0o1600, 0.5, -1, Number.NaN, '0640'])('refuses %j', (mode) => {
    const options = { directory: temporaryDirectory(), mode } as object;
    expect(() => new DateFileLogRecordProcessor(options)).toThrow(
      /expected `mode` to be a file mode such as 0o640.*, got /,
    );
  });
});

describe('layout', () => {
  const diagnostics = recordDiagnostics();
  const told = (): string[] => diagnostics.lines.filter((line) => line.includes('`layout`'));

  it('makes the line of a record from a plain object; JSON.stringify makes JSON lines', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { layout: (record) => JSON.stringify(record) });
    const logger = loggerOver(file);
    const timestamp = Date.UTC(2026, 10, 23, 10);
    const attributes = { 'session.id': 's', list: [1, 2], big: 10n, nested: { at: new Date(0) } };
    logger.emit({ body: 'two\nlines', severityNumber: 13, timestamp, attributes });
    logger.emit({ body: { a: 1 }, timestamp, eventName: 'an.event' });
    await file.forceFlush();
    const [first, second] = linesOf(join(directory, TODAY)).map((line) => JSON.parse(line) as LayoutRecord);
    expect(first).toMatchObject({
      timestamp: '2026-11-23T10:00:00.000Z',
      level: 'WARN',
      severityNumber: 13,
      sessionId: 's',
      message: 'two\nlines',
      attributes: { 'session.id': 's', list: [1, 2] },
      scope: { name: 'test', version: '1.2.3' },
    });
    expect(second).toMatchObject({ level: 'CHAT', message: '{"a":1}', eventName: 'an.event', attributes: {} });
  });

  it('gets an object that it cannot change, and a message without colour codes', async () => {
    const directory = temporaryDirectory();
    const seen: LayoutRecord[] = [];
    const file = startDailyFile(directory, {
      layout: (record) => {
        seen.push(record);
        return JSON.stringify(record.message);
      },
    });
    loggerOver(file).emit({ body: '\u001b[1;33mWarm\u001b[0m', attributes: { list: [1] } });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toEqual(['"Warm"']);
    const [record] = seen;
    for (const part of [record, record?.scope, record?.attributes]) expect(Object.isFrozen(part)).toBe(true);
  });

  it('cannot forge a line, nor send codes to a terminal', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { layout: ({ message }) => `\u001b[1;33m${message}\u001b[0m` });
    const logger = loggerOver(file);
    logger.emit({ body: 'one\n2026-11-23T10:00:00.000Z FATAL [-] forged\r\u2028\u001b[2J' });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toEqual([
      String.raw`one\u000a2026-11-23T10:00:00.000Z FATAL [-] forged\u000d\u2028\u001b[2J`,
    ]);
  });

  it('whatever it does, each record has one line, and that it failed is told', async () => {
    const directory = temporaryDirectory();
    let answer: unknown;
    const file = startDailyFile(directory, { layout: (() => answer) as never });
    const logger = loggerOver(file);
    let count = 0;
    await assert(
      asyncProperty(anything(), async (value) => {
        answer = value;
        logger.emit({ body: 'as without it' });
        await file.forceFlush();
        count += 1;
        const lines = linesOf(join(directory, TODAY));
        expect(lines).toHaveLength(count);
        expect(lines.at(-1)).not.toMatch(CONTROL);
        if (typeof value !== 'string') expect(lines.at(-1)).toContain(' [-] as without it {');
      }),
      runs(100),
    );
    answer = Promise.reject(new Error('late'));
    logger.emit({ body: 'as without it' });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toHaveLength(count + 1);
    expect(file.stats()).toMatchObject({ written: count + 1, lost: {} });
    expect(told()).toEqual([expect.stringMatching(/`layout` returned .* in place of a string/)]);
  });

  it('that throws, changes what it gets, or logs itself, costs no record', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, {
      layout: ({ message, attributes }) => {
        logger.emit({ body: 'from the layout' });
        (attributes['list'] as unknown[]).push('changed');
        throw new Error(message);
      },
    });
    const logger = loggerOver(file);
    const attributes = { list: ['as given'] };
    logger.emit({ body: 'thrown', attributes });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY)).map((line) => line.split(/ (?:\[-\] |\{)/)[1])).toEqual([
      'from the layout',
      'thrown',
    ]);
    expect(attributes).toEqual({ list: ['as given'] });
    expect(told()).toEqual([expect.stringContaining('`layout` threw')]);
  });
});

describe('colours', () => {
  it('of a message are left out; other control characters are shown', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    const logger = loggerOver(file);
    for (const body of [
      '\u001b[33mwarning\u001b[39m: \u001b[38;5;208morange\u001b[0m \u001b[38:2::1:2:3mtrue\u001b[m',
      '\u009b31mred\u009b0m',
      'cleared \u001b[2J\u001b]0;title\u0007',
      'no code: [33m',
    ]) {
      logger.emit({ body });
    }
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY)).map((line) => line.split(' ').slice(3, -1).join(' '))).toEqual([
      'warning: orange true',
      'red',
      String.raw`cleared \u001b[2J\u001b]0;title\u0007`,
      'no code: [33m',
    ]);
  });

  it('of a session id stay: without them it could be another session', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory);
    loggerOver(file).emit({ body: 'x', attributes: { 'session.id': '\u001b[33ms' } });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))[0]).toContain(String.raw` [\u001b[33ms] x `);
  });
});

describe('the home directory', () => {
  it.each([
    ['~', ''],
    ['~/logs', 'logs'],
    ['~//deep/../logs', 'logs'],
  ])('%s leads to it, as option and in LOGS_PATH', async (given, below) => {
    const home = temporaryDirectory();
    setEnvironment('HOME', home);
    const file = startDailyFile(given);
    expect(file.directory).toBe(join(home, below, '.').replace(/\/$/, ''));
    await file.shutdown();
    setEnvironment('LOGS_PATH', given);
    expect(startDailyFile(undefined).directory).toBe(file.directory);
  });

  it('~ within a path, or before a name, is a name', () => {
    const directory = temporaryDirectory();
    setEnvironment('HOME', join(directory, 'home'));
    expect(startDailyFile(join(directory, '~', 'logs')).directory).toBe(join(directory, '~', 'logs'));
    expect(startDailyFile(join(directory, '~logs')).directory).toBe(join(directory, '~logs'));
  });

  it.skipIf(sep === '\\')('~ before a backslash is a name where that is no separator', () => {
    const directory = temporaryDirectory();
    setEnvironment('HOME', join(directory, 'home'));
    expect(expandHome('~\\logs')).toBe('~\\logs');
  });
});

describe('startSessionLogs', () => {
  it('takes the options of the daily file', async () => {
    const directory = temporaryDirectory();
    const sessions = await startSessionLogs({
      directory,
      console: false,
      streamHandler: false,
      file: { fileName: 'app', mode: 0o644, layout: ({ level, message }) => `${level} ${message}` },
    });
    sessions.logger.info('hello');
    await sessions.shutdown();
    const [name = ''] = readdirSync(directory);
    expect(name).toMatch(/^app\.\d{4}-\d\d-\d\d\.log$/);
    expect(linesOf(join(directory, name))).toEqual(['INFO hello']);
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o644);
  });

  it.each([
    [{ file: { fileName: 'a/b' } }, /expected `fileName` to be/],
    [{ file: { size: 3 } }, /unknown option `size`/],
    [{ file: 'yes' }, /expected `file` to be a boolean or an options object, got "yes"/],
    [{ file: [] }, /expected `file` to be a boolean or an options object, got an array/],
  ])('refuses %j', async (options, message) => {
    const base = { directory: temporaryDirectory(), console: false, streamHandler: false } as const;
    await expect(startSessionLogs({ ...base, ...(options as object) })).rejects.toThrow(message);
  });
});
