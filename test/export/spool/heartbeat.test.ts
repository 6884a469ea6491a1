import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { Heartbeat, readBeat } from '../../../src/export/spool/heartbeat.ts';
import { hostOf } from '../../../src/export/owner-host.ts';
import { recordDiagnostics } from '../../support/diagnostics.ts';
import { cannotLoop, cannotMount, LoopDisk, mountTmpfs } from '../../support/loop-disk.ts';
import { openSpool } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const diagnostics = recordDiagnostics();

const reason = cannotLoop === undefined ? '' : ` (skipped: ${cannotLoop})`;

test('a beat says where the owner runs, and each has another value of the same length', () => {
  const directory = temporaryDirectory();
  const host = { name: 'web "1"', boot: 'b', key: 'k' };
  const heartbeat = new Heartbeat(host);
  const values = Array.from({ length: 12 }, () => {
    heartbeat.beat(directory);
    const beat = readBeat(directory);
    expect(beat).toMatchObject({ host, isGivenUp: false });
    return beat.value;
  });
  heartbeat.giveUp(directory);
  expect(readBeat(directory)).toMatchObject({ host, isGivenUp: true });
  values.push(readBeat(directory).value);
  expect(new Set(values).size).toBe(13);
  expect(new Set(values.map((value) => value.length)).size).toBe(1);
});

describe.skipIf(cannotLoop !== undefined)(`on a disk of its own${reason}`, () => {
  function disk(): LoopDisk {
    const loop = LoopDisk.create(8);
    onTestFinished(() => loop.remove());
    return loop;
  }

  test('it beats on while the disk is full', () => {
    const { path } = disk();
    const heartbeat = new Heartbeat(hostOf(path));
    heartbeat.beat(path);
    expect(() => writeFileSync(join(path, 'all'), Buffer.alloc(16 * 1024 * 1024))).toThrow(/ENOSPC/);
    // A write that fails may leave a block or two.
    const fill = (): void => {
      for (let n = 0; n < 4_096; n += 1) writeFileSync(join(path, `more-${n}`), Buffer.alloc(4096));
    };
    expect(fill).toThrow(/ENOSPC/);
    const before = readBeat(path).value;
    heartbeat.beat(path);
    expect(readBeat(path).value).not.toBe(before);
  });

  test('it says nothing while the disk is read-only, and beats on after that', () => {
    const { path } = disk();
    const heartbeat = new Heartbeat(hostOf(path));
    heartbeat.beat(path);
    const before = readBeat(path).value;
    execFileSync('mount', ['-o', 'remount,ro', path]);
    heartbeat.beat(path);
    expect(readBeat(path).value).toBe(before);
    execFileSync('mount', ['-o', 'remount,rw', path]);
    heartbeat.beat(path);
    expect(readBeat(path).value).not.toBe(before);
    expect(diagnostics.lines).toStrictEqual([]);
  });
});

describe('the key of a host', () => {
  test('is one for all directories of a file system, and says nothing of the machine', () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'a'));
    const { key, name, boot } = hostOf(root);
    expect(hostOf(join(root, 'a'))).toStrictEqual({ key, name, boot });
    expect(key).toMatch(/^[0-9a-f]{16}$/);
  });

  test.skipIf(cannotMount !== undefined)(
    `is another one where a volume is mounted again${cannotMount === undefined ? '' : ` (skipped: ${cannotMount})`}`,
    () => {
      const disks = [mountTmpfs('1m'), mountTmpfs('1m')];
      onTestFinished(() => disks.forEach((each) => each.remove()));
      expect(new Set(disks.map(({ path }) => hostOf(path).key)).size).toBe(2);
    },
  );
});

test('an owner without any record has a heartbeat, and leaves nothing when it ends', async () => {
  const root = temporaryDirectory();
  const { spool } = openSpool(root);
  const [name] = readdirSync(root) as [string];
  expect(readBeat(join(root, name))).toMatchObject({ host: hostOf(root), isGivenUp: false });
  await spool.close();
  expect(readdirSync(root)).toStrictEqual([]);
});
