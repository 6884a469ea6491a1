import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { ErasureMarks, markedBy, writtenBeforeMarks } from '../../../src/export/erasure/erasure-marks.ts';
import type { ErasureMark } from '../../../src/export/erasure/erasure-marks.ts';
import { reporterFor } from '../../../src/support/reporter.ts';
import { workNow } from '../../../src/support/timers.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { cannotMount, mountTmpfs } from '../../support/loop-disk.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const diagnostics = recordDiagnostics();

/** The marks as a process sees them that has just begun to use the directory. */
const marksIn = (directory: string): ErasureMarks => new ErasureMarks(directory, reporterFor('test'));

const fileIn = (directory: string): string => join(directory, '.erasures');

/** Which of these sessions the marks mean. */
const sessionsIn = (marks: readonly ErasureMark[], ...sessions: readonly string[]): string[] =>
  sessions.filter(markedBy(marks));

const DAY = 86_400_000;

describe('the mark of an erased session', () => {
  it('is seen once by each process that was there before, and by none that came later', () => {
    const directory = temporaryDirectory();
    const [one, other] = [marksIn(directory), marksIn(directory)];
    one.add('s', 0);
    expect(sessionsIn(other.look(), 's', 't')).toEqual(['s']);
    expect(other.look()).toEqual([]);
    expect(marksIn(directory).look()).toEqual([]);
    // It has done its own part already.
    expect(one.look()).toEqual([]);
  });

  it('does not tell which session that was', () => {
    const directory = temporaryDirectory();
    marksIn(directory).add('a secret', 0);
    marksIn(directory).add('a secret', 0);
    const text = readFileSync(fileIn(directory), 'utf8');
    expect(text).not.toContain('secret');
    const digests = [...text.matchAll(/"digest":"(\w+)"/g)].map(([, digest]) => digest);
    expect(new Set(digests).size).toBe(2);
  });

  it('behind a line that was cut, by a kill or a full disk, is seen', () => {
    const directory = temporaryDirectory();
    const reader = marksIn(directory);
    const writer = marksIn(directory);
    writer.add('first', 0);
    const bytes = readFileSync(fileIn(directory));
    truncateSync(fileIn(directory), bytes.length - 20);
    writer.add('second', 0);
    expect(sessionsIn(reader.look(), 'first', 'second')).toEqual(['second']);
  });

  it('that is just being written is seen when it is whole', () => {
    const directory = temporaryDirectory();
    const reader = marksIn(directory);
    const elsewhere = temporaryDirectory();
    marksIn(elsewhere).add('s', 0);
    const bytes = readFileSync(fileIn(elsewhere));
    writeFileSync(fileIn(directory), bytes.subarray(0, 30));
    expect(reader.look()).toEqual([]);
    appendFileSync(fileIn(directory), bytes.subarray(30));
    expect(sessionsIn(reader.look(), 's')).toEqual(['s']);
  });

  it('is not hidden by lines of a newer version, or by what is none of ours', () => {
    const directory = temporaryDirectory();
    const reader = marksIn(directory);
    const at = { place: 'p', millis: 1, wallMillis: 1 };
    for (const line of [
      { v: 2, mark: { id: 'i', digest: 'd', at, untilMillis: 1 } },
      { v: 1, mark: { id: 'i', digest: 'd', at: null, untilMillis: 1 } },
      { v: 1, mark: { id: 'i', digest: 'd', at, untilMillis: 'never' } },
      { v: 1, mark: null },
      { v: 1, answer: { to: 1, owner: 'o' } },
      { v: 1 },
      null,
      7,
    ]) {
      appendFileSync(fileIn(directory), `${JSON.stringify(line)}\n`);
    }
    marksIn(directory).add('s', 0);
    const found = reader.look();
    expect([found.length, sessionsIn(found, 's')]).toEqual([1, ['s']]);
    expect(reader.unansweredBy('0000000000001-x')).toHaveLength(1);
  });

  it('is not seen twice where the file is replaced, and is written again where it was removed', () => {
    const directory = temporaryDirectory();
    const [reader, writer] = [marksIn(directory), marksIn(directory)];
    writer.add('first', 0);
    reader.look();
    const copy = join(directory, 'copy');
    writeFileSync(copy, readFileSync(fileIn(directory)));
    renameSync(copy, fileIn(directory));
    writer.add('second', 0);
    expect(sessionsIn(reader.look(), 'first', 'second')).toEqual(['second']);
    rmSync(fileIn(directory));
    expect(reader.look()).toEqual([]);
    writer.add('third', 0);
    expect(sessionsIn(reader.look(), 'first', 'second', 'third')).toEqual(['third']);
  });

  it('is not written through a link, which is told to readers once', () => {
    const directory = temporaryDirectory();
    const target = join(temporaryDirectory(), 'target');
    const marks = marksIn(directory);
    symlinkSync(target, fileIn(directory));
    expect(() => marks.add('s', 0)).toThrow('is a symbolic link');
    expect(existsSync(target)).toBe(false);
    expect([marks.look(), marks.look()]).toEqual([[], []]);
    expect(diagnostics.lines).toEqual([expect.stringContaining('the marks of erased sessions')]);
  });

  it('is gone with its directory, without a word', () => {
    const directory = join(temporaryDirectory(), 'logs');
    const marks = marksIn(directory);
    expect(marks.look()).toEqual([]);
    writeFileSync(directory, '');
    expect(marks.look()).toEqual([]);
    expect(() => marks.add('s', 0)).toThrow('ENOTDIR');
    expect(diagnostics.lines).toEqual([]);
  });

  it.skipIf(cannotMount !== undefined)(
    `that a full disk takes only in part is an error${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
    () => {
      const disk = mountTmpfs('1m');
      onTestFinished(() => disk.remove());
      const reader = marksIn(disk.path);
      // The next mark crosses the end of the first block.
      const { bavail, bsize } = statfsSync(disk.path);
      writeFileSync(fileIn(disk.path), `${' '.repeat(bsize - 51)}\n`);
      const filling = join(disk.path, 'filling');
      writeFileSync(filling, Buffer.alloc((bavail - 1) * bsize));
      const writer = marksIn(disk.path);
      expect(() => writer.add('first', 0)).toThrow('ENOSPC');
      rmSync(filling);
      writer.add('second', 0);
      expect(sessionsIn(reader.look(), 'first', 'second')).toEqual(['second']);
    },
  );
});

describe('an answer to a mark', () => {
  it('reaches the process that asks, and the mark is not asked of that owner again', () => {
    const directory = temporaryDirectory();
    const [asking, answering] = [marksIn(directory), marksIn(directory)];
    const mark = asking.add('s', 5_000);
    const [early, late] = [`${mark.at.wallMillis - 1}-a`, `${mark.at.wallMillis}-b`];
    expect(answering.unansweredBy(early)).toEqual([mark]);
    // It began when the session was erased already.
    expect(answering.unansweredBy(late)).toEqual([]);
    answering.answer(mark, { owner: early, spool: { records: 3 } });
    asking.refresh();
    expect(asking.answersTo(mark)).toMatchObject([{ owner: early, spool: { records: 3 } }]);
    expect([asking.unansweredBy(early), marksIn(directory).unansweredBy(early)]).toEqual([[], []]);
    expect(asking.unansweredBy(`${mark.at.wallMillis - 1}-c`)).toEqual([mark]);
  });

  it('to an unknown mark is none', () => {
    const marks = marksIn(temporaryDirectory());
    const mark = marks.add('s', 0);
    expect(marks.answersTo({ ...mark, id: 'other' })).toEqual([]);
  });
});

describe('a file of marks that has grown large', () => {
  /** Old marks until the file is due to be written again. */
  function grow(directory: string, ageMillis: number): void {
    const at = { place: 'p', millis: 1, wallMillis: Date.now() - ageMillis };
    const line = (n: number): string =>
      `${JSON.stringify({ v: 1, mark: { id: `old ${n}`, digest: 'd'.repeat(64), at, untilMillis: at.wallMillis } })}\n`;
    const lines = Array.from({ length: 1_700 }, (_, n) => line(n));
    appendFileSync(fileIn(directory), lines.join(''));
  }

  it('loses the old ones with the next mark; recent ones and their answers stay, and are seen once', () => {
    const directory = temporaryDirectory();
    const [writer, reader] = [marksIn(directory), marksIn(directory)];
    const recent = writer.add('recent', 0);
    const owner = `${recent.at.wallMillis - 1}-a`;
    writer.answer(recent, { owner });
    reader.look();
    grow(directory, 31 * DAY);
    expect(reader.look()).toHaveLength(1_700);
    expect(reader.unansweredBy('0000000000001-x')).toHaveLength(1_701);
    writer.look();

    writer.add('next', 0);

    const text = readFileSync(fileIn(directory), 'utf8');
    expect(text).not.toContain('old ');
    expect(text.length).toBeLessThan(1_000);
    expect(readdirSync(directory)).toEqual(['.erasures']);
    expect(sessionsIn(reader.look(), 'recent', 'next')).toEqual(['next']);
    const fresh = marksIn(directory);
    expect(fresh.unansweredBy('0000000000001-x')).toHaveLength(2);
    expect(fresh.unansweredBy(owner).filter(({ id }) => id === recent.id)).toEqual([]);
    // The one that has written it forgets them too.
    expect(writer.unansweredBy('0000000000001-x')).toHaveLength(2);
  });

  it('keeps what is not old enough', () => {
    const directory = temporaryDirectory();
    const writer = marksIn(directory);
    grow(directory, 29 * DAY);
    writer.add('next', 0);
    expect(marksIn(directory).unansweredBy('0000000000001-x')).toHaveLength(1_701);
  });
});

describe('what was before a mark', () => {
  it('is decided on one clock where both ran on one machine, else by the wall clocks', () => {
    const directory = temporaryDirectory();
    const marks = marksIn(directory);
    const before = workNow();
    const mark = marks.add('s', 0);
    const after = workNow() + 1;
    expect([before, after].map((since) => marks.isBefore(since, mark))).toEqual([true, false]);
    // The wall clock of that process was an hour ahead, which counts for nothing here.
    const ahead = { ...mark, at: { ...mark.at, wallMillis: mark.at.wallMillis + 3_600_000 } };
    expect([before, after].map((since) => marks.isBefore(since, ahead))).toEqual([true, false]);
    const wallMillis = Date.now();
    const elsewhere = { ...mark, at: { place: 'another machine', millis: Infinity, wallMillis } };
    const [hourAgo, inAnHour] = [-3_600_000, 3_600_000].map((millis) => workNow() + millis);
    expect(marks.isBefore(hourAgo as number, elsewhere)).toBe(true);
    expect(marks.isBefore(inAnHour as number, elsewhere)).toBe(false);
  });

  it('is what was written until the last mark of the session waits for others', () => {
    const marks = marksIn(temporaryDirectory());
    const [first, second] = [marks.add('s', 1_000), marks.add('s', 5_000)];
    const isBefore = writtenBeforeMarks([second, first]);
    expect([second.untilMillis, second.untilMillis + 1].map((millis) => isBefore('s', millis))).toEqual([true, false]);
    expect(isBefore('t', 0)).toBe(false);
    // Once more, from what is known by now.
    expect(isBefore('s', 0)).toBe(true);
  });
});
