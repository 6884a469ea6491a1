import { mkdirSync, readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import fileSystem from 'node:fs';
import { createServer } from 'node:net';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { Heartbeat } from '../../../src/export/spool/heartbeat.ts';
import { hostOf } from '../../../src/export/owner-host.ts';
import type { OwnerHost } from '../../../src/export/owner-host.ts';
import { OwnerWatch } from '../../../src/export/spool/owner-watch.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { moveToOtherHost } from '../../support/heartbeats.ts';
import { reformat } from '../../support/newer-version.ts';
import { numbers, openSpool, segmentPaths } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const diagnostics = recordDiagnostics();

function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** An owner's directory, with a heartbeat that beats when it is told. */
function owner(root: string, host: OwnerHost): { directory: string; beat: () => void } {
  const directory = join(root, 'o-0000000000001-00000000');
  mkdirSync(directory);
  const heartbeat = new Heartbeat(host);
  heartbeat.beat(directory);
  return { directory, beat: () => heartbeat.beat(directory) };
}

async function listenIn(directory: string): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(join(directory, 's'), resolve));
  onTestFinished(() => void server.close());
}

describe('at the first look', () => {
  const here = (root: string): OwnerHost => hostOf(root);
  const elsewhere = (): OwnerHost => ({ name: 'web-2', boot: 'b', key: 'other' });

  test.each([
    { what: 'listens here', host: here, listens: true, state: 'alive' },
    { what: 'listens, in another container of this kernel', host: elsewhere, listens: true, state: 'alive' },
    { what: 'does not listen here', host: here, listens: false, state: 'dead' },
    { what: 'runs elsewhere, if it runs', host: elsewhere, listens: false, state: 'waiting' },
  ])('an owner that $what: $state', async ({ host, listens, state }) => {
    const root = temporaryDirectory();
    const { directory } = owner(root, host(root));
    if (listens) await listenIn(directory);
    expect(await new OwnerWatch(root).look(directory)).toBe(state);
  });

  test('an owner from elsewhere that has given up: dead', async () => {
    const root = temporaryDirectory();
    const { directory } = owner(root, elsewhere());
    new Heartbeat(elsewhere()).giveUp(directory);
    expect(await new OwnerWatch(root).look(directory)).toBe('dead');
  });

  test.each([
    { what: 'no heartbeat, as of version 0.1.0', make: (path: string) => unlinkSync(path) },
    { what: 'an empty one, as after a power cut', make: (path: string) => writeFileSync(path, '') },
    { what: 'one of a newer version', make: (path: string) => writeFileSync(path, '{"format":2}') },
    { what: 'no JSON', make: (path: string) => writeFileSync(path, 'null') },
    {
      what: 'a link',
      make: (path: string) => {
        unlinkSync(path);
        symlinkSync('/etc/hostname', path);
      },
    },
  ])('an owner with $what is waited for, and dead after a minute', async ({ make }) => {
    fakeTime();
    const root = temporaryDirectory();
    const { directory } = owner(root, here(root));
    make(join(directory, 'h'));
    const watch = new OwnerWatch(root);
    expect(await watch.look(directory)).toBe('waiting');
    vi.advanceTimersByTime(20_000);
    expect(await watch.look(directory)).toBe('waiting');
    for (let i = 0; i < 2; i += 1) {
      vi.advanceTimersByTime(20_000);
      await watch.look(directory);
    }
    expect(await watch.look(directory)).toBe('dead');
  });
});

