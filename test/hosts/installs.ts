/**
 * The packed package in eight kinds of host project, with npm and pnpm: it installs without a conflict of its making, and a
 * small consumer compiles with TypeScript 5.4 and 7.
 *
 *   npm run test:installs
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { pack } from './pack.ts';

const run = promisify(execFile);

interface Kind {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  /** OpenTelemetry's own packages do not install together: the conflict is there without this package too. */
  readonly conflictsByItself?: boolean;
  /** A program to run once it is installed, with its `--import` files; it prints `ok`. */
  readonly program?: { readonly imports: readonly string[]; readonly text: string };
}

const KINDS: readonly Kind[] = [
  { name: 'direct, 3.x', dependencies: { '@opentelemetry/api': '^1.10.0', '@opentelemetry/sdk-logs': '^3.1.0' } },
  {
    name: 'direct, 0.2xx',
    dependencies: {
      '@opentelemetry/api': '~1.9.1',
      '@opentelemetry/sdk-logs': '^0.223.1',
      '@opentelemetry/api-logs': '^0.223.1',
    },
  },
  { name: 'NodeSDK, 3.x', dependencies: { '@opentelemetry/api': '^1.10.0', '@opentelemetry/sdk-node': '^0.301.0' } },
  { name: 'NodeSDK, 0.2xx', dependencies: { '@opentelemetry/api': '~1.9.1', '@opentelemetry/sdk-node': '^0.223.0' } },
  {
    name: 'auto-instrumentations',
    dependencies: { '@opentelemetry/api': '^1.9.0', '@opentelemetry/auto-instrumentations-node': '*', pino: '^10.0.0' },
    program: {
      imports: ['otel-session-logs/register', '@opentelemetry/auto-instrumentations-node/register'],
      text: `
        import { createRequire } from 'node:module';
        import { trace } from '@opentelemetry/api';
        import { sharedSessionLogs, withSession } from 'otel-session-logs';
        const pino = createRequire(import.meta.url)('pino')({ level: 'info' }, { write() {} });
        trace.getTracer('host').startActiveSpan('work', () => withSession('abc', () => pino.info('by pino')));
        await new Promise((resolve) => setTimeout(resolve, 50));
        const [entry] = sharedSessionLogs().getAllLogsInQueue({ sessionId: 'abc' });
        console.log(entry?.message === 'by pino' && entry.traceId !== undefined ? 'ok' : JSON.stringify(entry));
        process.exit(0);`,
    },
  },
  { name: 'api only', dependencies: { '@opentelemetry/api': '^1.9.0' } },
  {
    name: 'traces only',
    dependencies: { '@opentelemetry/api': '^1.9.0', '@opentelemetry/sdk-trace-node': '^2.0.0' },
  },
  {
    name: 'both lines',
    dependencies: {
      '@opentelemetry/api': '^1.10.0',
      '@opentelemetry/sdk-logs': '^3.1.0',
      '@opentelemetry/sdk-node': '^0.223.0',
    },
    conflictsByItself: true,
  },
];

const MANAGERS: Readonly<Record<string, readonly string[]>> = {
  npm: ['npm', 'install', '--no-audit', '--no-fund'],
  pnpm: ['npx', '-y', 'pnpm@10', 'install', '--ignore-scripts', '--reporter=append-only'],
};

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

const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  },
  files: ['consumer.ts'],
};

async function install(
  directory: string,
  manager: string,
  dependencies: Readonly<Record<string, string>>,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  const [command = '', ...args] = MANAGERS[manager] ?? [];
  // The conflict's name is looked for in what npm prints, also when this script runs silently.
  const env = { ...process.env, npm_config_loglevel: 'warn' };
  return run(command, args, { cwd: directory, env, maxBuffer: 64 * 1024 * 1024 }).then(
    () => 'ok',
    (error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return /ERESOLVE/.test(stdout + stderr) ? 'ERESOLVE' : `failed: ${(stdout + stderr).slice(-400)}`;
    },
  );
}

async function compile(directory: string, compiler: string): Promise<string> {
  await writeFile(join(directory, 'consumer.ts'), CONSUMER);
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  return run(process.execPath, [compiler, '-p', '.'], { cwd: directory }).then(
    () => 'ok',
    (error: unknown) => `failed: ${(error as { stdout: string }).stdout.slice(0, 400)}`,
  );
}

async function runProgram(directory: string, program: NonNullable<Kind['program']>): Promise<string> {
  await writeFile(join(directory, 'program.mjs'), program.text);
  const imports = program.imports.flatMap((name) => ['--import', name]);
  const none = { OTEL_LOGS_EXPORTER: 'none', OTEL_TRACES_EXPORTER: 'console', OTEL_METRICS_EXPORTER: 'none' };
  return run(process.execPath, [...imports, 'program.mjs'], { cwd: directory, env: { ...process.env, ...none } }).then(
    ({ stdout }) => stdout.trim().split('\n').at(-1) ?? '',
    (error: unknown) => `failed: ${String(error).slice(0, 400)}`,
  );
}

async function main(directory: string): Promise<boolean> {
  const tarball = `file:${await pack(directory)}`;
  const tools = join(directory, 'tools');
  await install(tools, 'npm', { typescript: '^7.0.2', 'typescript-5.4': 'npm:typescript@~5.4.5' });
  const compilers = ['typescript', 'typescript-5.4'].map((name) => join(tools, 'node_modules', name, 'bin', 'tsc'));
  const rows: Record<string, string>[] = [];
  const failures: string[] = [];
  for (const manager of Object.keys(MANAGERS)) {
    for (const [index, kind] of KINDS.entries()) {
      const host = join(directory, `${manager}-${index}`);
      let installed = await install(host, manager, { ...kind.dependencies, 'otel-session-logs': tarball });
      if (installed === 'ERESOLVE' && kind.conflictsByItself) {
        const alone = await install(`${host}-alone`, manager, kind.dependencies);
        if (alone === 'ERESOLVE') installed = 'ERESOLVE, as without this package';
      }
      const isInstalled = installed === 'ok';
      const types: string[] = [];
      for (const compiler of compilers) types.push(isInstalled ? await compile(host, compiler) : '-');
      const program = isInstalled && kind.program !== undefined ? await runProgram(host, kind.program) : '-';
      const [types7 = '', types54 = ''] = types;
      rows.push({
        manager,
        host: kind.name,
        install: installed,
        'TypeScript 7': types7,
        'TypeScript 5.4': types54,
        program,
      });
      const isExpected = isInstalled || installed === 'ERESOLVE, as without this package';
      for (const result of [isExpected ? 'ok' : installed, ...types, program]) {
        if (result !== 'ok' && result !== '-') failures.push(`${manager}, ${kind.name}: ${result}`);
      }
      await rm(host, { recursive: true, force: true });
    }
  }
  console.table(rows);
  for (const failure of failures) console.error(failure);
  return failures.length === 0;
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-installs-'));
try {
  process.exitCode = (await main(directory)) ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
