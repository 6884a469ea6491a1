import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver, ReceivedRecord } from '../support/otlp-receiver.ts';

const run = promisify(execFile);

const PROGRAM_MILLIS = 60_000;

interface Emitted {
  readonly sessionId?: string;
  readonly body: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Part {
  readonly emitted: readonly Emitted[];
  readonly read: readonly (readonly { sessionId: string; message: string; kind: string; logType: string }[])[];
  readonly lost: Readonly<Record<string, number>>;
}

interface Result {
  readonly node: string;
  readonly own: Part;
  readonly started: Part & { readonly lines: readonly string[] };
}

/** Runs the host's program on a Node version; rejects unless every record was read live, and received, as it was emitted. */
export async function runHostProgram(directory: string, node: string, expectedVersion: string): Promise<void> {
  const own = await startOtlpReceiver();
  const started = await startOtlpReceiver();
  try {
    const { stdout } = await run(node, [join('built', 'main.js')], {
      cwd: directory,
      timeout: PROGRAM_MILLIS,
      env: {
        ...cleanEnvironment(),
        OWN_RECEIVER: own.url,
        STARTED_RECEIVER: started.url,
        LOGS_PATH: await mkdtemp(join(directory, 'logs-')),
        OTEL_SERVICE_NAME: 'host',
      },
    });
    const result = JSON.parse(stdout) as Result;
    assert.equal(result.node, expectedVersion);
    compare('own provider', result.own, own);
    compare('startSessionLogs', result.started, started);
    assert.equal(started.records()[0]?.resource['service.name'], 'host');
    compareLines(result.started.emitted, result.started.lines);
  } finally {
    await Promise.all([own.close(), started.close()]);
  }
}

function compare(name: string, { emitted, read, lost }: Part, receiver: OtlpReceiver): void {
  assert.ok(emitted.length > 20, `${name}: only ${emitted.length} records were emitted`);
  assert.deepEqual(lost, {}, name);
  assert.deepEqual(receiver.records().map(asEmitted), emitted, `${name}: received is not what was emitted`);
  const sessions = [...new Set(emitted.flatMap(({ sessionId }) => sessionId ?? []))];
  assert.deepEqual(
    read,
    sessions.map((sessionId) => emitted.filter((record) => record.sessionId === sessionId).map(asRead)),
    `${name}: read is not what was emitted`,
  );
}

function asEmitted(record: ReceivedRecord): Emitted {
  const { 'session.id': sessionId, ...attributes } = record.attributes;
  const { severityNumber, severityText, eventName } = record;
  assert.equal(typeof record.body, 'string');
  assert.notEqual(record.timeUnixNano, '0');
  const emitted = { severityNumber, severityText, eventName, attributes, body: record.body as string };
  return sessionId === undefined ? emitted : { ...emitted, sessionId: sessionId as string };
}

function asRead({ sessionId, body, eventName, severityNumber }: Emitted): object {
  const kind = eventName === '' ? 'text' : eventName.replace('session_logs.', '').replaceAll('_', '-');
  return { sessionId, message: body, kind, logType: severityNumber === 0 ? 'chat' : 'log' };
}

const LINE =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) \[([^\]]*)\] (.*) \{"otel\.scope\.name":"otel-session-logs".*\}$/;

function compareLines(emitted: readonly Emitted[], lines: readonly string[]): void {
  assert.deepEqual(
    lines.map((line) => LINE.exec(line)?.slice(1) ?? line),
    emitted.map(({ sessionId, body, severityText }) => [
      severityText === '' ? 'CHAT' : severityText,
      sessionId ?? '-',
      body.replaceAll('\n', String.raw`\u000a`),
    ]),
    'the daily file is not what was emitted',
  );
}

/** `require()` of the package and every module of it, on a Node version. */
export async function runRequire(directory: string, node: string): Promise<void> {
  const { stdout } = await run(node, [join('built', 'require.cjs')], { ...quiet(directory) });
  assert.equal(stdout, 'from CommonJS');
}

/** `import()` of every door of the `exports` map; a door that is made for `--import` is tried as one. */
export async function openDoors(directory: string, node: string): Promise<string[]> {
  const manifest = join(directory, 'node_modules', 'otel-session-logs', 'package.json');
  const { exports } = JSON.parse(await readFile(manifest, 'utf8')) as { exports: Record<string, unknown> };
  const doors = Object.keys(exports).filter((door) => door !== './package.json');
  for (const door of doors) {
    const specifier = door.replace('.', 'otel-session-logs');
    const logs = await mkdtemp(join(directory, 'logs-'));
    const script = door === './register' ? '0' : `await import(${JSON.stringify(specifier)})`;
    const flags = door === './register' ? ['--import', specifier] : [];
    await run(node, [...flags, '--input-type=module', '-e', script], quiet(directory, { LOGS_PATH: logs }));
  }
  return doors;
}

function quiet(
  directory: string,
  more: NodeJS.ProcessEnv = {},
): { cwd: string; timeout: number; env: NodeJS.ProcessEnv } {
  return { cwd: directory, timeout: PROGRAM_MILLIS, env: { ...cleanEnvironment(), ...more } };
}

/** What this process was told about OpenTelemetry is not for the hosts. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:OTEL_|LOGS_PATH$|NODE_OPTIONS$)/.test(name)),
  );
}
