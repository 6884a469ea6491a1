import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { LineFormat } from '../../../src/export/file/custom-format.ts';
import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import type { DateFileLogRecordProcessorOptions } from '../../../src/export/file/date-file-options.ts';
import { eraseLines } from '../../../src/export/file/erase-lines.ts';
import { LineMatcher } from '../../../src/export/file/line-matcher.ts';
import { BEING_ERASED, readLine } from '../../../src/export/file/written-line.ts';
import { bytesBelow, loggerOver, NOON, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { runs } from '../../support/properties.ts';
import { actAsAnotherProcess } from '../../support/second-process.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const AT = new Date(NOON);

interface Writing {
  readonly directory: string;
  readonly file: DateFileLogRecordProcessor;
  readonly write: (sessionId: string | undefined, body: string, severityNumber?: number) => void;
  readonly lines: (name?: string) => string[];
}

function writing(options: DateFileLogRecordProcessorOptions = {}): Writing {
  const directory = temporaryDirectory();
  const file = startDailyFile(directory, options);
  const logger = loggerOver(file);
  return {
    directory,
    file,
    write: (sessionId, body, severityNumber) =>
      logger.emit({
        timestamp: AT,
        body,
        ...(severityNumber === undefined ? {} : { severityNumber }),
        attributes: sessionId === undefined ? {} : { 'session.id': sessionId },
      }),
    lines: (name = TODAY) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1),
  };
}

const shownIds = [
  'a',
  'abc',
  'abc1',
  'ab',
  'x] CHAT [abc',
  'a\\u005db',
  'a]b',
  'line\nbreak',
  '日本語 id',
  '__proto__',
  'é',
  ' ',
  '"',
  '[',
  '{"a":1}',
  'a\u202eb',
  'z'.repeat(256),
];

