import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { describe, expect, it, onTestFinished } from 'vitest';

import { builtSource } from '../support/built-source.ts';
import { bytesBelow } from '../support/daily-file.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const RECORDS = 500;
const source = builtSource();
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const STARTED = `
  import { startSessionLogs } from ${JSON.stringify(source.url('index.js'))};
  const sessions = await startSessionLogs({ shutdownOnSignal: true });
`;

const REGISTERED = `
  import { sharedSessionLogs } from ${JSON.stringify(source.url('index.js'))};
  const sessions = sharedSessionLogs();
`;

/** Logs, says so, and stays as a server does. */
const WORK = `
  for (let n = 0; n < ${RECORDS}; n += 1) void sessions.logChunkToQueue('chunk ' + n, 'abc');
  setInterval(() => {}, 1000);
  console.log('ready');
`;

interface Running {
  readonly child: ChildProcess;
  /** How the process ended: `SIGTERM`, or a code. */
  readonly ended: Promise<NodeJS.Signals | number>;
  readonly directory: string;
  /** What it has printed, first that it is ready. */
  readonly printed: () => string;
}

async function run(script: string, options: { endpoint: string; args?: readonly string[] }): Promise<Running> {
  const directory = temporaryDirectory();
  const child = spawn(process.execPath, [...(options.args ?? []), '--input-type=module', '-e', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    // So long that nothing is exported before the end.
    env: {
      ...process.env,
      LOGS_PATH: directory,
      OTEL_EXPORTER_OTLP_ENDPOINT: options.endpoint,
      OTEL_BLRP_SCHEDULE_DELAY: '600000',
      OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '10000',
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as NodeJS.Signals | number);
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await until(() => printed.includes('\n'), 'it is ready');
  return { child, ended, directory, printed: () => printed };
}

async function startReceiver(): Promise<Awaited<ReturnType<typeof startOtlpReceiver>>> {
  const receiver = await startOtlpReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

/** Takes requests and never answers. */
async function hangingCollector(): Promise<{ readonly url: string; readonly asked: Promise<unknown> }> {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: once(server, 'request') };
}

describe('a signal that would end the process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: everything is exported and in the file, then it ends by it',
    async (signal) => {
      const receiver = await startReceiver();
      const { child, ended, directory } = await run(STARTED + WORK, { endpoint: receiver.url });
      expect(receiver.records()).toHaveLength(0);
      child.kill(signal);
      expect(await ended).toBe(signal);
      expect(receiver.records()).toHaveLength(RECORDS);
      expect(bytesBelow(directory).split('\n')).toHaveLength(RECORDS + 1);
    },
  );

  it('under `--import register` it is so without an option', async () => {
    const receiver = await startReceiver();
    const args = ['--import', source.url('register.js')];
    const { child, ended } = await run(REGISTERED + WORK, { endpoint: receiver.url, args });
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    expect(receiver.records()).toHaveLength(RECORDS);
  });

  it('without the option it ends at once', async () => {
    const receiver = await startReceiver();
    const { child, ended } = await run(STARTED.replace('shutdownOnSignal: true', '') + WORK, {
      endpoint: receiver.url,
    });
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    expect(receiver.records()).toHaveLength(0);
  });

  it('two instances, of which one is shut down: the other is waited for', async () => {
    const receiver = await startReceiver();
    const second = `
      const other = await startSessionLogs({ shutdownOnSignal: true, file: false });
      await other.shutdown();
    `;
    const { child, ended } = await run(STARTED + second + WORK, { endpoint: receiver.url });
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    expect(receiver.records()).toHaveLength(RECORDS);
  });

  it('a handler of the application decides: it may go on', async () => {
    const receiver = await startReceiver();
    const handler = `
      process.on('SIGTERM', () => console.log('handled'));
      process.on('SIGUSR2', () => process.exit(7));
    `;
    const { child, ended } = await run(STARTED + handler + WORK, { endpoint: receiver.url });
    const handled = once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGTERM');
    expect(String(await handled)).toBe('handled\n');
    child.kill('SIGUSR2');
    expect(await ended).toBe(7);
  });

  it.each(['signal-exit', 'signal-exit-3'])(
    'listeners of %s, which end the process themselves, are none of its',
    async (name) => {
      const receiver = await startReceiver();
      const beside = `
      import * as module from ${JSON.stringify(import.meta.resolve(name))};
      const onExit = module.onExit ?? module.default;
      onExit(() => console.log('left'));
    `;
      const { child, ended } = await run(beside + STARTED + WORK, { endpoint: receiver.url });
      const left = once(child.stdout as NodeJS.ReadableStream, 'data');
      child.kill('SIGTERM');
      expect(await ended).toBe('SIGTERM');
      expect(String(await left)).toBe('left\n');
      expect(receiver.records()).toHaveLength(RECORDS);
    },
  );

  it('a collector that does not answer: the second signal ends it at once', async () => {
    const { url, asked } = await hangingCollector();
    const { child, ended, directory } = await run(STARTED + WORK, { endpoint: url });
    child.kill('SIGINT');
    await asked;
    expect(child.exitCode ?? child.signalCode).toBeNull();
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
    expect(bytesBelow(directory).split('\n')).toHaveLength(RECORDS + 1);
  });

  it('after the shutdown of the last instance nothing listens any more', async () => {
    const receiver = await startReceiver();
    const end = `
      await sessions.shutdown();
      await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT'));
    `;
    const { ended, printed } = await run(`${STARTED}console.log('ready');${end}`, { endpoint: receiver.url });
    expect(await ended).toBe(0);
    expect(printed()).toBe('ready\n0\n');
  });
});
