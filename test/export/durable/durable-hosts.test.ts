import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { readBeat } from '../../../src/export/spool/heartbeat.ts';
import { hostOf } from '../../../src/export/owner-host.ts';
import { OwnerWatch } from '../../../src/export/spool/owner-watch.ts';
import { builtSource } from '../../support/built-source.ts';
import { whyNoContainer } from '../../support/container.ts';
import { missing, startChild } from '../../support/durable-process.ts';
import type { ChildOptions, Pretence, RunningChild } from '../../support/durable-process.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../../support/otlp-receiver.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

/** Processes have to come up, and a part of a minute to pass. */
const PATIENTLY = { timeout: 120_000 };

const source = builtSource();
const cannotContain = whyNoContainer();

/** A minute of these processes takes 7.5 seconds: a busy machine does not stop a heart for so long. */
const SPEED = 8;
/** Of a process beside which nobody lives who could be taken for dead. */
const HIGH_SPEED = 20;
/** Seen from each other, processes with these are on hosts of their own: the kernel of neither finds the other's socket. */
const FIRST: Pretence = { host: 'web-1', boot: 'b-1', hidesSockets: true, speed: SPEED };
const SECOND: Pretence = { host: 'web-2', boot: 'b-2', hidesSockets: true, speed: SPEED };

async function receiverThat(answers: 'ok' | 503): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver(answers === 503 ? { answer: { status: 503 } } : {});
  onTestFinished(() => receiver.close());
  return receiver;
}

/** A process with 100 records in its spool, or as many as are given. */
async function start(
  root: string,
  receiver: OtlpReceiver,
  pretends: Pretence,
  options: Partial<ChildOptions> = {},
): Promise<RunningChild> {
  const child = startChild({
    mode: 'burst',
    count: 100,
    line: '3.x',
    url: receiver.logsUrl,
    module: source.url('export/durable/durable.js'),
    directory: root,
    prefix: pretends.host ?? 'r',
    tellsStats: true,
    pretends,
    ...options,
  });
  onTestFinished(async () => {
    child.process.kill('SIGKILL');
    await child.ended;
  });
  if (options.mode === undefined) await child.told('emitted');
  return child;
}

async function kill(child: RunningChild): Promise<void> {
  child.process.kill('SIGKILL');
  await child.ended;
}

const bodies = (receiver: OtlpReceiver): unknown[] => receiver.records().map((record) => record.body);
const owners = (root: string): string[] => readdirSync(root).filter((name) => name.startsWith('o-'));

describe('what a killed process left is taken over after a minute without a heartbeat', PATIENTLY, () => {
  test.each([
    { what: 'the computer was started anew', next: { boot: 'b-2' } },
    { what: 'the next container on the same kernel', next: { host: 'web-2' } },
    { what: 'another host', next: SECOND },
  ])('$what', async ({ next }) => {
    const root = join(temporaryDirectory(), 'spool');
    const down = await receiverThat(503);
    const up = await receiverThat('ok');
    await kill(await start(root, down, FIRST));
    const began = performance.now();
    const successor = await start(
      root,
      up,
      { ...FIRST, hidesSockets: false, ...next, speed: HIGH_SPEED },
      { count: 0 },
    );
    await until(() => up.records().length >= 100, 'they arrive', 60_000);
    // All of a minute, of its own.
    expect(performance.now() - began).toBeGreaterThan(60_000 / HIGH_SPEED);
    expect(missing(new Set(bodies(up)), 'web-1', 100)).toStrictEqual([]);
    expect(up.records()).toHaveLength(100);
    expect(await successor.stats()).toMatchObject({ exported: 100, lost: {} });
    expect(owners(root)).toHaveLength(1);
  });
});

test('at once when the process ended by itself, with all of it on the volume', PATIENTLY, async () => {
  const root = join(temporaryDirectory(), 'spool');
  const down = await receiverThat(503);
  const up = await receiverThat('ok');
  const ended = await start(root, down, FIRST, { mode: 'loop', durable: { shutdownTimeoutMillis: 200 } });
  await ended.ended;
  expect(owners(root)).toHaveLength(1);
  // Its minute takes a minute.
  await start(root, up, { host: 'web-2', boot: 'b-2', hidesSockets: true }, { count: 0 });
  await until(() => up.records().length >= 100, 'they arrive', 30_000);
  expect(missing(new Set(bodies(up)), 'web-1', 100)).toStrictEqual([]);
});

