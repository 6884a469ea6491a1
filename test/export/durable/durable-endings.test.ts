import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { builtSource } from '../../support/built-source.ts';
import { drain, missing, startChild } from '../../support/durable-process.ts';
import type { ChildOptions, EndedChild } from '../../support/durable-process.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { ReceivedRecord } from '../../support/otlp-receiver.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const source = builtSource();

/** Runs a process that ends in some way while the collector is away, then ships what it left. */
async function endThenShip(
  options: Partial<ChildOptions> & Pick<ChildOptions, 'mode'>,
): Promise<{ ended: EndedChild; records: ReceivedRecord[]; root: string }> {
  const root = join(temporaryDirectory(), 'spool');
  const receiver = await startOtlpReceiver({ answer: { status: 503 } });
  const child = startChild({
    line: '3.x',
    url: receiver.logsUrl,
    module: source.url('export/durable/durable.js'),
    directory: root,
    prefix: 'r',
    markFile: join(temporaryDirectory(), 'marks'),
    exporterTimeoutMillis: 300,
    ...options,
  });
  const ended = await child.ended;
  receiver.answer('ok');
  await drain(root, receiver.logsUrl);
  await receiver.close();
  return { ended, records: receiver.records(), root };
}

function expectAll(records: readonly ReceivedRecord[], count: number): void {
  const arrived = new Set<unknown>(records.map((record) => record.body));
  expect(missing(arrived, 'r', count)).toStrictEqual([]);
  expect(records).toHaveLength(count);
}

describe.each(['3.x', '0.2xx'] as const)('on the %s line nothing is lost', (line) => {
  test.concurrent.each([
    { mode: 'exit', code: 0, what: 'process.exit' },
    { mode: 'return', code: 0, what: 'a program that just ends' },
    { mode: 'throw', code: 1, what: 'an uncaught error' },
    { mode: 'reject', code: 1, what: 'an unhandled rejection' },
    { mode: 'worker-end', code: 0, what: 'the end of a worker' },
  ])('at $what', async ({ mode, code }) => {
    const { ended, records } = await endThenShip({ mode, line, count: 1_000 });
    expect(ended.code).toBe(code);
    expectAll(records, 1_000);
  });
});

describe('when the process is taken away, what the event loop has turned since is kept', () => {
  test.concurrent.each([
    { mode: 'kill-after-turn', signal: 'SIGKILL' },
    { mode: 'kill-after-turn', signal: 'SIGTERM' },
    { mode: 'kill-after-turn', signal: 'SIGINT' },
    { mode: 'abort', signal: 'SIGABRT' },
  ] as const)('by $signal ($mode)', async ({ mode, signal }) => {
    const { ended, records } = await endThenShip({ mode, signal, count: 1_000 });
    expect(ended.signal).toBe(signal);
    expectAll(records, 1_000);
  });

  test.concurrent('by worker.terminate()', async () => {
    const { ended, records } = await endThenShip({ mode: 'worker-terminate', count: 1_000 });
    expect(ended.errors).toBe('');
    expectAll(records, 1_000);
  });

  test.concurrent('within a tick all but the entry that is not full', async () => {
    const { ended, records } = await endThenShip({ mode: 'kill', count: 1_000 });
    expect(ended.signal).toBe('SIGKILL');
    expectAll(records, 512);
  });

  test.concurrent('with flush: record everything, within a tick too', async () => {
    const { ended, records } = await endThenShip({ mode: 'kill', count: 1_000, durable: { flush: 'record' } });
    expect(ended.signal).toBe('SIGKILL');
    expectAll(records, 1_000);
  });
});

test('exit listeners of others that throw or that still log cost nothing', async () => {
  const { ended, records } = await endThenShip({ mode: 'exit-listeners', count: 100 });
  expect(ended.errors).toContain('a listener of another library');
  expectAll(records, 102);
});

test('with a dead collector the process shuts down in time, without an error, and the next start ships the rest', async () => {
  const { ended, records, root } = await endThenShip({
    mode: 'loop',
    count: 20_000,
    exporterTimeoutMillis: 5_000,
    durable: { shutdownTimeoutMillis: 200 },
  });
  const [message] = ended.messages.filter((told) => typeof told === 'object') as [
    { shutdownMillis: number; error: string },
  ];
  expect(message.error).toBe('none');
  // By far: it does not wait for the exporter to give up.
  expect(message.shutdownMillis).toBeLessThan(5_000);
  expectAll(records, 20_000);
  expect(readdirSync(root)).toStrictEqual([]);
});
