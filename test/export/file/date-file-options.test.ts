import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, sep } from 'node:path';

import { anything, assert, asyncProperty } from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { startSessionLogs } from '../../../src/index.ts';
import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import type { LineRecord } from '../../../src/export/file/custom-format.ts';
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

  it.each([
    ['app-{date}.jsonl', 'app-2026-11-23.jsonl', 'app-2026-11-01.jsonl'],
    ['{date}.log', '2026-11-23.log', '2026-11-01.log'],
    ['app.{date}', 'app.2026-11-23', 'app.2026-11-01'],
    ['app.{date}.log', APP_TODAY, 'app.2026-11-01.log'],
  ])('%s is a pattern: %s', async (fileName, today, old) => {
    const directory = temporaryDirectory();
    for (const name of [old, 'app_2026-11-01.jsonl', 'x.2026-11-01.log']) writeFileSync(join(directory, name), '');
    const yesterday = today.replace('2026-11-23', '2026-11-22');
    // By its age the clock is believed.
    const recent = today.replace('2026-11-23', '2026-11-20');
    for (const name of [yesterday, recent]) writeFileSync(join(directory, name), 'x\n');
    const file = startDailyFile(directory, { fileName, compress: true });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    await until(() => !existsSync(join(directory, old)), 'an old file of the pattern is removed');
    await until(() => !existsSync(join(directory, yesterday)), 'one of yesterday is compressed');
    await until(() => !existsSync(join(directory, recent)), 'so is the other');
    expect(readdirSync(directory).toSorted()).toEqual(
      [today, `${yesterday}.gz`, `${recent}.gz`, 'app_2026-11-01.jsonl', 'x.2026-11-01.log'].toSorted(),
    );
    expect(linesOf(join(directory, today))).toHaveLength(1);
  });

  it('a pattern and what it is short for are one name', () => {
    const directory = temporaryDirectory();
    startDailyFile(directory, { fileName: 'app' });
    expect(() => startDailyFile(directory, { fileName: 'app.{date}.log' })).toThrow(
      expect.objectContaining({ code: 'directory_in_use' }),
    );
  });

  it.each([
    '{date}{date}',
    'a-{date}-{date}.log',
    '../{date}',
    '.{date}.log',
    'app.{date}.log.gz',
    'app.{date}.1.log',
    'app.{date}5',
    'app.{date}/x',
    'app.{day}.log',
    'app.{date}\n',
    '',
    '.',
    '..',
    '../app',
    'a/b',
    'a\\b',
    '.hidden',
    'app.log',
    'app.gz',
    'a\n',
    '~',
    'x'.repeat(201),
    7,
  ])('refuses %j', (fileName) => {
    const options = { directory: temporaryDirectory(), fileName } as object;
    expect(() => new DateFileLogRecordProcessor(options)).toThrow(
      /expected `fileName` to be a file name without a directory, such as 'app' .*, got /,
    );
  });
});

describe('fileMode', () => {
  it('is the mode of new files, compressed ones too, and opens the directory to those who may read', async () => {
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory, { fileMode: 0o640 });
    expect(statSync(directory).mode & 0o777).toBe(0o750);
    expect(statSync(join(directory, TODAY)).mode & 0o777).toBe(0o640);
    await file.shutdown();
    const yesterday = join(directory, 'session-logs.2026-11-22.log');
    writeFileSync(yesterday, 'x\n');
    utimesSync(yesterday, 1, 1);
    startDailyFile(directory, { fileMode: 0o640, compress: true });
    await until(() => existsSync(`${yesterday}.gz`), 'yesterday is compressed');
    expect(statSync(`${yesterday}.gz`).mode & 0o777).toBe(0o640);
  });

  it('and that of the directory are what was said, whatever the umask', () => {
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));
    const directory = join(temporaryDirectory(), 'deep', 'logs');
    startDailyFile(directory, { fileMode: 0o640 });
    expect(statSync(join(directory, TODAY)).mode & 0o777).toBe(0o640);
    for (const made of [directory, join(directory, '..')]) expect(statSync(made).mode & 0o777).toBe(0o750);
  });

  it('leaves an existing file as it is', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'logs'));
    const path = join(directory, 'logs', TODAY);
    writeFileSync(path, '');
    chmodSync(path, 0o600);
    startDailyFile(join(directory, 'logs'), { fileMode: 0o644 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([640, 0, 0o400, 0o777, 0o666, 0o601, 0o1600, 0.5, -1, Number.NaN, '0640'])('refuses %j', (fileMode) => {
    const options = { directory: temporaryDirectory(), fileMode } as object;
    expect(() => new DateFileLogRecordProcessor(options)).toThrow(
      /expected `fileMode` to be a file mode such as 0o640.*, got /,
    );
  });
});

