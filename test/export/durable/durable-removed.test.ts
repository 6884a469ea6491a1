import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { builtSource } from '../../support/built-source.ts';
import { drain, missing, startChild } from '../../support/durable-process.ts';
import type { ChildOptions, RunningChild } from '../../support/durable-process.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../../support/otlp-receiver.ts';
import { segmentPaths } from '../../support/spool-harness.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const source = builtSource();

/** A process with these records in its spool, whose collector is down. */
async function startOwner(root: string, options: Partial<ChildOptions> = {}): Promise<RunningChild> {
  const receiver = await startOtlpReceiver({ answer: { status: 503 } });
  const owner = startChild({
    mode: 'burst',
    count: 1_461,
    line: '3.x',
    url: receiver.logsUrl,
    module: source.url('export/durable/durable.js'),
    directory: root,
    prefix: 'r',
    tellsStats: true,
    ...options,
  });
  onTestFinished(async () => {
    owner.process.kill('SIGKILL');
    await owner.ended;
    await receiver.close();
  });
  await owner.told('emitted');
  return owner;
}

async function kill(owner: RunningChild): Promise<void> {
  owner.process.kill('SIGKILL');
  await owner.ended;
}

/** Ships what is left, and checks that all records arrived and that nothing is counted as lost. */
async function shipsAll(root: string, receiver: OtlpReceiver, count = 1_461): Promise<void> {
  const stats = await drain(root, receiver.logsUrl);
  const arrived = receiver.records().map((record) => record.body);
  expect(missing(new Set(arrived), 'r', count)).toStrictEqual([]);
  expect(stats.lost).toStrictEqual({});
}

function ownerIn(root: string): string {
  const name = readdirSync(root).find((each) => each.startsWith('o-'));
  return join(root, name as string);
}

const isBack = (root: string, count = 1): boolean => existsSync(root) && segmentPaths(root).length >= count;

describe('what is removed while the process runs is made again', () => {
  test.each([
    { what: 'the whole spool', remove: (root: string) => rmSync(root, { recursive: true }) },
    { what: 'the directory of the process', remove: (root: string) => rmSync(ownerIn(root), { recursive: true }) },
    {
      what: 'the segment files alone',
      remove: (root: string) => segmentPaths(root).forEach((path) => unlinkSync(path)),
    },
  ])('$what: after a SIGKILL the next process ships every record', async ({ remove }) => {
    const root = join(temporaryDirectory(), 'spool');
    // Segments of 16 KiB, so that there are several.
    const owner = await startOwner(root, { perTick: 20, durable: { maxBytes: 131_072 } });
    const files = segmentPaths(root).length;
    expect(files).toBeGreaterThan(2);
    remove(root);
    await until(() => isBack(root, files), 'the files are back');
    const stats = await owner.stats();
    expect(stats).toMatchObject({ pending: { own: 1_461, adopted: 0 }, lost: {} });
    expect(owner.said().filter((line) => line.includes('were removed'))).toHaveLength(1);
    await kill(owner);
    const receiver = await startOtlpReceiver();
    await shipsAll(root, receiver);
    expect(receiver.records()).toHaveLength(1_461);
    await receiver.close();
  });

  test('an end of the process within that second, by itself: nothing is lost either', async () => {
    const root = join(temporaryDirectory(), 'spool');
    const down = await startOtlpReceiver({ answer: { status: 503 } });
    const owner = startChild({
      mode: 'remove-and-exit',
      count: 200,
      line: '3.x',
      url: down.logsUrl,
      module: source.url('export/durable/durable.js'),
      directory: root,
      prefix: 'r',
    });
    await owner.ended;
    const receiver = await startOtlpReceiver();
    await shipsAll(root, receiver, 200);
    await Promise.all([receiver.close(), down.close()]);
  });

  test('a spool that cannot be made again is told, and made as soon as it can be', async () => {
    const parent = temporaryDirectory();
    const root = join(parent, 'spool');
    const owner = await startOwner(root);
    renameSync(root, join(parent, 'away'));
    rmSync(join(parent, 'away'), { recursive: true });
    // Somebody planted a link meanwhile, which must not be followed.
    const planted = join(parent, 'planted');
    mkdirSync(planted, { mode: 0o700 });
    symlinkSync(planted, root);
    await until(() => owner.said().some((line) => line.includes('cannot be written to')), 'it is told');
    expect(readdirSync(planted)).toStrictEqual([]);
    unlinkSync(root);
    await until(() => isBack(root), 'the files are back');
    expect(await owner.stats()).toMatchObject({ pending: { own: 1_461 }, lost: {} });
    await kill(owner);
    const receiver = await startOtlpReceiver();
    await shipsAll(root, receiver);
    await receiver.close();
  });

  test('what was taken over and is gone with the directory is counted as lost, with its reason', async () => {
    const root = join(temporaryDirectory(), 'spool');
    // Two files: the first is open, since it is being sent; the second has not been opened.
    const first = await startOwner(root, { count: 10 });
    const second = await startOwner(root, { count: 7, prefix: 's' });
    await kill(first);
    await kill(second);
    const down = await startOtlpReceiver({ answer: { status: 503 } });
    const options = { url: down.logsUrl, durable: { maxExportBatchSize: 5 } };
    const owner = await startOwner(root, { count: 5, prefix: 't', ...options });
    await down.until(() => down.requests.some(({ records }) => records[0]?.body === 'r-1'));
    expect(readdirSync(root)).toHaveLength(1);
    rmSync(root, { recursive: true });
    await until(() => isBack(root, 2), 'the files are back');
    let stats = await owner.stats();
    for (let i = 0; i < 100 && stats.lost['spool_removed'] === undefined; i += 1) stats = await owner.stats();
    expect(stats).toMatchObject({ pending: { own: 5, adopted: 10 }, lost: { spool_removed: 7 } });
    expect(owner.said().find((line) => line.includes('lost'))).toContain('7 records are lost');
    await down.close();
  });
});

