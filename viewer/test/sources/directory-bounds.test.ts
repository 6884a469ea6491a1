import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { SessionModel } from '../../src/model/session-model.ts';
import { DirectorySource } from '../../src/sources/directory.ts';
import type { PastBounds } from '../../src/sources/directory.ts';
import { FileTail } from '../../src/sources/file-tail.ts';

function line(message: string): string {
  return `2026-11-23T10:00:00.000Z INFO [a] ${message} {"otel.scope.name":"app"}\n`;
}

interface Watched {
  readonly directory: string;
  readonly path: (name: string) => string;
  readonly looked: () => Promise<string[]>;
  readonly notes: () => string;
  readonly unreadable: () => number;
}

function watched(bounds?: PastBounds): Watched {
  const directory = temporaryDirectory();
  const model = new SessionModel();
  const source = new DirectorySource(model, directory, bounds);
  onTestFinished(() => source.close());
  return {
    directory,
    path: (name) => join(directory, name),
    looked: async () => {
      await source.look();
      return (model.find('a')?.entries ?? []).map(({ text }) => text);
    },
    notes: () => [...(model.sources[0]?.notes.values() ?? [])].join('; '),
    unreadable: () => model.sources[0]?.unreadable ?? 0,
  };
}

/** Files of a day each, the newest of which has the name that sorts first. */
function writeDays({ path }: Watched, count: number): void {
  for (let day = 0; day < count; day += 1) {
    const file = path(`${9 - day}.log`);
    writeFileSync(file, line(`day ${day}`));
    utimesSync(file, day * 86_400, day * 86_400);
  }
}

describe('of more files than are read', () => {
  it.each([
    ['files', { maxFiles: 2 }],
    ['bytes', { maxBytes: 2 * line('day 0').length }],
  ])('the newest ones are, in their order, and of the others what is appended: a bound of %s', async (_, bounds) => {
    const days = watched(bounds);
    writeDays(days, 5);
    expect(await days.looked()).toEqual(['day 3', 'day 4']);
    expect(await days.looked()).toEqual(['day 3', 'day 4']);
    expect(days.notes()).toContain('the viewer shows only what is appended to 3 of the older files');
    appendFileSync(days.path('9.log'), line('late'));
    writeFileSync(days.path('new.log'), line('new'));
    expect((await days.looked()).slice(2).toSorted()).toEqual(['late', 'new']);
    appendFileSync(days.path('9.log'), line('later'));
    expect((await days.looked()).at(-1)).toBe('later');
  });
});

describe('a folder or a file that cannot be read', () => {
  const { getuid, seteuid } = process;

  it.skipIf(getuid?.() !== 0 || seteuid === undefined)(
    'is said in one note, hides nothing else, and is read once it can be: as root only',
    async () => {
      const { directory, path, looked, notes } = watched();
      for (const name of ['a', 'b', 'c']) {
        mkdirSync(path(name));
        writeFileSync(join(path(name), 'app.log'), line(name));
      }
      chmodSync(directory, 0o755);
      chmodSync(path('a'), 0o700);
      chmodSync(join(path('b'), 'app.log'), 0o600);
      const asNobody = async <T>(act: () => Promise<T>): Promise<T> => {
        seteuid?.(65_534);
        return act().finally(() => seteuid?.(0));
      };
      expect(await asNobody(looked)).toEqual(['c']);
      expect(notes()).toMatch(/^\S+ cannot be read: EACCES[^;]*, and 1 other path$/);
      chmodSync(path('a'), 0o755);
      chmodSync(join(path('b'), 'app.log'), 0o644);
      expect((await asNobody(looked)).toSorted()).toEqual(['a', 'b', 'c']);
      expect(notes()).toBe('');
    },
  );

  it('is said in one note, however many there are', async () => {
    const { path, looked, notes } = watched();
    for (let at = 0; at < 100; at += 1) writeFileSync(path(`${at}.log.gz`), 'not packed');
    await looked();
    expect(notes()).toMatch(/^\S+ cannot be read: incorrect header check, and 99 other paths$/);
  });

  it('is refused as a path of its own when it is neither a file nor a directory', () => {
    const pipe = join(temporaryDirectory(), 'pipe.log');
    execFileSync('mkfifo', [pipe]);
    expect(() => new DirectorySource(new SessionModel(), pipe)).toThrow('pipe.log is neither a file nor a directory');
  });
});

describe('the lines of a file', () => {
  it('are read up to where it ended at first, so that one that grows all the time leaves a turn to others', async () => {
    const file = join(temporaryDirectory(), 'app.log');
    writeFileSync(file, line('first'));
    let rounds = 0;
    const take = (): void => {
      if ((rounds += 1) < 100) appendFileSync(file, line('more'));
    };
    const tail = new FileTail(file, { take, isWhole: () => false, leftOut: () => {} });
    const { signal } = new AbortController();
    expect([await tail.read(signal), rounds]).toEqual(['some', 1]);
    expect([await tail.read(signal), rounds]).toEqual(['some', 2]);
  });

  it.each([
    [
      'OTLP JSON',
      '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"},"attributes":[{"key":"session.id","value":{"stringValue":"a"}}]}]}]}]}',
    ],
    ['JSON', '{"time":"2026-11-23T10:00:00.000Z","message":"x","session_id":"a"}'],
    ['text', line('x').trimEnd()],
  ])('are read to the last one, though it has no line end: %s', async (_, last) => {
    const { path, looked, unreadable } = watched();
    const file = path('app.jsonl');
    writeFileSync(file, last.slice(0, -1));
    await looked();
    expect(await looked()).toEqual([]);
    appendFileSync(file, last.slice(-1));
    await looked();
    expect(await looked()).toEqual(['x']);
    appendFileSync(file, `\r\n${line('y')}`);
    expect(await looked()).toEqual(['x', 'y']);
    expect(unreadable()).toBe(0);
  });

  it('are read without the byte order mark that some programs begin a file with', async () => {
    const { path, looked, unreadable } = watched();
    writeFileSync(path('app.log'), `\ufeff${line('x')}`);
    expect(await looked()).toEqual(['x']);
    expect(unreadable()).toBe(0);
  });

  it('are counted when they are too long', async () => {
    const { path, looked, unreadable } = watched();
    writeFileSync(path('app.log'), `${'x'.repeat(33 * 1024 * 1024)}\n${line('x')}`);
    expect(await looked()).toEqual(['x']);
    expect(unreadable()).toBe(1);
  });
});