describe.each(['text', 'json'] as const)('a session in daily files of %s', (format) => {
  it('is gone, and every other line is as it was', async () => {
    const { file, write, lines } = writing({ format });
    for (const id of shownIds) write(id, `secret of ${id} [abc] "session_id":"abc" ${'x'.repeat(40)}`);
    write(undefined, '[abc] says nobody');
    write('abc', 'and\n2026-11-23T12:00:00.000Z INFO [z] forged');
    await file.forceFlush();
    const before = lines();

    await expect(file.eraseSession('abc')).resolves.toEqual({ file: { lines: 2, files: 1 } });

    const after = lines();
    expect(after.map((line) => Buffer.byteLength(line))).toEqual(before.map((line) => Buffer.byteLength(line)));
    const erased = before.flatMap((line, index) => (readLine(line)?.sessionId === 'abc' ? index : []));
    expect(erased).toHaveLength(2);
    for (const [index, line] of before.entries()) {
      if (!erased.includes(index)) expect(after[index]).toBe(line);
      else expect(after[index]).not.toContain('secret');
    }
  });

  it('looks like a line of nobody afterwards, which parsers of such lines can read', async () => {
    const { file, write, lines } = writing({ format });
    write('s', 'hello', 17);
    write('s', '');
    await file.eraseSession('s');

    for (const line of lines()) {
      if (format === 'json') {
        expect(JSON.parse(line)).toEqual({
          time: AT.toISOString(),
          level: 'INFO',
          message: 'erased',
          scope: { name: '' },
        });
      } else {
        const [head, json] = line.split(/ (?=\{"otel\.scope\.name":)/);
        expect(head).toBe(`${AT.toISOString()} INFO [-] erased`);
        expect(JSON.parse(json as string)).toEqual({ 'otel.scope.name': '' });
      }
      expect(readLine(line)?.sessionId).toBeUndefined();
    }
  });

  it('is found whatever its id is, and no other with it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...shownIds), fc.shuffledSubarray(shownIds), async (erased, written) => {
        const { file, write, lines } = writing({ format });
        for (const id of written) write(id, `of ${id}`);
        await file.forceFlush();
        const before = written.length === 0 ? [] : lines();
        const receipt = await file.eraseSession(erased);
        expect(receipt).toEqual({
          file: { lines: written.includes(erased) ? 1 : 0, files: written.includes(erased) ? 1 : 0 },
        });
        const after = written.length === 0 ? [] : lines();
        expect(after.filter((line, index) => line !== before[index])).toHaveLength(written.includes(erased) ? 1 : 0);
        await file.shutdown();
      }),
      runs(60),
    );
  });

  it('is erased in files of past days, compressed ones, and the further files of a day', async () => {
    const { directory, file, write, lines } = writing({ format, maxFileBytes: 4096 });
    for (let n = 0; n < 60; n += 1) write(n % 2 === 0 ? 'gone' : 'kept', `line ${n} ${'y'.repeat(200)}`);
    await file.forceFlush();
    const names = readdirSync(directory).filter((name) => name.startsWith('session-logs'));
    expect(names.length).toBeGreaterThan(2);
    const today = lines().join('\n');
    writeFileSync(join(directory, 'session-logs.2026-11-22.log'), `${today}\n`);
    const two = [gzipSync(`${today}\n`), gzipSync(`${today}\n`)];
    writeFileSync(join(directory, 'session-logs.2026-11-21.log.gz'), Buffer.concat(two), { mode: 0o640 });
    writeFileSync(join(directory, '.session-logs.2026-11-20.log.gz.0123456789abcdef.tmp'), two[0] as Buffer);
    const gone = today.split('\n').filter((line) => readLine(line)?.sessionId === 'gone').length;

    await expect(file.eraseSession('gone')).resolves.toEqual({
      file: { lines: 30 + 3 * gone, files: names.length + 2 },
    });

    const unpacked = gunzipSync(readFileSync(join(directory, 'session-logs.2026-11-21.log.gz'))).toString();
    expect(unpacked.split('\n').filter((line) => readLine(line)?.sessionId === 'kept')).toHaveLength(
      2 * today.split('\n').filter((line) => readLine(line)?.sessionId === 'kept').length,
    );
    expect(bytesBelow(directory) + unpacked).not.toContain('gone');
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('begins anew when something is logged afterwards', async () => {
    const { file, write, lines } = writing({ format });
    write('s', 'before');
    const erasing = file.eraseSession('s');
    write('s', 'meanwhile');
    await erasing;
    write('s', 'afterwards');
    await file.forceFlush();

    expect(lines().map((line) => readLine(line)?.sessionId)).toEqual([undefined, 's', 's']);
    expect(lines()[1]).toContain('meanwhile');
  });

  it('is erased by the next call after a kill at any byte', async () => {
    const { directory, write, file, lines } = writing({ format });
    write('other', 'stays');
    write('s', 'secret '.repeat(30));
    write('other', 'stays too');
    await file.forceFlush();
    const path = join(directory, TODAY);
    const original = readFileSync(path);
    const kind = LineMatcher.of('s').find(original)[0];
    if (kind === undefined) throw new Error('the line was not found');
    const markAt = kind.start + kind.kind.markAt;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: markAt + 1, max: kind.end }), fc.boolean(), async (upTo, isBackwards) => {
        // Marked, and then overwritten in part: pages reach the disk in any order.
        const torn = Buffer.from(original);
        torn[markAt] = BEING_ERASED;
        if (isBackwards) torn.fill(' ', upTo, kind.end);
        else torn.fill(' ', markAt + 1, upTo);
        writeFileSync(path, torn);
        await expect(file.eraseSession('s')).resolves.toEqual({ file: { lines: 1, files: 1 } });
        expect(readFileSync(path, 'utf8')).not.toContain('secret');
        expect(lines()[0]).toContain('stays');
        expect(lines()[2]).toContain('stays too');
        expect(readFileSync(path)).toHaveLength(original.length);
      }),
      runs(60),
    );
  });
});

describe('lines that are not whole', () => {
  it.each(['text', 'json'] as const)('a cut line of %s is erased, with or without a line behind it', async (format) => {
    const { directory, file, write, lines } = writing({ format });
    write('s', 'secret '.repeat(20));
    await file.forceFlush();
    const [line] = lines();
    const cut = (line as string).slice(0, 110);
    writeFileSync(join(directory, 'session-logs.2026-11-20.log'), `${cut}\n${cut}`);
    await expect(file.eraseSession('s')).resolves.toEqual({ file: { lines: 3, files: 2 } });
    expect(bytesBelow(directory)).not.toContain('secret');
  });

  it('a line that another process is writing is erased as a whole', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'session-logs.2026-11-22.log');
    const line = `${AT.toISOString()} CHAT [s] ${'secret '.repeat(50)}{"otel.scope.name":"x"}`;
    writeFileSync(path, line.slice(0, 80));
    const erasing = eraseLines(path, 80, LineMatcher.of('s'));
    appendFileSync(path, `${line.slice(80)}\n`);
    await expect(erasing).resolves.toBe(1);
    expect(readFileSync(path, 'utf8')).not.toContain('secret');
  });

  it('nothing is touched in files of other names, and in those of other programs', async () => {
    const { directory, file, write } = writing({ fileName: 'mine' });
    write('s', 'hello');
    await file.forceFlush();
    const other = join(directory, TODAY);
    writeFileSync(other, `${AT.toISOString()} CHAT [s] hello {"otel.scope.name":"x"}\n`);
    const before = readFileSync(other, 'utf8');
    await file.eraseSession('s');
    expect(readFileSync(other, 'utf8')).toBe(before);
  });
});

