/**
 * The packed package in eleven kinds of host project, with npm and pnpm: it installs without a conflict of its making, and a
 * small consumer compiles with TypeScript 5.4 and 7. The direct ones also with Yarn 4 (node-modules and PnP) and Bun, and
 * with TypeScript 5.0 to 7 in every way that modules are resolved.
 *
 *   npm run test:installs
 *   npm run test:installs -- beside      hosts with this word in their name
 *   npm run test:installs -- --write     also writes the tables of docs/set-ups.md, and installs what is large
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { compile, compileEveryWay, COMPILERS } from './compilers.ts';
import { report } from '../set-ups/matrix.ts';
import { pack } from './pack.ts';

const run = promisify(execFile);

interface Kind {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  /** OpenTelemetry's own packages do not install together: the conflict is there without this package too. */
  readonly conflictsByItself?: boolean;
  /** A program to run once it is installed, with its `--import` files; it prints `ok`. */
  readonly program?: { readonly imports: readonly string[]; readonly text: string };
  /** It has the packages that its code imports, and no others. */
  readonly isDirect?: boolean;
  /** Its packages are large, and only npm refuses peers: in CI npm says whether it would install them. */
  readonly isLarge?: boolean;
}

/** Finds its SDK, in whatever way the packages lie. */
const START = {
  imports: [],
  text: `
    import { startSessionLogs } from 'otel-session-logs';
    const sessions = await startSessionLogs({ file: false, streamHandler: false });
    await sessions.logChunkToQueue('chunk', 'abc');
    const [entry] = sessions.getAllLogsInQueue();
    await sessions.shutdown();
    console.log(entry?.message === 'chunk' ? 'ok' : 'nothing was logged');`,
};

/**
 * A provider of the SDK that a vendor brings, of a line or version that a start does not take, with our processor in it, and one after it
 * that sees the session.
 */
function beside(vendor: string): NonNullable<Kind['program']> {
  const text = `
    import { createRequire } from 'node:module';
    import { SessionLogs } from 'otel-session-logs';
    const vendor = createRequire(createRequire(import.meta.url).resolve('${vendor}'));
    const { logs } = vendor('@opentelemetry/sdk-node');
    let provider;
    const sessions = new SessionLogs({ loggerProvider: () => provider });
    const seen = [];
    const next = { onEmit: ({ attributes }) => void seen.push(attributes['session.id']), forceFlush() {}, shutdown() {} };
    provider = new logs.LoggerProvider({ processors: [sessions.processor, next] });
    sessions.withSession('abc', () => provider.getLogger('host').emit({ body: 'of another logger' }));
    await sessions.logChunkToQueue('chunk', 'abc');
    const held = sessions.getAllLogsInQueue({ sessionId: 'abc' }).map(({ message }) => message);
    console.log(String([held, seen]) === 'of another logger,chunk,abc,abc' ? 'ok' : JSON.stringify({ held, seen }));`;
  return { imports: [], text };
}

/** Without any SDK of OpenTelemetry for logs: sessions are held and read. */
const READ = {
  imports: [],
  text: `
    import { SessionLogs } from 'otel-session-logs';
    const sessions = new SessionLogs();
    await sessions.logChunkToQueue('chunk', 'abc');
    for await (const message of sessions.getSessionLogs('abc', { until: 'caught-up' })) console.log(message === 'chunk' ? 'ok' : message);`,
};

