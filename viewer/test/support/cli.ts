import { PassThrough } from 'node:stream';

import { onTestFinished } from 'vitest';

import { dev } from '../../src/cli.ts';
import type { CliEnvironment } from '../../src/cli.ts';
import type { DevServer } from '../../src/dev/dev-server.ts';

export interface RunningCli {
  /** Resolves when it listens; rejects if it ends without. */
  readonly server: Promise<DevServer>;
  readonly code: Promise<number>;
  readonly out: () => string;
  readonly err: () => string;
  readonly end: () => void;
}

/** Runs the command in this process. It ends with the test. */
export function runDev(args: readonly string[], environment: Partial<CliEnvironment> = {}): RunningCli {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let [out, err] = ['', ''];
  stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ending = new AbortController();
  let onListening: (server: DevServer) => void = () => {};
  const listening = new Promise<DevServer>((resolve) => {
    onListening = resolve;
  });
  const code = dev(args, { stdout, stderr, env: process.env, signal: ending.signal, onListening, ...environment });
  onTestFinished(async () => {
    ending.abort();
    await code;
  });
  const server = Promise.race([
    listening,
    code.then((ended) => {
      throw new Error(`it ended with ${ended}: ${err}`);
    }),
  ]);
  server.catch(() => {});
  return { server, code, out: () => out, err: () => err, end: () => ending.abort() };
}