describe('an owner that runs elsewhere', () => {
  const start = (): { look: () => Promise<string>; beat: () => void; directory: string } => {
    fakeTime();
    const root = temporaryDirectory();
    const { directory, beat } = owner(root, { name: 'web-2', boot: 'b', key: 'other' });
    const watch = new OwnerWatch(root);
    return { directory, beat, look: () => watch.look(directory) };
  };

  test('is dead when no beat was seen for 60 s of our clock, whatever the times of its files say', async () => {
    const { look, directory } = start();
    for (const time of [new Date(0), new Date('2100-01-01')]) {
      fileSystem.utimesSync(join(directory, 'h'), time, time);
      expect(await look()).toBe('waiting');
    }
    for (let seconds = 10; seconds < 60; seconds += 10) {
      vi.advanceTimersByTime(10_000);
      expect(await look(), `after ${seconds} s`).toBe('waiting');
    }
    vi.advanceTimersByTime(9_999);
    expect(await look()).toBe('waiting');
    vi.advanceTimersByTime(1);
    expect(await look()).toBe('dead');
  });

  test('is alive as long as it beats, and its silence counts from the last beat', async () => {
    const { look, beat } = start();
    await look();
    for (let i = 0; i < 50; i += 1) {
      vi.advanceTimersByTime(10_000);
      if (i % 5 === 4) beat();
      expect(await look()).toBe(i < 4 ? 'waiting' : 'alive');
    }
    for (let i = 0; i < 5; i += 1) {
      vi.advanceTimersByTime(10_000);
      expect(await look()).toBe('alive');
    }
    vi.advanceTimersByTime(10_000);
    expect(await look()).toBe('dead');
  });

  test('is not dead because this process slept: time that was not watched does not count', async () => {
    const { look, beat } = start();
    await look();
    vi.advanceTimersByTime(3_600_000);
    // Both slept, and this process woke first.
    expect(await look()).toBe('waiting');
    vi.advanceTimersByTime(10_000);
    expect(await look()).toBe('waiting');
    beat();
    vi.advanceTimersByTime(10_000);
    expect(await look()).toBe('alive');
  });
});

