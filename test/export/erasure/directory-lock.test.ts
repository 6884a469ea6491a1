import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { tryLock, withDirectoryLock } from '../../../src/export/erasure/directory-lock.ts';
import { hostOf } from '../../../src/export/owner-host.ts';
import { cannotMount, mountTmpfs } from '../../support/loop-disk.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

/** A lock that is only broken when it is stale is broken after 15 s: these are about those that are broken at once. */
const AT_ONCE = { timeout: 12_000 };
/** Many times as long as between two tries. */
const SEVERAL_TRIES = 200;

/** The id of a process of this machine that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

interface Locked {
  readonly directory: string;
  readonly path: string;
}

function lockedBy(text: string): Locked {
  const directory = temporaryDirectory();
  const path = join(directory, '.erasing');
  writeFileSync(path, text);
  return { directory, path };
}

const lockOf = (pid: unknown, key: string): string => JSON.stringify({ key, pid, id: '0123456789ab' });

/** Checks that a lock is respected while it is there. */
async function expectRespected({ directory, path }: Locked): Promise<void> {
  const text = readFileSync(path, 'utf8');
  let hasRun = false;
  const working = withDirectoryLock(directory, async () => {
    hasRun = true;
  });
  await delay(SEVERAL_TRIES);
  expect([hasRun, readFileSync(path, 'utf8')]).toEqual([false, text]);
  unlinkSync(path);
  await working;
  expect([hasRun, existsSync(path)]).toEqual([true, false]);
}

describe('work under the lock of a directory', () => {
  it('runs one after the other, and the lock goes with the last', async () => {
    const directory = temporaryDirectory();
    let running = 0;
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        withDirectoryLock(directory, async () => {
          running += 1;
          expect(running).toBe(1);
          await delay(5);
          running -= 1;
          return n;
        }),
      ),
    );
    expect(results).toEqual([1, 2, 3, 4]);
    expect(existsSync(join(directory, '.erasing'))).toBe(false);
  });

  it('that fails leaves no lock', async () => {
    const directory = temporaryDirectory();
    const failing = withDirectoryLock(directory, () => Promise.reject(new Error('work failed')));
    await expect(failing).rejects.toThrow('work failed');
    expect(tryLock(directory)).toBeDefined();
  });

  it('in a directory that is removed meanwhile ends well; in one that is not there it does not begin', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    mkdirSync(directory);
    await expect(
      withDirectoryLock(directory, async () => {
        rmSync(directory, { recursive: true });
        return 'done';
      }),
    ).resolves.toBe('done');
    await expect(withDirectoryLock(directory, async () => {})).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not release the lock of a process that took this one for dead', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, '.erasing');
    const other = lockOf(process.pid, 'other');
    await withDirectoryLock(directory, async () => {
      // As after a suspension of minutes.
      unlinkSync(path);
      writeFileSync(path, other);
    });
    expect(readFileSync(path, 'utf8')).toBe(other);
  });
});

describe('a lock that is found', () => {
  it('of a process of this machine that has ended is broken at once', AT_ONCE, async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, '.erasing'), lockOf(deadPid(), hostOf(directory).key));
    await expect(withDirectoryLock(directory, async () => 'done')).resolves.toBe('done');
  });

  it.each<[string, (path: string) => void]>([
    ['a link to a file of others', (path) => symlinkSync('/etc/hostname', path)],
    ['a link to nowhere', (path) => symlinkSync('/nowhere', path)],
    ['a directory', (path) => mkdirSync(path)],
    ['a pipe that nobody reads', (path) => void execFileSync('mkfifo', [path])],
  ])(
    'and is %s, which no process of this package makes, is moved out of the way at once',
    AT_ONCE,
    async (_what, plant) => {
      const directory = temporaryDirectory();
      plant(join(directory, '.erasing'));
      const before = existsSync('/etc/hostname') ? readFileSync('/etc/hostname', 'utf8') : undefined;
      await expect(withDirectoryLock(directory, async () => 'done')).resolves.toBe('done');
      if (before !== undefined) expect(readFileSync('/etc/hostname', 'utf8')).toBe(before);
    },
  );

  it('of a living process is respected', async () => {
    const locked = lockedBy('');
    writeFileSync(locked.path, lockOf(process.pid, hostOf(locked.directory).key));
    await expectRespected(locked);
  });

  it('of another machine is respected, whatever process has its number here', async () => {
    await expectRespected(lockedBy(lockOf(deadPid(), 'another')));
  });

  it.each(['', '{"key":"', 'null', '{}', lockOf('1', 'x')])(
    'and is damaged (%j) is respected until it is stale',
    async (text) => {
      await expectRespected(lockedBy(text));
    },
  );

  it('is broken by one of several processes only', AT_ONCE, async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, '.erasing'), lockOf(deadPid(), hostOf(directory).key));
    let running = 0;
    await Promise.all(
      Array.from({ length: 8 }, () =>
        withDirectoryLock(directory, async () => {
          running += 1;
          expect(running).toBe(1);
          await delay(1);
          running -= 1;
        }),
      ),
    );
  });
});

describe('tryLock', () => {
  it('gives the lock to one, and to the next once that has released it', () => {
    const directory = temporaryDirectory();
    const release = tryLock(directory);
    expect(tryLock(directory)).toBeUndefined();
    release?.();
    expect(tryLock(directory)).toBeDefined();
  });

  it('fails where there is no directory', () => {
    expect(() => tryLock(join(temporaryDirectory(), 'none'))).toThrow('ENOENT');
  });

  it.skipIf(cannotMount !== undefined)(
    `leaves nothing behind on a full disk${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
    async () => {
      const disk = mountTmpfs('1m');
      onTestFinished(() => disk.remove());
      const filling = join(disk.path, 'filling');
      const { bavail, bsize } = statfsSync(disk.path);
      writeFileSync(filling, Buffer.alloc(bavail * bsize));
      expect(() => tryLock(disk.path)).toThrow('ENOSPC');
      expect(existsSync(join(disk.path, '.erasing'))).toBe(false);
      rmSync(filling);
      await until(() => tryLock(disk.path) !== undefined);
    },
  );
});