describe('lines of a function', () => {
  const formats: Record<string, LineFormat> = {
    JSON: ({ timestamp, sessionId, message }) => JSON.stringify({ timestamp, ctx: { sid: sessionId }, message }),
    brackets: ({ timestamp, level, sessionId, message }) =>
      `${timestamp} ${level.padEnd(5)} sid=${sessionId ?? '-'} ${message}`,
    'the id first': ({ sessionId, message }) => `${sessionId}: ${message}`,
  };

  it.each(Object.entries(formats))('%s: those of the session are erased, and no others', async (_, format) => {
    const { file, write, lines } = writing({ format });
    write('abc', 'secret');
    write('abcd', 'abc sid=abc abc: {"ctx":{"sid":"abc"}}');
    write('ab', 'abc');
    write(undefined, 'sid=abc abc: ');
    write('abc', 'x\ny');
    await file.forceFlush();
    const before = lines();
    await expect(file.eraseSession('abc')).resolves.toEqual({ file: { lines: 2, files: 1 } });
    const after = lines();
    expect(after.slice(1, 4)).toEqual(before.slice(1, 4));
    expect(after[0]).not.toMatch(/secret|abc/);
    expect(after[0]).toHaveLength((before[0] as string).length);
  });

  it.each([
    ['without the session', ({ message }) => message],
    ['with the message before it', ({ message, sessionId }) => `${message} [${sessionId}]`],
    ['with what differs before it', ({ sessionId, message }) => `${Math.random()} ${sessionId} ${message}`],
    [
      'that throw',
      () => {
        throw new Error('no');
      },
    ],
    [
      'that begin with a text where there is no session',
      ({ sessionId, message }) => `${sessionId ?? message} ${message}`,
    ],
    [
      'in which an attribute can take its place',
      ({ sessionId, attributes }) => JSON.stringify({ ctx: { sessionId }, ...attributes }),
    ],
    [
      'with the session in some of them',
      ({ level, sessionId, message }) => `${level} ${level === 'INFO' ? '' : `${sessionId} `}${message}`,
    ],
    ['with a part of the session', ({ sessionId = '', message }) => `${sessionId.slice(0, 3)} ${message}`],
    ['in which two sessions look alike', ({ sessionId = '', message }) => `${sessionId.toLowerCase()} ${message}`],
    ['that are cut', ({ sessionId, message }) => JSON.stringify({ sessionId, message }).slice(0, 10_000)],
  ] as [string, LineFormat][])('%s: it rejects before anything is touched, and says what to do', async (_, format) => {
    const { directory, file, write } = writing({ format });
    write('abc', 'secret');
    await file.forceFlush();
    const before = bytesBelow(directory);
    await expect(file.eraseSession('abc')).rejects.toMatchObject({
      code: 'not_erasable',
      message: expect.stringContaining('sessionOfLine') as string,
    });
    expect(bytesBelow(directory)).toBe(before);
  });

  it('the option `sessionOfLine` tells whose a line is', async () => {
    const { file, write, lines } = writing({
      format: ({ message, sessionId }) => `${message} [${sessionId}]`,
      sessionOfLine: (line) => /\[([^\]]*)\]$/.exec(line)?.[1],
    });
    write('abc', 'secret');
    write('other', '[abc]');
    await expect(file.eraseSession('abc')).resolves.toEqual({ file: { lines: 1, files: 1 } });
    expect(lines()[0]).toMatch(/^ +$/);
    expect(lines()[1]).toBe('[abc] [other]');
  });

  it('an id that holds what ends it in the line is refused, and the one that stands for no session', async () => {
    const { file } = writing({ format: formats['brackets'] as LineFormat });
    await expect(file.eraseSession('a b')).rejects.toMatchObject({ code: 'not_erasable' });
    await expect(file.eraseSession('-')).rejects.toMatchObject({ code: 'not_erasable' });
    const text = writing();
    await expect(text.file.eraseSession('-')).rejects.toMatchObject({ code: 'not_erasable' });
  });
});