describe('a spool with an owner that ran elsewhere', () => {
  /** Records of a process that died elsewhere. */
  async function deadElsewhere(root: string): Promise<string> {
    const dead = openSpool(root);
    dead.append(3);
    const directory = dead.spool.own.segments[0]?.directory as string;
    await dead.spool.close();
    // It was killed: nothing says that it has ended.
    moveToOtherHost(directory);
    return directory;
  }

  async function lookFor(spool: ReturnType<typeof openSpool>['spool'], seconds: number): Promise<void> {
    await spool.adopt();
    for (let i = 0; i < seconds; i += 10) {
      vi.advanceTimersByTime(10_000);
      await spool.adopt();
    }
  }

  test('takes it over after a minute, and nothing of it stays', async () => {
    fakeTime();
    const root = temporaryDirectory();
    const directory = await deadElsewhere(root);
    const { spool, drain } = openSpool(root);
    await lookFor(spool, 50);
    expect(spool.adopted.pending).toBe(0);
    expect(readdirSync(directory)).toContain('h');
    await lookFor(spool, 10);
    expect(await drain('adopted')).toStrictEqual(numbers(1, 3));
    expect(segmentPaths(root)).toStrictEqual([]);
    expect(readdirSync(root)).toHaveLength(1);
    expect(readdirSync(join(root, readdirSync(root)[0] as string)).toSorted()).toStrictEqual(['h', 's']);
  });

  test('an owner that wakes while it is read keeps its directory', async () => {
    fakeTime();
    const root = temporaryDirectory();
    const directory = await deadElsewhere(root);
    const { spool } = openSpool(root);
    await lookFor(spool, 50);
    vi.advanceTimersByTime(10_000);
    // Reading its segments is the last thing before it is taken.
    const { openSync } = fileSystem;
    const patch = (own: typeof openSync): void => {
      fileSystem.openSync = own;
      syncBuiltinESMExports();
    };
    patch((path, ...rest) => {
      if (String(path).endsWith('.seg')) moveToOtherHost(directory);
      return openSync(path, ...rest);
    });
    await spool.adopt().finally(() => patch(openSync));
    expect(spool.adopted.pending).toBe(0);
    await lookFor(spool, 50);
    expect(spool.adopted.pending).toBe(0);
    await lookFor(spool, 10);
    expect(spool.adopted.pending).toBe(3);
  });

  test('what a newer version wrote there stays, also after the minute', async () => {
    fakeTime();
    const root = temporaryDirectory();
    const directory = await deadElsewhere(root);
    for (const path of segmentPaths(directory)) reformat(path, 1, 2);
    const { spool } = openSpool(root);
    await lookFor(spool, 50);
    expect(spool.newer.records).toBe(0);
    await lookFor(spool, 50);
    expect(spool.newer.records).toBe(3);
    expect(segmentPaths(directory)).toHaveLength(1);
  });

  test('what a process gave up elsewhere, with its files closed, is taken over at once', async () => {
    const root = temporaryDirectory();
    const ended = openSpool(root);
    ended.append(3);
    const directory = ended.spool.own.segments[0]?.directory as string;
    await ended.spool.close();
    moveToOtherHost(directory, { beat: '  given up' });
    const { spool, drain } = openSpool(root);
    await spool.adopt();
    expect(await drain('adopted')).toStrictEqual(numbers(1, 3));
  });

  test('it is given up only when its files are closed: until then others do not see what was written last', async () => {
    const root = temporaryDirectory();
    const { spool, append } = openSpool(root, { fsync: 'interval' });
    append(3);
    const [segment] = spool.own.segments;
    const directory = segment?.directory as string;
    const beats: string[] = [];
    const close = segment?.close.bind(segment) as () => void;
    Object.assign(segment as object, {
      close() {
        beats.push(fileSystem.readFileSync(join(directory, 'h'), 'utf8'));
        close();
      },
    });
    await spool.close();
    expect(beats).toHaveLength(1);
    expect(beats[0]).not.toContain('given up');
    expect(fileSystem.readFileSync(join(directory, 'h'), 'utf8')).toContain('given up');
  });

  test('one that was taken for dead does not count as damaged what it had taken over, and another has now', async () => {
    const root = temporaryDirectory();
    const dead = openSpool(root, { maxBytes: 65_536 });
    for (let i = 0; i < 3; i += 1) dead.append(10, 'x'.repeat(700));
    await dead.spool.close();
    const sleeper = openSpool(root);
    await sleeper.spool.adopt();
    expect(sleeper.spool.adopted.pending).toBe(30);
    const directory = join(root, readdirSync(root)[0] as string);
    moveToOtherHost(directory, { beat: '  given up' });
    unlinkSync(join(directory, 's'));
    const other = openSpool(root);
    await other.spool.adopt();
    expect(await sleeper.drain('adopted')).toStrictEqual([]);
    expect(sleeper.lost.toJSON()).toStrictEqual({});
    expect(sleeper.spool.adopted.pending).toBe(0);
    expect(await other.drain('adopted')).toHaveLength(30);
    expect(other.lost.toJSON()).toStrictEqual({});
  });

  test('a rename whose answer was lost on the network is one all the same', async () => {
    const root = temporaryDirectory();
    const dead = openSpool(root);
    dead.append(3);
    await dead.spool.close();
    const { spool, drain } = openSpool(root);
    const { renameSync } = fileSystem;
    const patch = (own: typeof renameSync): void => {
      fileSystem.renameSync = own;
      syncBuiltinESMExports();
    };
    patch((from, to) => {
      renameSync(from, to);
      throw Object.assign(new Error('ENOENT: no such file or directory'), { code: 'ENOENT' });
    });
    await spool.adopt().finally(() => patch(renameSync));
    expect(await drain('adopted')).toStrictEqual(numbers(1, 3));
  });

  test('a heartbeat that was removed comes back with the next beat; without its directory nothing is said', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const root = temporaryDirectory();
    const { spool } = openSpool(root);
    const directory = join(root, readdirSync(root)[0] as string);
    const path = join(directory, 'h');
    const first = fileSystem.readFileSync(path, 'utf8');
    vi.advanceTimersByTime(10_000);
    const second = fileSystem.readFileSync(path, 'utf8');
    expect(second).not.toBe(first);
    expect(second).toHaveLength(first.length);
    unlinkSync(path);
    vi.advanceTimersByTime(10_000);
    expect(fileSystem.readFileSync(path, 'utf8')).toHaveLength(first.length);
    rmSync(root, { recursive: true });
    vi.advanceTimersByTime(60_000);
    expect(diagnostics.lines).toStrictEqual([]);
    await spool.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
