import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { ClockWatch } from '../../../src/export/clock-watch.ts';
import { compressFile } from '../../../src/export/file/compress-file.ts';
import { DailyFileDirectory } from '../../../src/export/file/daily-file-directory.ts';
import { DayFileNames } from '../../../src/export/file/day-file-names.ts';
import { Retention } from '../../../src/export/file/retention.ts';
import { reporterFor } from '../../../src/support/reporter.ts';
import { loggerOver, NOON, startDailyFile, TODAY } from '../../support/daily-file.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** `session-logs.2026-11-23.log` for 0: the day of {@link NOON}, and days from it. */
function nameOf(day: number): string {
  const date = new Date(2026, 10, 23 + day);
  const [month, dayOfMonth] = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'));
  return `session-logs.${date.getFullYear()}-${month}-${dayOfMonth}.log`;
}

function write(directory: string, ...days: number[]): void {
  for (const day of days) writeFileSync(join(directory, nameOf(day)), `day ${day}\n`);
}

/** The days of the files that are left. */
function daysIn(directory: string): number[] {
  const names = readdirSync(directory);
  return Array.from({ length: 801 }, (_, index) => index - 400).filter((day) => names.includes(nameOf(day)));
}

/** What a process that begins now does with old files, over clocks that the test moves. */
function startRetention(
  directory: string,
  { ahead = 0, retentionDays = 7, compress = false } = {},
): {
  retention: Retention;
  ends: () => Promise<void>;
  passes: (millis: number) => void;
  isSet: (byMillis: number) => void;
} {
  const reporter = reporterFor('test');
  const claim = new DailyFileDirectory({ directory, fileName: 'session-logs', fileMode: 0o600, reporter });
  let monotonic = 0;
  let wall = NOON + ahead;
  const watch = new ClockWatch(
    () => wall,
    () => monotonic,
  );
  const retention = new Retention({ directory: claim, retentionDays, compress, watch, reporter });
  const ends = (): Promise<void> => {
    claim.release();
    return retention.close();
  };
  onTestFinished(ends);
  return {
    retention,
    ends,
    passes: (millis) => {
      monotonic += millis;
      wall += millis;
    },
    isSet: (byMillis) => (wall += byMillis),
  };
}

describe('old files and the clock of a running process', () => {
  const diagnostics = recordDiagnostics();

  it('a clock that is 30 days ahead for one line removes nothing, and is told', async () => {
    const directory = temporaryDirectory();
    write(directory, -7, -6, -5, -4, -3, -2, -1);
    let now = NOON;
    const file = startDailyFile(directory, { now: () => now });
    const logger = loggerOver(file);
    logger.emit({ body: 'before' });
    await file.forceFlush();
    now += 30 * DAY;
    logger.emit({ body: 'ahead' });
    await file.forceFlush();
    await until(() => diagnostics.lines.some((line) => line.includes('the clock was set')), 'the jump is told');
    now -= 30 * DAY;
    logger.emit({ body: 'after' });
    await file.forceFlush();
    await until(() => diagnostics.lines.some((line) => line.includes('are removed again')), 'its end is told');
    await file.shutdown();
    expect(daysIn(directory)).toEqual([-7, -6, -5, -4, -3, -2, -1, 0, 30]);
    expect(readFileSync(join(directory, TODAY), 'utf8')).toMatch(/ before [^\n]*\n[^\n]* after /);
  });

  it('a jump keeps every file for a day of the other clock; then age decides', async () => {
    const directory = temporaryDirectory();
    write(directory, -7, -3, -1, 0);
    const { retention, passes, isSet } = startRetention(directory);
    passes(2 * DAY);
    await retention.sweep();
    expect(daysIn(directory)).toEqual([-3, -1, 0]);
    isSet(30 * DAY);
    write(directory, 32);
    for (let hour = 0; hour < 24; hour += 1) {
      await retention.sweep();
      expect(daysIn(directory)).toEqual([-3, -1, 0, 32]);
      passes(HOUR);
    }
    await retention.sweep();
    expect(daysIn(directory)).toEqual([32]);
  });

  it('a jump back and forth, as a step by NTP makes it, costs no file', async () => {
    const directory = temporaryDirectory();
    write(directory, -7, -1, 0);
    const { retention, isSet } = startRetention(directory);
    isSet(-400 * DAY);
    await retention.sweep();
    isSet(400 * DAY);
    await retention.sweep();
    expect(daysIn(directory)).toEqual([-7, -1, 0]);
  });

  it('a service that logs nothing keeps seven days and no more', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const directory = temporaryDirectory();
    write(directory, -7, -6, -1, 0);
    const { retention, passes } = startRetention(directory);
    await retention.sweep();
    expect(daysIn(directory)).toEqual([-7, -6, -1, 0]);
    for (const left of [
      [-6, -1, 0],
      [-1, 0],
      [-1, 0],
    ]) {
      passes(DAY);
      vi.advanceTimersByTime(HOUR);
      await until(() => String(daysIn(directory)) === String(left), `only ${left.join(', ')} are left`);
    }
    passes(30 * DAY);
    vi.advanceTimersByTime(HOUR);
    await until(() => daysIn(directory).length === 0, 'the last file is removed');
  });
});