describe('a living owner that looks dead', () => {
  test('makes its socket again when that was removed', async () => {
    const root = join(temporaryDirectory(), 'spool');
    const owner = await startOwner(root);
    const before = segmentPaths(root);
    unlinkSync(join(ownerIn(root), 's'));
    await until(() => existsSync(join(ownerIn(root), 's')), 'the socket is back');
    // Another process finds it alive and takes nothing.
    const up = await startOtlpReceiver();
    const other = await startOther(root, up);
    expect((await other.stats()).pending.adopted).toBe(0);
    expect(up.records()).toStrictEqual([]);
    expect(segmentPaths(root)).toStrictEqual(before);
    expect(owner.said().filter((line) => line.includes('were removed'))).toHaveLength(1);
    await kill(owner);
    await kill(other);
    await shipsAll(root, up);
    await up.close();
  });

  test('taken over all the same, it writes again what is not settled: nothing is lost, nothing counted twice', async () => {
    const root = join(temporaryDirectory(), 'spool');
    const owner = await startOwner(root, { count: 100 });
    const directory = ownerIn(root);
    // Stopped, it cannot see it: as if the other process were a moment faster.
    owner.process.kill('SIGSTOP');
    unlinkSync(join(directory, 's'));
    const up = await startOtlpReceiver();
    const other = await startOther(root, up);
    await up.until(() => up.records().length >= 100);
    expect(existsSync(directory)).toBe(false);
    owner.process.kill('SIGCONT');
    await until(() => owner.said().some((line) => line.includes('were removed')), 'it has noticed');
    const stats = await owner.stats();
    expect(stats).toMatchObject({ received: 100, pending: { own: 100, adopted: 0 }, exported: 0, lost: {} });
    expect(await other.stats()).toMatchObject({ exported: 100, lost: {} });
    await kill(owner);
    await kill(other);
    await shipsAll(root, up, 100);
    // At least once: the other process had sent them meanwhile.
    expect(up.records()).toHaveLength(200);
    await up.close();
  });

  test('its adopted records are left to the process that took them', async () => {
    const root = join(temporaryDirectory(), 'spool');
    const dead = await startOwner(root, { count: 50 });
    await kill(dead);
    // It takes over 50 records that it cannot send, and is taken for dead itself.
    const owner = await startOwner(root, { count: 5, prefix: 'own' });
    await until(() => readdirSync(root).length === 1, 'they are taken over');
    for (let stats = await owner.stats(); stats.pending.adopted < 50;) stats = await owner.stats();
    owner.process.kill('SIGSTOP');
    unlinkSync(join(ownerIn(root), 's'));
    const down = await startOtlpReceiver({ answer: { status: 503 } });
    const other = await startOther(root, down);
    for (let stats = await other.stats(); stats.pending.adopted < 55;) stats = await other.stats();
    owner.process.kill('SIGCONT');
    await until(() => owner.said().some((line) => line.includes('were removed')), 'it has noticed');
    expect(await owner.stats()).toMatchObject({ pending: { own: 5 }, lost: {} });
    await kill(owner);
    await kill(other);
    const up = await startOtlpReceiver();
    await shipsAll(root, up, 50);
    await Promise.all([up.close(), down.close()]);
  });
});

/** A process on the same spool, which has looked for dead owners once. */
async function startOther(root: string, receiver: OtlpReceiver): Promise<RunningChild> {
  const other = startChild({
    mode: 'burst',
    count: 0,
    line: '3.x',
    url: receiver.logsUrl,
    module: source.url('export/durable/durable.js'),
    directory: root,
    prefix: 'other',
    tellsStats: true,
  });
  onTestFinished(async () => {
    other.process.kill('SIGKILL');
    await other.ended;
  });
  await other.told('emitted');
  return other;
}
