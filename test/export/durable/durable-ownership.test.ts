import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';

import { expect, onTestFinished, test } from 'vitest';

import { DurableLogRecordProcessor } from '../../../src/export/durable/durable.ts';
import { Liveness } from '../../../src/export/spool/liveness.ts';
import { builtSource } from '../../support/built-source.ts';
import { startChild } from '../../support/durable-process.ts';
import type { RunningChild } from '../../support/durable-process.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { ScriptedExporter } from '../../support/scripted-exporter.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const source = builtSource();

async function startOwner(root: string): Promise<RunningChild> {
  const receiver = await startOtlpReceiver({ answer: { status: 503 } });
  const child = startChild({
    mode: 'burst',
    count: 100,
    line: '3.x',
    url: receiver.logsUrl,
    module: source.url('export/durable/durable.js'),
    directory: root,
    prefix: 'r',
  });
  onTestFinished(async () => {
    child.process.kill('SIGKILL');
    await receiver.close();
  });
  await child.told('emitted');
  return child;
}

test('a stopped process is alive, also when its connections are not accepted any more', async () => {
  const root = join(temporaryDirectory(), 'spool');
  const owner = await startOwner(root);
  owner.process.kill('SIGSTOP');
  const [name] = readdirSync(root) as [string];
  const path = join(root, name);
  // Its backlog fills up; from then on the kernel says EAGAIN.
  const sockets = Array.from({ length: 700 }, () => connect(join(path, 's')).on('error', () => {}));
  await delay(200);
  expect(await Liveness.isAlive(path)).toBe(true);
  const exporter = new ScriptedExporter();
  const other = new DurableLogRecordProcessor({ exporter, directory: root });
  await delay(300);
  expect(other.stats().pending.adopted).toBe(0);
  expect(exporter.calls).toHaveLength(0);
  for (const socket of sockets) socket.destroy();
  owner.process.kill('SIGCONT');
  await other.shutdown();
});

test('what a process leaves that dies beside a long-lived one is taken over without a restart', async () => {
  const root = join(temporaryDirectory(), 'spool');
  const owner = await startOwner(root);
  const exporter = new ScriptedExporter();
  const longLived = new DurableLogRecordProcessor({ exporter, directory: root });
  onTestFinished(() => longLived.shutdown());
  await delay(200);
  expect(exporter.calls).toHaveLength(0);
  owner.process.kill('SIGKILL');
  await until(() => exporter.delivered.length === 100, 'the records are taken over', 15_000);
});

test('a worker of a cluster that dies is found dead while its primary and the others live', async () => {
  const root = join(temporaryDirectory(), 'spool');
  const script = fileURLToPath(new URL('../../support/cluster-child.mjs', import.meta.url));
  const primary: ChildProcess = fork(script, [source.url('export/durable/durable.js'), root], { execArgv: [] });
  onTestFinished(() => void primary.send('end'));
  await new Promise((resolve) => primary.once('message', resolve));
  const exporter = new ScriptedExporter();
  const first = new DurableLogRecordProcessor({ exporter, directory: root });
  await delay(200);
  expect(exporter.calls).toHaveLength(0);
  await first.shutdown();
  primary.send('kill one');
  await delay(200);
  const second = new DurableLogRecordProcessor({ exporter, directory: root });
  onTestFinished(() => second.shutdown());
  await until(() => exporter.delivered.length === 100);
  await delay(100);
  expect(exporter.delivered).toHaveLength(100);
});