describe('old files and the clock that a process begins with', () => {
  const week = [-7, -6, -5, -4, -3, -2, -1, 0];

  it('30 days ahead it removes no file of the last week, nor does it when it begins again', async () => {
    const directory = temporaryDirectory();
    write(directory, -9, ...week);
    for (const _ of [1, 2, 3]) {
      write(directory, 30);
      const { retention, ends } = startRetention(directory, { ahead: 30 * DAY });
      await retention.sweep();
      expect(daysIn(directory)).toEqual([...week, 30]);
      await ends();
    }
  });

  it('over its first midnight as well, until it has stood for a day', async () => {
    const directory = temporaryDirectory();
    write(directory, ...week);
    const { retention, passes } = startRetention(directory, { ahead: 30 * DAY + DAY / 2 - 1 });
    write(directory, 30);
    await retention.sweep();
    passes(1);
    write(directory, 31);
    await retention.sweep();
    expect(daysIn(directory)).toEqual([...week, 30, 31]);
    passes(DAY - 1);
    await retention.sweep();
    expect(daysIn(directory)).toEqual([30, 31]);
  });

  it.each([
    { name: 'every day', files: [-9, -8, -7, -2, -1, 0], left: [-7, -2, -1, 0] },
    { name: 'every day, kept for one', files: [-3, -2, -1, 0], left: [-1, 0], retentionDays: 1 },
    { name: 'after a weekend', files: [-10, -8, -7, -3, 0], left: [-7, -3, 0] },
    { name: 'once a week', files: [-21, -14, -7, 0], left: [-7, 0] },
    { name: 'once a month', files: [-90, -60, -30, 0], left: [-30, 0] },
    { name: 'for the first time in a month', files: [-33, -32, -31, -30, 0], left: [-33, -32, -31, -30, 0] },
  ])('a job that runs $name', async ({ files, left, retentionDays = 7 }) => {
    const directory = temporaryDirectory();
    write(directory, ...files);
    const { retention } = startRetention(directory, { retentionDays });
    await retention.sweep();
    expect(daysIn(directory)).toEqual(left);
  });

  it('leaves names alone that no calendar has, and files of others', async () => {
    const directory = temporaryDirectory();
    const others = ['session-logs.2025-13-77.log', 'session-logs.2025-02-30.log', 'app.2025-01-01.log', 'x.log'];
    for (const name of others) writeFileSync(join(directory, name), '');
    write(directory, -300);
    const { retention, passes } = startRetention(directory);
    passes(2 * DAY);
    await retention.sweep();
    expect(readdirSync(directory).toSorted()).toEqual(others.toSorted());
  });
});

describe('the compression', () => {
  const diagnostics = recordDiagnostics();

  it('names its temporary files at random, and knows them again', () => {
    const names = new DayFileNames('session-logs');
    const made = new Set(Array.from({ length: 100 }, () => names.temporary('session-logs.2026-11-22.log.gz')));
    expect(made.size).toBe(100);
    for (const name of made) {
      expect(names.isTemporary(name)).toBe(true);
      expect(name).not.toContain(`.${process.pid}`);
    }
    expect(new DayFileNames('other').isTemporary(names.temporary('session-logs.2026-11-22.log.gz'))).toBe(false);
  });

  it('leaves a temporary file alone that another one has made', async () => {
    const directory = temporaryDirectory();
    write(directory, -1);
    const path = join(directory, nameOf(-1));
    const temporary = join(directory, '.other.tmp');
    writeFileSync(temporary, 'of another thread');
    const { signal } = new AbortController();
    await expect(compressFile({ path, temporary, mode: 0o600, signal })).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(temporary, 'utf8')).toBe('of another thread');
    expect(existsSync(path)).toBe(true);
  });

  it('of two at once on one file keeps every line once, and leaves nothing else', async () => {
    const directory = temporaryDirectory();
    const content = 'a line\n'.repeat(200_000);
    const path = join(directory, nameOf(-1));
    writeFileSync(path, content);
    const names = new DayFileNames('session-logs');
    const { signal } = new AbortController();
    const compress = (): Promise<boolean> =>
      compressFile({ path, temporary: join(directory, names.temporary(`${nameOf(-1)}.gz`)), mode: 0o600, signal });
    await Promise.allSettled([compress(), compress(), compress()]);
    expect(readdirSync(directory)).toEqual([`${nameOf(-1)}.gz`]);
    expect(gunzipSync(readFileSync(`${path}.gz`)).toString()).toBe(content);
  });

  it.each(['pipe', 'link', 'directory'])('does not touch a %s in the place of the compressed file', async (kind) => {
    const directory = temporaryDirectory();
    const elsewhere = join(temporaryDirectory(), 'precious');
    writeFileSync(elsewhere, 'precious');
    write(directory, -1);
    const past = new Date(Date.now() - 60_000);
    utimesSync(join(directory, nameOf(-1)), past, past);
    const target = join(directory, `${nameOf(-1)}.gz`);
    if (kind === 'pipe') expect(spawnSync('mkfifo', [target]).status).toBe(0);
    else if (kind === 'link') symlinkSync(elsewhere, target);
    else mkdirSync(target);
    const file = startDailyFile(directory, { compress: true });
    const isTold = (): boolean => diagnostics.lines.some((line) => line.includes('could not be removed or compressed'));
    await until(isTold, 'that it cannot be compressed is told');
    await file.shutdown();
    expect(readFileSync(elsewhere, 'utf8')).toBe('precious');
    expect(readFileSync(join(directory, nameOf(-1)), 'utf8')).toBe('day -1\n');
    expect(readdirSync(directory).filter((name) => name.includes('.tmp'))).toEqual([]);
  });
});