describe('writers of the same directory', () => {
  it('erase what they have not written yet, and keep what comes later', async () => {
    const directory = temporaryDirectory();
    const mine = startDailyFile(directory);
    actAsAnotherProcess();
    const others = startDailyFile(directory);
    const logger = loggerOver(others);
    logger.emit({ body: 'secret', attributes: { 'session.id': 's' } });
    logger.emit({ body: 'stays', attributes: { 'session.id': 'other' } });

    await expect(mine.eraseSession('s')).resolves.toEqual({ file: { lines: 0, files: 0 } });
    await others.forceFlush();
    const text = readFileSync(join(directory, TODAY), 'utf8');
    expect(text).not.toContain('secret');
    expect(text).toContain('[other] stays');

    logger.emit({ body: 'new', attributes: { 'session.id': 's' } });
    await others.forceFlush();
    expect(readFileSync(join(directory, TODAY), 'utf8')).toContain('[s] new');
  });

  it('do the same with lines that wait while the file cannot be written', async () => {
    const directory = temporaryDirectory();
    const mine = startDailyFile(directory);
    actAsAnotherProcess();
    let day = NOON;
    const others = new DateFileLogRecordProcessor({ directory, now: () => day });
    const logger = loggerOver(others);
    // The file of the next day is a directory: nothing can be written until it is gone.
    const tomorrow = join(directory, 'session-logs.2026-11-24.log');
    mkdirSync(tomorrow);
    day += 86_400_000;
    for (const id of ['s', 'other', 's']) logger.emit({ body: `of ${id}`, attributes: { 'session.id': id } });
    await others.forceFlush({ timeoutMillis: 20 }).catch(() => {});
    expect(others.stats().pendingLines).toBe(3);
    await mine.eraseSession('s');
    logger.emit({ body: 'later', attributes: { 'session.id': 's' } });
    await others.forceFlush({ timeoutMillis: 20 }).catch(() => {});
    rmdirSync(tomorrow);
    await others.forceFlush();
    expect(readFileSync(tomorrow, 'utf8').match(/\[\w+\] \w+( \w+)?/g)).toEqual(['[other] of other', '[s] later']);
    await others.shutdown();
  });
});

describe.each(['', '.gz'])('a long line in a file%s', (suffix) => {
  // Longer than what is kept of a line of others, and not cut where a chunk ends.
  const long = 'x'.repeat(3 * 1024 * 1024 + 17);
  const lineOf = (id: string, text: string): string =>
    `${AT.toISOString()} CHAT [${id}] ${text} {"otel.scope.name":"x"}`;

  it('is erased as a whole when it is of the session, and stays when not', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, `session-logs.2026-11-22.log${suffix}`);
    const lines = [
      lineOf('s', 'secret'),
      lineOf('other', `${long}[s]`),
      lineOf('s', `secret ${long} secret`),
      lineOf('other', 'hello'),
      lineOf('s', 'secret'),
      lineOf('other', long),
    ];
    const bytes = Buffer.from(lines.join('\n'));
    writeFileSync(path, suffix === '' ? bytes : gzipSync(bytes));
    const file = startDailyFile(directory);
    await expect(file.eraseSession('s')).resolves.toEqual({ file: { lines: 3, files: 1 } });
    const after = (suffix === '' ? readFileSync(path) : gunzipSync(readFileSync(path))).toString().split('\n');
    expect(after.map((line) => line.length)).toEqual(lines.map((line) => line.length));
    for (const at of [1, 3, 5]) expect(after[at] === lines[at]).toBe(true);
    for (const at of [0, 2, 4]) expect(after[at]?.trimEnd()).toMatch(/ INFO \[-\] erased \{"otel\.scope\.name":""\}$/);
  });
});

it('more lines of the session than are known at once are erased, and counted', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'session-logs.2026-11-22.log');
  const [mine, others] = ['s', 'other'].map((id) => `${AT.toISOString()} CHAT [${id}] hello {"otel.scope.name":"x"}\n`);
  writeFileSync(path, `${mine}${others}`.repeat(40_000));
  await expect(startDailyFile(directory).eraseSession('s')).resolves.toEqual({ file: { lines: 40_000, files: 1 } });
  const text = readFileSync(path, 'utf8');
  expect(text).not.toContain('[s]');
  expect(text.split(others as string)).toHaveLength(40_001);
});

it('a directory that is gone has nothing to erase', async () => {
  const { directory, file } = writing();
  rmSync(directory, { recursive: true });
  await expect(file.eraseSession('s')).resolves.toEqual({ file: { lines: 0, files: 0 } });
  expect(existsSync(directory)).toBe(false);
});
