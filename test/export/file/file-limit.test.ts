import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { array, assert, asyncProperty, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { DateFileLogRecordProcessor } from '../../../src/export/file/date-file.ts';
import { DayFileNames } from '../../../src/export/file/day-file-names.ts';
import { loggerOver, NOON, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { runs } from '../../support/properties.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const LIMIT = 4096;

/** The files of a day in the order in which they were begun. */
function filesOf(directory: string, day = '2026-11-23'): string[] {
  const names = new DayFileNames('session-logs');
  return readdirSync(directory)
    .filter((name) => names.parse(name)?.day === day)
    .toSorted((a, b) => (names.parse(a)?.number ?? 0) - (names.parse(b)?.number ?? 0));
}

function linesOf(directory: string, day?: string): string[] {
  return filesOf(directory, day).flatMap((name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    expect(text === '' || text.endsWith('\n')).toBe(true);
    return text.split('\n').slice(0, -1);
  });
}

/** Lines of text alone. */
const format = ({ message }: { message: string }): string => message;

describe('maxFileBytes', () => {
  const diagnostics = recordDiagnostics();

  it('begins the next file of the day before one becomes larger; nothing is lost, renamed or out of order', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
    const logger = loggerOver(file);
    const bodies = Array.from({ length: 2_000 }, (_, n) => `line ${n}`);
    for (const [n, body] of bodies.entries()) {
      logger.emit({ body });
      if (n % 700 === 0) await file.forceFlush();
    }
    await file.forceFlush();
    expect(linesOf(directory)).toEqual(bodies);
    const files = filesOf(directory);
    expect(files.slice(0, 3)).toEqual([TODAY, 'session-logs.2026-11-23.1.log', 'session-logs.2026-11-23.2.log']);
    const sizes = files.map((name) => statSync(join(directory, name)).size);
    // Full but for a line that no longer had room.
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThan(LIMIT - 10);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(LIMIT);
    for (const name of files) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    expect(file.stats()).toMatchObject({ written: 2_000, lost: {} });
    expect(diagnostics.lines).toEqual([]);
  });

  it('a line that is longer than a file has one of its own', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
    const logger = loggerOver(file);
    const bodies = ['short', 'ä'.repeat(LIMIT), 'x'.repeat(LIMIT - 1), 'y'.repeat(3 * LIMIT), 'end'];
    for (const body of bodies) logger.emit({ body });
    await file.forceFlush();
    expect(filesOf(directory).map((name) => readFileSync(join(directory, name), 'utf8').split('\n')[0])).toEqual(
      bodies,
    );
  });

  it('goes on in the last file after a restart, and in the next when that is full', async () => {
    const directory = temporaryDirectory();
    const run = async (...bodies: string[]): Promise<void> => {
      const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
      for (const body of bodies) loggerOver(file).emit({ body });
      await file.shutdown();
    };
    const big = 'x'.repeat(3_000);
    await run(big, big);
    await run('one');
    expect(filesOf(directory)).toHaveLength(2);
    await run(big);
    await run('two');
    expect(filesOf(directory)).toHaveLength(3);
    expect(linesOf(directory)).toEqual([big, big, 'one', big, 'two']);
  });

  it('goes on behind a file of the day that was compressed, and where files in between are gone', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'session-logs.2026-11-23.7.log.gz'), '');
    const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
    loggerOver(file).emit({ body: 'x' });
    await file.forceFlush();
    expect(readFileSync(join(directory, 'session-logs.2026-11-23.8.log'), 'utf8')).toBe('x\n');
  });

  it('begins each day with its first file', async () => {
    const directory = temporaryDirectory();
    let now = NOON;
    const file = startDailyFile(directory, { maxFileBytes: LIMIT, format, now: () => now });
    const logger = loggerOver(file);
    for (const body of ['x'.repeat(4_000), 'y'.repeat(4_000)]) logger.emit({ body });
    await file.forceFlush();
    now += 86_400_000;
    logger.emit({ body: 'tomorrow' });
    await file.forceFlush();
    expect(filesOf(directory)).toHaveLength(2);
    expect(filesOf(directory, '2026-11-24')).toEqual(['session-logs.2026-11-24.log']);
    expect(linesOf(directory, '2026-11-24')).toEqual(['tomorrow']);
  });

  it('retention and compression take all files of a day as files of that day', async () => {
    const directory = temporaryDirectory();
    const kept = ['session-logs.2026-11-22.log', 'session-logs.2026-11-22.1.log', 'session-logs.2026-11-20.12.log'];
    const old = ['session-logs.2026-11-01.log', 'session-logs.2026-11-01.3.log', 'session-logs.2026-11-02.1.log.gz'];
    const others = [
      'session-logs.2026-11-01.03.log',
      'session-logs.2026-11-01.0.log',
      'session-logs.2026-11-01.1.2.log',
    ];
    for (const name of [...kept, ...old, ...others]) writeFileSync(join(directory, name), `${name}\n`);
    startDailyFile(directory, { maxFileBytes: LIMIT, compress: true });
    await until(() => kept.every((name) => !existsSync(join(directory, name))), 'those of yesterday are compressed');
    expect(readdirSync(directory).toSorted()).toEqual(
      [...kept.map((name) => `${name}.gz`), ...others, TODAY].toSorted(),
    );
  });

  it('a file that is removed or moved while it is written is made again, and that is told', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
    const logger = loggerOver(file);
    logger.emit({ body: 'x'.repeat(4_000) });
    logger.emit({ body: 'y'.repeat(4_000) });
    await file.forceFlush();
    rmSync(join(directory, 'session-logs.2026-11-23.1.log'));
    logger.emit({ body: 'z'.repeat(4_000) });
    await file.forceFlush();
    expect(readFileSync(join(directory, 'session-logs.2026-11-23.1.log'), 'utf8')).toMatch(/^z{4000}\n$/);
    expect(diagnostics.lines.filter((line) => line.includes('was removed, moved or replaced'))).toHaveLength(1);
  });

  it('lines that waited for the disk are written within the limit, and in order', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
    const logger = loggerOver(file);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    const bodies = Array.from({ length: 3_000 }, (_, n) => `line ${n} ${'x'.repeat(n % 50)}`);
    for (const body of bodies) logger.emit({ body });
    await expect(file.forceFlush({ timeoutMillis: 60 })).rejects.toMatchObject({ code: 'flush_timeout' });
    rmSync(directory);
    await file.forceFlush();
    expect(linesOf(directory)).toEqual(bodies);
    for (const name of filesOf(directory)) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(LIMIT);
    expect(file.stats()).toMatchObject({ written: 3_000, pendingLines: 0, lost: {} });
  });

  it('a directory that is in the place of the next file makes lines wait', async () => {
    const directory = temporaryDirectory();
    const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
    const logger = loggerOver(file);
    const next = join(directory, 'session-logs.2026-11-23.1.log');
    mkdirSync(next);
    // The last one there is, by its name.
    logger.emit({ body: 'x'.repeat(4_000) });
    logger.emit({ body: 'y'.repeat(4_000) });
    await expect(file.forceFlush({ timeoutMillis: 60 })).rejects.toMatchObject({ code: 'flush_timeout', pending: 1 });
    rmSync(next, { recursive: true });
    await file.forceFlush();
    expect(linesOf(directory)).toHaveLength(2);
    expect(file.stats()).toMatchObject({ written: 2, lost: {} });
  });

  it('holds for lines of any length, flushed at any place', async () => {
    await assert(
      asyncProperty(
        array(integer({ min: 0, max: 6_000 }), { maxLength: 30 }),
        integer({ min: 1, max: 7 }),
        async (lengths, every) => {
          const directory = temporaryDirectory();
          const file = startDailyFile(directory, { maxFileBytes: LIMIT, format });
          const logger = loggerOver(file);
          const bodies = lengths.map((length, n) => `${n} ${'x'.repeat(length)}`);
          for (const [n, body] of bodies.entries()) {
            logger.emit({ body });
            if (n % every === 0) await file.forceFlush();
          }
          await file.shutdown();
          expect(linesOf(directory)).toEqual(bodies);
          for (const name of filesOf(directory)) {
            const text = readFileSync(join(directory, name), 'utf8');
            expect(text.length <= LIMIT || text.indexOf('\n') === text.length - 1).toBe(true);
          }
          expect(file.stats().lost).toEqual({});
        },
      ),
      runs(40),
    );
  });

  it.each([0, 4095, -1, 5000.5, Number.NaN, Infinity, '1m'])('refuses %j', (maxFileBytes) => {
    const options = { directory: temporaryDirectory(), maxFileBytes } as object;
    expect(() => new DateFileLogRecordProcessor(options)).toThrow(
      /expected `maxFileBytes` to be a whole number of bytes, 4,096 or more, got /,
    );
  });
});
