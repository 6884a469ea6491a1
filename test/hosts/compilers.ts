import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The compilers that hosts have, as the directory of the tools has them installed. */
export const COMPILERS: Readonly<Record<string, string>> = {
  'typescript-5.0': 'npm:typescript@~5.0.4',
  'typescript-5.4': 'npm:typescript@~5.4.5',
  'typescript-5.9': 'npm:typescript@~5.9.3',
  typescript: '^7.0.2',
};

/** How a host's modules are resolved: `moduleResolution`, its `module`, and the compilers that know it. */
const RESOLUTIONS: readonly (readonly [resolution: string, module: string, compilers: readonly string[]])[] = [
  ['node10', 'commonjs', ['typescript-5.0', 'typescript-5.9']],
  ['node16', 'node16', ['typescript-5.0', 'typescript-5.9']],
  ['nodenext', 'nodenext', ['typescript-5.0', 'typescript-5.4', 'typescript-5.9', 'typescript']],
  ['bundler', 'esnext', ['typescript-5.0', 'typescript-5.9', 'typescript']],
];

/** A host that reads and writes, with nothing of OpenTelemetry's own. */
const CONSUMER = `
import { SessionLogs } from 'otel-session-logs';
import type { LogEntry, SessionStore } from 'otel-session-logs';
const sessions = new SessionLogs();
export async function read(id: string): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of sessions.followSession(id, { until: 'caught-up' })) entries.push(entry);
  return entries;
}
export const store: SessionStore = sessions.processor.store;
`;

/** A host with a provider of its own, of either line: no cast between its types and ours; and every door has types. */
const OWN_PROVIDER = `
import * as sdk from '@opentelemetry/sdk-logs';
import { SessionLogs, startSessionLogs } from 'otel-session-logs';
import { CoalescingLogRecordProcessor, DurableLogRecordProcessor } from 'otel-session-logs/export';
import { RedisSessionStore } from 'otel-session-logs/redis';
import { describeSessionStore } from 'otel-session-logs/testing';
const sessions = new SessionLogs();
const exporter = new sdk.ConsoleLogRecordExporter();
const durable = new DurableLogRecordProcessor({ exporter, directory: 'spool' });
const processor = new CoalescingLogRecordProcessor({ processor: durable });
export const provider = new sdk.LoggerProvider({ processors: [sessions.processor, processor] });
export const reading = new SessionLogs({ loggerProvider: provider });
export const starting = startSessionLogs({ sdk, exporter });
export const doors = [RedisSessionStore, describeSessionStore];
`;

/** Compiles a text in the host; `ok`, or what the compiler said. */
export async function compile(
  host: string,
  tools: string,
  compiler: string,
  text: string = CONSUMER,
  [moduleResolution, module]: readonly [string, string] = ['nodenext', 'nodenext'],
): Promise<string> {
  const options = { module, moduleResolution, target: 'es2022', lib: ['es2023', 'esnext'], strict: true, noEmit: true };
  const tsconfig = { compilerOptions: { ...options, skipLibCheck: true, types: [] }, files: ['consumer.ts'] };
  await writeFile(join(host, 'consumer.ts'), text);
  await writeFile(join(host, 'tsconfig.json'), JSON.stringify(tsconfig));
  return run(process.execPath, [join(tools, 'node_modules', compiler, 'bin', 'tsc'), '-p', '.'], { cwd: host }).then(
    () => 'ok',
    (error: unknown) => `failed: ${(error as { stdout: string }).stdout.slice(0, 400)}`,
  );
}

/** Every compiler with every resolution that it knows, on a host with a provider of its own. */
export async function compileEveryWay(host: string, tools: string): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  for (const [resolution, module, compilers] of RESOLUTIONS) {
    for (const compiler of compilers) {
      const result = await compile(host, tools, compiler, OWN_PROVIDER, [resolution, module]);
      rows.push({ compiler, moduleResolution: resolution, result });
    }
  }
  return rows;
}