const KINDS: readonly Kind[] = [
  {
    name: 'direct, 3.x',
    dependencies: { '@opentelemetry/api': '^1.10.0', '@opentelemetry/sdk-logs': '^3.1.0' },
    isDirect: true,
    program: START,
  },
  {
    name: 'direct, 0.2xx',
    isDirect: true,
    program: START,
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
    name: 'beside Traceloop',
    isLarge: true,
    dependencies: { '@traceloop/node-server-sdk': '^0.27.0' },
    program: beside('@traceloop/node-server-sdk'),
  },
  {
    name: 'beside Azure Monitor',
    isLarge: true,
    dependencies: { '@opentelemetry/api': '^1.9.0', '@azure/monitor-opentelemetry': '^1.18.0' },
    program: beside('@azure/monitor-opentelemetry'),
  },
  { name: 'beside Sentry', isLarge: true, dependencies: { '@sentry/node': '^11.0.0' }, program: READ },
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

interface Manager {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What runs a program where Node by itself does not find the packages; then no compiler does either. */
  readonly node?: readonly string[];
  /** Only the direct hosts: what differs is how a package sees its peers. */
  readonly isForDirect?: boolean;
}

const YARN = ['npx', '-y', '--package=@yarnpkg/cli-dist@4', 'yarn'];

const NPM: Manager = { command: ['npm', 'install', '--no-audit', '--no-fund'] };

const MANAGERS: Readonly<Record<string, Manager>> = {
  npm: NPM,
  pnpm: { command: ['npx', '-y', 'pnpm@10', 'install', '--ignore-scripts', '--reporter=append-only'] },
  'Yarn 4': { command: [...YARN, 'install'], env: { YARN_NODE_LINKER: 'node-modules' }, isForDirect: true },
  'Yarn 4, PnP': {
    command: [...YARN, 'install'],
    env: { YARN_NODE_LINKER: 'pnp' },
    node: [...YARN, 'node'],
    isForDirect: true,
  },
  Bun: { command: ['npx', '-y', 'bun@1', 'install'], isForDirect: true },
};

/** Yarn reads no configuration of npm: it gets the registry from there. */
async function yarnSettings(): Promise<NodeJS.ProcessEnv> {
  const { stdout } = await run('npm', ['config', 'get', 'registry']);
  return {
    YARN_NPM_REGISTRY_SERVER: stdout.trim(),
    YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    YARN_ENABLE_TELEMETRY: 'false',
    YARN_ENABLE_GLOBAL_CACHE: 'false',
  };
}

async function install(
  directory: string,
  { command: [command = '', ...args], env: own }: Manager,
  dependencies: Readonly<Record<string, string>>,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  // Else Yarn takes a directory above for the project.
  if (command === 'npx' && args.includes('yarn')) await writeFile(join(directory, 'yarn.lock'), '');
  // The conflict's name is looked for in what npm prints, also when this script runs silently.
  const env = { ...process.env, ...(await yarnSettings()), ...own, npm_config_loglevel: 'warn' };
  return run(command, args, { cwd: directory, env, maxBuffer: 64 * 1024 * 1024 }).then(
    () => 'ok',
    (error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return /ERESOLVE/.test(stdout + stderr) ? 'ERESOLVE' : `failed: ${(stdout + stderr).slice(-400)}`;
    },
  );
}

async function runProgram(
  directory: string,
  { node = [process.execPath], env: own }: Manager,
  program: NonNullable<Kind['program']>,
): Promise<string> {
  await writeFile(join(directory, 'program.mjs'), program.text);
  const imports = program.imports.flatMap((name) => ['--import', name]);
  const none = { OTEL_LOGS_EXPORTER: 'none', OTEL_TRACES_EXPORTER: 'console', OTEL_METRICS_EXPORTER: 'none' };
  const env = { ...process.env, ...(await yarnSettings()), ...own, ...none };
  const [command = '', ...args] = node;
  return run(command, [...args, ...imports, 'program.mjs'], { cwd: directory, env }).then(
    ({ stdout }) => stdout.trim().split('\n').at(-1) ?? '',
    (error: unknown) => `failed: ${String(error).slice(0, 400)}`,
  );
}

async function tryHost(
  host: string,
  tools: string,
  manager: Manager,
  kind: Kind,
  tarball: string,
): Promise<Record<string, string>> {
  const { command, ...settings } = manager;
  const used = kind.isLarge && !isWhole ? { ...settings, command: [...command, '--package-lock-only'] } : manager;
  let installed = await install(host, used, { ...kind.dependencies, 'otel-session-logs': tarball });
  if (installed === 'ERESOLVE' && kind.conflictsByItself) {
    const alone = await install(`${host}-alone`, manager, kind.dependencies);
    if (alone === 'ERESOLVE') installed = AS_WITHOUT;
  }
  const isInstalled = installed === 'ok' && (isWhole || !kind.isLarge);
  const compiles = (compiler: string): Promise<string> | string =>
    isInstalled && manager.node === undefined ? compile(host, tools, compiler) : '-';
  return {
    install: installed,
    'TypeScript 7': await compiles('typescript'),
    'TypeScript 5.4': await compiles('typescript-5.4'),
    program: isInstalled && kind.program !== undefined ? await runProgram(host, manager, kind.program) : '-',
  };
}

const words = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const isWanted = ({ name }: Kind): boolean => words.every((word) => name.includes(word));
/** Also what is large is installed and run. */
const isWhole = words.length > 0 || process.argv.includes('--write');

const AS_WITHOUT = 'ERESOLVE, as without this package';

async function main(directory: string): Promise<void> {
  const tarball = `file:${await pack(directory)}`;
  const tools = join(directory, 'tools');
  await install(tools, NPM, COMPILERS);
  const rows: Record<string, string>[] = [];
  const compiled: Record<string, string>[] = [];
  for (const [name, manager] of Object.entries(MANAGERS)) {
    for (const [index, kind] of KINDS.entries()) {
      if ((manager.isForDirect && !kind.isDirect) || !isWanted(kind) || (kind.isLarge && manager !== NPM)) continue;
      const host = join(directory, `${name.replace(/\W+/g, '-')}-${index}`);
      const row = { manager: name, host: kind.name, ...(await tryHost(host, tools, manager, kind, tarball)) };
      rows.push(row);
      if (manager === NPM && kind.isDirect) {
        for (const each of await compileEveryWay(host, tools)) compiled.push({ host: kind.name, ...each });
      }
      await rm(host, { recursive: true, force: true });
    }
  }
  const isGood = (result: string): boolean => ['ok', '-', AS_WITHOUT].includes(result);
  const failures = [
    ...rows.filter(({ manager: _manager, host: _host, ...results }) => !Object.values(results).every(isGood)),
    ...compiled.filter(({ result = '' }) => !isGood(result)),
  ];
  if (failures.length > 0) process.exitCode = 1;
  await report('package managers', rows, 2);
  await report('compilers', compiled, 3);
  for (const failure of failures) console.error(failure);
}

const directory = await mkdtemp(join(tmpdir(), 'session-logs-installs-'));
try {
  await main(directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