describe('directoryMode', () => {
  const diagnostics = recordDiagnostics();

  it.each([0o700, 0o750, 0o755, 0o2750])('is the mode of a directory that is made (%o)', (directoryMode) => {
    const parent = temporaryDirectory();
    const before = statSync(parent).mode;
    const directory = join(parent, 'deep', 'logs');
    startDailyFile(directory, { directoryMode });
    for (const made of [directory, join(directory, '..')]) expect(statSync(made).mode & 0o7777).toBe(directoryMode);
    expect(statSync(parent).mode).toBe(before);
    expect(statSync(join(directory, TODAY)).mode & 0o777).toBe(0o600);
    expect(diagnostics.lines).toEqual([]);
  });

  it('that lets the group write is told to be no private place; an existing directory keeps its own', () => {
    const directory = join(temporaryDirectory(), 'logs');
    startDailyFile(directory, { directoryMode: 0o770 });
    expect(diagnostics.lines).toEqual([expect.stringContaining('its group may remove and replace its files')]);
    const existing = temporaryDirectory();
    startDailyFile(existing, { directoryMode: 0o755 });
    expect(statSync(existing).mode & 0o777).toBe(0o700);
  });

  it('is that of a directory which is made again', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory, { directoryMode: 0o750 });
    rmSync(directory, { recursive: true });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    expect(statSync(directory).mode & 0o7777).toBe(0o750);
  });

  it.each([750, 0, 0o600, 0o757, 0o777, 0o4750, 0o1777, 0.5, Number.NaN, '0750'])('refuses %j', (directoryMode) => {
    const options = { directory: join(temporaryDirectory(), 'logs'), directoryMode } as object;
    expect(() => new DateFileLogRecordProcessor(options)).toThrow(
      /expected `directoryMode` to be a directory mode such as 0o750.*, got /,
    );
  });
});

describe('attributes', () => {
  it('are left out of the text where they are not wanted, but for the exception', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { attributes: false });
    const logger = loggerOver(file);
    logger.emit({ body: 'plain', attributes: { 'session.id': 's', id: 1 } });
    const exception = { 'exception.type': 'TypeError', 'exception.stacktrace': 'TypeError: no\n    at x' };
    logger.emit({ body: 'failed', attributes: { id: 1, ...exception } });
    await file.forceFlush();
    const ends = linesOf(join(directory, TODAY)).map((line) => line.slice(line.indexOf('] ') + 2));
    expect(ends).toEqual([
      'plain {"otel.scope.name":"test","otel.scope.version":"1.2.3"}',
      `failed {"otel.scope.name":"test","otel.scope.version":"1.2.3","attributes":${JSON.stringify(exception)}}`,
    ]);
  });
});

describe('format, a function,', () => {
  const diagnostics = recordDiagnostics();
  const told = (): string[] => diagnostics.lines.filter((line) => line.includes('`format`'));

  it('makes the line of a record from a plain object; JSON.stringify makes JSON lines', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { format: (record) => JSON.stringify(record) });
    const logger = loggerOver(file);
    const timestamp = Date.UTC(2026, 10, 23, 10);
    const attributes = { 'session.id': 's', list: [1, 2], big: 10n, nested: { at: new Date(0) } };
    logger.emit({ body: 'two\nlines', severityNumber: 13, timestamp, attributes });
    logger.emit({ body: { a: 1 }, timestamp, eventName: 'an.event' });
    await file.forceFlush();
    const [first, second] = linesOf(join(directory, TODAY)).map((line) => JSON.parse(line) as LineRecord);
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
    const seen: LineRecord[] = [];
    const file = startDailyFile(directory, {
      format: (record) => {
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
    const file = startDailyFile(directory, { format: ({ message }) => `\u001b[1;33m${message}\u001b[0m` });
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
    const file = startDailyFile(directory, { format: (() => answer) as never });
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
    expect(file.stats().misformatted).toBeGreaterThan(0);
    expect(told()).toEqual([expect.stringMatching(/`format` returned .* instead of a string/)]);
  });

  it('may end its line; other line breaks are escaped, counted and told', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { format: ({ message }) => message });
    const logger = loggerOver(file);
    for (const body of ['one\n', 'two\r\n', 'three']) logger.emit({ body });
    await file.forceFlush();
    expect(file.stats().misformatted).toBe(0);
    expect(told()).toEqual([]);
    for (const body of ['a\nb', 'a\n\n', 'a\u2028']) logger.emit({ body });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toEqual([
      'one',
      'two',
      'three',
      String.raw`a\u000ab`,
      String.raw`a\u000a`,
      String.raw`a\u2028`,
    ]);
    expect(file.stats()).toMatchObject({ misformatted: 3, written: 6, lost: {} });
    expect(told()).toEqual([expect.stringContaining('returned line breaks')]);
  });

  it('gets the body with its structure', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { format: ({ body }) => JSON.stringify(body) });
    loggerOver(file).emit({ body: { a: [1, { b: 2 }] } });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY))).toEqual(['{"a":[1,{"b":2}]}']);
  });

  it('that throws, changes what it gets, or logs itself, costs no record', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, {
      format: ({ message, attributes }) => {
        logger.emit({ body: 'from the format' });
        (attributes['list'] as unknown[]).push('changed');
        throw new Error(message);
      },
    });
    const logger = loggerOver(file);
    const attributes = { list: ['as given'] };
    logger.emit({ body: 'thrown', attributes });
    await file.forceFlush();
    expect(linesOf(join(directory, TODAY)).map((line) => line.split(/ (?:\[-\] |\{)/)[1])).toEqual([
      'from the format',
      'thrown',
    ]);
    expect(attributes).toEqual({ list: ['as given'] });
    expect(told()).toEqual([expect.stringContaining('`format` threw')]);
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
      file: { fileName: 'app', fileMode: 0o644, format: ({ level, message }) => `${level} ${message}` },
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
