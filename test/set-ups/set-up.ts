import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { HostLine } from '../hosts/host-project.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';

const run = promisify(execFile);

const PROGRAM_MILLIS = 120_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

/** What a command said. */
export interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command; rejects with all that it said when it fails. */
export async function command(
  [program = '', ...args]: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Said> {
  const settings = { cwd, env: { ...cleanEnvironment(), ...env }, timeout: PROGRAM_MILLIS * 4, maxBuffer: MAX_OUTPUT };
  return run(program, args, settings).catch((error: unknown) => {
    const { message, stdout, stderr } = error as Error & Said;
    throw new Error(`${message.split('\n')[0]}\n${stdout}\n${stderr}`.slice(0, 4_000));
  });
}

/** What this process was told about OpenTelemetry is not for the hosts. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:OTEL_|LOGS_PATH$|NODE_OPTIONS$)/.test(name)),
  );
}

/** A host project with the packed package, the packages of a line, and the files of a folder beside this one. */
export async function makeHost(
  directory: string,
  tarball: string,
  line: HostLine,
  files: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await cp(join(import.meta.dirname, files), directory, { recursive: true });
  const dependencies = { 'otel-session-logs': `file:${tarball}`, ...line.dependencies, ...more };
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  await command(['npm', 'install', '--no-audit', '--no-fund'], directory);
}

/** What the program of these set-ups prints. */
interface Printed {
  readonly read: readonly string[];
  readonly reports: readonly string[];
  readonly lines: readonly string[];
  readonly lost: Readonly<Record<string, number>>;
}

const MESSAGES = [...Array.from({ length: 10 }, (_, index) => `chunk ${index}`), 'leveled'];

/** Runs a program that does what `bundlers/program.mjs` does; rejects unless every record was read, written and received. */
export async function runProgram(start: readonly string[], cwd: string): Promise<void> {
  const receiver = await startOtlpReceiver();
  try {
    const env = {
      LOGS_PATH: await mkdtemp(join(cwd, 'logs-')),
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_SERVICE_NAME: 'set-up',
    };
    const { stdout } = await command(start, cwd, env);
    checkPrinted(stdout, receiver);
  } finally {
    await receiver.close();
  }
}

/** @throws unless what such a program prints, and what arrived, is what it wrote. */
export function checkPrinted(text: string, receiver: OtlpReceiver): void {
  const { read, reports, lines, lost } = JSON.parse(text) as Printed;
  assert.deepEqual(reports, [], 'something was reported');
  assert.deepEqual(lost, {}, 'something was lost');
  assert.deepEqual(read, MESSAGES, 'read is not what was written');
  const received = receiver.records();
  assert.deepEqual(
    received.map(({ body }) => body),
    MESSAGES,
    'received is not what was written',
  );
  assert.equal(received[0]?.resource['service.name'], 'set-up');
  const written = lines.map((line) => MESSAGES.find((message) => line.includes(message)));
  assert.deepEqual(written, MESSAGES, 'the daily file is not what was written');
}