test('two hosts on one volume leave each other alone as long as both live', PATIENTLY, async () => {
  const root = join(temporaryDirectory(), 'spool');
  const down = await receiverThat(503);
  const up = await receiverThat('ok');
  const first = await start(root, down, FIRST);
  const second = await start(root, up, SECOND);
  await until(() => up.records().length >= 100, 'the second ships its own');
  const before = owners(root);
  expect(before).toHaveLength(2);
  const end = performance.now() + 90_000 / SPEED;
  await until(() => performance.now() > end, 'a minute and a half of theirs');
  expect(owners(root)).toStrictEqual(before);
  expect(await first.stats()).toMatchObject({ pending: { own: 100, adopted: 0 }, lost: {} });
  expect(await second.stats()).toMatchObject({ exported: 100, pending: { adopted: 0 }, lost: {} });
  expect([...first.said(), ...second.said()].filter((line) => line.includes('were removed'))).toStrictEqual([]);
  // Then one dies.
  await kill(first);
  await until(() => up.records().length >= 200, 'the second ships those of the first', 60_000);
  expect(missing(new Set(bodies(up)), 'web-1', 100)).toStrictEqual([]);
  expect(up.records()).toHaveLength(200);
});

test('a container whose socket can be reached is alive, also when its heart does not beat', PATIENTLY, async () => {
  const root = join(temporaryDirectory(), 'spool');
  const down = await receiverThat(503);
  const up = await receiverThat('ok');
  const stopped = await start(root, down, { host: 'c-1', boot: 'b-1' });
  stopped.process.kill('SIGSTOP');
  const other = await start(root, up, { host: 'c-2', boot: 'b-1', speed: HIGH_SPEED }, { count: 0 });
  const end = performance.now() + 90_000 / HIGH_SPEED;
  await until(() => performance.now() > end, 'a minute and a half of its own');
  expect(await other.stats()).toMatchObject({ pending: { adopted: 0 }, exported: 0 });
  expect(up.records()).toStrictEqual([]);
  stopped.process.kill('SIGCONT');
  expect(await stopped.stats()).toMatchObject({ pending: { own: 100 }, lost: {} });
});

test.skipIf(cannotContain !== undefined)(
  `a container on this kernel is alive while its socket accepts, and waited for when it was killed${cannotContain === undefined ? '' : ` (skipped: ${cannotContain})`}`,
  PATIENTLY,
  async () => {
    const root = join(temporaryDirectory(), 'spool');
    const down = await receiverThat(503);
    const container = await start(root, down, {}, { container: 'c-1' });
    const path = join(root, owners(root)[0] as string);
    const watch = new OwnerWatch(root);
    expect(readBeat(path).host).toMatchObject({ name: 'c-1', boot: hostOf(root).boot });
    expect(await watch.look(path)).toBe('alive');
    await kill(container);
    await until(() => !existsSync(`/proc/${container.process.pid}`), 'it is gone');
    let state = await watch.look(path);
    for (let i = 0; i < 1_000 && state === 'alive'; i += 1) state = await watch.look(path);
    expect(state).toBe('waiting');
    // Who has its name need not wait.
    const up = await receiverThat('ok');
    await start(root, up, { host: 'c-1' }, { count: 0 });
    await until(() => up.records().length >= 100, 'they arrive', 30_000);
  },
);

test('a host that slept, and was taken for dead, writes again what is not settled', PATIENTLY, async () => {
  const root = join(temporaryDirectory(), 'spool');
  const down = await receiverThat(503);
  const up = await receiverThat('ok');
  const sleeper = await start(root, down, FIRST);
  const [directory] = owners(root) as [string];
  sleeper.process.kill('SIGSTOP');
  const other = await start(root, up, { ...SECOND, speed: HIGH_SPEED }, { count: 0 });
  await until(() => up.records().length >= 100, 'they are taken over', 60_000);
  expect(existsSync(join(root, directory))).toBe(false);
  sleeper.process.kill('SIGCONT');
  await until(() => sleeper.said().some((line) => line.includes('were removed')), 'it has noticed');
  expect(await sleeper.stats()).toMatchObject({ received: 100, pending: { own: 100 }, exported: 0, lost: {} });
  expect(owners(root)).toHaveLength(2);
  // It dies for good: what it wrote again is shipped once more.
  await kill(sleeper);
  await until(() => up.records().length >= 200, 'they are taken over again', 60_000);
  expect(missing(new Set(bodies(up)), 'web-1', 100)).toStrictEqual([]);
  expect(await other.stats()).toMatchObject({ exported: 200, lost: {} });
});
