import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

import { builtSource } from './support/built-source.ts';
import type { BuiltSource } from './support/built-source.ts';
import { startOtlpReceiver } from './support/otlp-receiver.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

type Line = '3.x' | '0.2xx';
type Logger = (typeof LOGGERS)[number];

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** A file of the project from which the packages of a line resolve. */
const PROJECT: Readonly<Record<Line, string>> = {
  '3.x': join(HERE, 'host.cjs'),
  '0.2xx': join(HERE, 'lines/sdk-0.2xx/host.cjs'),
};
const LOGGERS = ['chunk', 'logger', 'logs API', 'pino', 'winston', 'bunyan'] as const;

/** What a cell came to: in the session with its trace ids, without them, or not in the session. */
type Cell = 'yes' | 'no trace' | 'no';

/** How a program comes to session logs: what its `--import` files and its own first lines do. */
interface WayIn {
  readonly name: string;
  readonly lines: readonly Line[];
  /** Names the instance `sessions`; `SDK` modules are loaded by `require`. */
  readonly setUp: string;
  /** Files for `--import`, `register` among them. */
  readonly imports?: readonly ('register' | 'instrumentations')[];
  readonly isCommonJs?: boolean;
}

const BOTH: readonly Line[] = ['3.x', '0.2xx'];

const WAYS: readonly WayIn[] = [
  {
    name: 'LoggerProvider',
    lines: BOTH,
    setUp: `
      let provider;
      const sessions = new SessionLogs({ loggerProvider: () => provider });
      provider = new (require('@opentelemetry/sdk-logs').LoggerProvider)({ processors: [sessions.processor] });
      setGlobalProvider(provider);
      api.context.setGlobalContextManager(new (require('@opentelemetry/context-async-hooks').AsyncLocalStorageContextManager)().enable());`,
  },
  {
    name: 'NodeSDK',
    lines: BOTH,
    setUp: `
      const sessions = new SessionLogs();
      new (require('@opentelemetry/sdk-node').NodeSDK)({ logRecordProcessors: [sessions.processor] }).start();`,
  },
  {
    name: 'startNodeSDK',
    lines: ['3.x'],
    setUp: `
      const sessions = new SessionLogs();
      const sdkNode = require('@opentelemetry/sdk-node');
      (sdkNode.startNodeSDK ?? sdkNode.startNodeSdk)({ logRecordProcessors: [sessions.processor] });`,
  },
  {
    name: 'startSessionLogs',
    lines: BOTH,
    setUp: `
      const sessions = await startSessionLogs({ registerGlobally: true, console: false });
      api.context.setGlobalContextManager(new (require('@opentelemetry/context-async-hooks').AsyncLocalStorageContextManager)().enable());`,
  },
  { name: '--import register', lines: BOTH, imports: ['register'], setUp: 'const sessions = sharedSessionLogs();' },
  {
    name: '--import register, then instrumentations',
    lines: BOTH,
    imports: ['register', 'instrumentations'],
    setUp: 'const sessions = sharedSessionLogs();',
  },
  {
    name: 'NodeSDK, CommonJS',
    lines: BOTH,
    isCommonJs: true,
    setUp: `
      const sessions = new SessionLogs();
      new (require('@opentelemetry/sdk-node').NodeSDK)({ logRecordProcessors: [sessions.processor] }).start();`,
  },
];

/** Where a cell is not `yes`, and why: limits of OpenTelemetry, told in the README. */
const LIMITS: readonly { readonly way: string; readonly cell: Cell; readonly why: string }[] = [
  {
    way: '--import register',
    cell: 'no trace',
    why: 'nobody registered a context manager, so no span is ever active',
  },
];

const INSTRUMENTATIONS = `
  for (const [name, type] of [['pino', 'PinoInstrumentation'], ['winston', 'WinstonInstrumentation'], ['bunyan', 'BunyanInstrumentation']]) {
    instrumentations.push(new (require('@opentelemetry/instrumentation-' + name)[type])());
  }`;

const SOURCES: Readonly<Record<Line, BuiltSource>> = {
  '3.x': builtSource(),
  '0.2xx': builtSource('test/lines/sdk-0.2xx/'),
};

function urlOf(line: Line, path: string): string {
  return SOURCES[line].url(path);
}

/** The program: sets up, then logs with every logger inside a session and a span, and tells what is in the session. */
function program(line: Line, way: WayIn, bridge: boolean): string {
  const names = 'SessionLogs, startSessionLogs, sharedSessionLogs, bridgeLogsApi, withSession';
  const load = way.isCommonJs
    ? `const { ${names} } = nodeRequire(${JSON.stringify(fileURLToPath(urlOf(line, 'index.js')))});`
    : `const { ${names} } = await import(${JSON.stringify(urlOf(line, 'index.js'))});`;
  return `
    const { createRequire } = nodeRequire('node:module');
    const require = createRequire(${JSON.stringify(PROJECT[line])});
    const api = require('@opentelemetry/api');
    const setGlobalProvider = (provider) => (api.logs ?? require('@opentelemetry/api-logs').logs).setGlobalLoggerProvider(provider);
    const instrumentations = globalThis.instrumentations ?? [];
    (async () => {
      ${load}
      ${way.setUp}
      ${bridge ? 'bridgeLogsApi();' : ''}
      ${way.imports?.includes('instrumentations') ? '' : INSTRUMENTATIONS}
      const { Writable } = nodeRequire('node:stream');
      const nowhere = new Writable({ write: (chunk, encoding, done) => done() });
      const pino = require('pino')(nowhere);
      const winston = require('winston').createLogger({ transports: [new (require('winston').transports.Stream)({ stream: nowhere })] });
      const bunyan = require('bunyan').createLogger({ name: 'host', streams: [{ stream: nowhere }] });
      const span = api.trace.wrapSpanContext({ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 });
      api.context.with(api.trace.setSpan(api.context.active(), span), () =>
        withSession('abc', () => {
          void sessions.logChunkToQueue('by chunk', 'abc');
          sessions.logger.info('by logger');
          (api.logs ?? require('@opentelemetry/api-logs').logs).getLogger('host').emit({ body: 'by logs API' });
          pino.info('by pino');
          winston.info('by winston');
          bunyan.info('by bunyan');
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
      const entries = sessions.getAllLogsInQueue({ sessionId: 'abc' });
      const cells = {};
      for (const name of ${JSON.stringify(LOGGERS)}) {
        const entry = entries.find(({ message }) => message === 'by ' + name);
        cells[name] = entry === undefined ? 'no' : entry.traceId === undefined ? 'no trace' : entry.traceId === '0af7651916cd43dd8448eb211c80319c' ? 'yes' : 'wrong trace';
      }
      process.stdout.write('CELLS ' + JSON.stringify(cells) + '\\n');
      await sessions.shutdown();
      process.exit(0);
    })();
  `;
}

async function run(
  line: Line,
  way: WayIn,
  bridge: boolean,
  more: Readonly<Record<string, string>> = {},
): Promise<Record<Logger, Cell>> {
  const directory = temporaryDirectory();
  const file = join(directory, way.isCommonJs ? 'app.cjs' : 'app.mjs');
  const head = way.isCommonJs
    ? 'const nodeRequire = require; {'
    : `import { createRequire as create } from 'node:module'; const nodeRequire = create(import.meta.url); {`;
  writeFileSync(file, `${head}${program(line, way, bridge)}}`);
  const args: string[] = [];
  for (const name of way.imports ?? []) {
    if (name === 'register') {
      args.push('--import', urlOf(line, 'register.js'));
      continue;
    }
    // What the register file of the auto-instrumentations does: a NodeSDK, whose logs are left to us.
    const setUp = join(directory, 'instrumentations.mjs');
    writeFileSync(
      setUp,
      `import { createRequire } from 'node:module';
       const require = createRequire(${JSON.stringify(PROJECT[line])});
       const instrumentations = [];
       ${INSTRUMENTATIONS}
       new (require('@opentelemetry/sdk-node').NodeSDK)({ instrumentations }).start();`,
    );
    args.push('--import', setUp);
  }
  const env = {
    ...process.env,
    LOGS_PATH: join(directory, 'logs'),
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    ...more,
  };
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...args, file],
      { cwd: dirname(PROJECT[line]), env, timeout: 30_000 },
      (error, stdout, stderr) => {
        const cells = /^CELLS (.*)$/m.exec(stdout)?.[1];
        if (cells === undefined) reject(new Error(`${error?.message ?? ''}\n${stdout}\n${stderr}`));
        else resolve(JSON.parse(cells) as Record<Logger, Cell>);
      },
    );
  });
}

describe('every way in, with every logger, on both lines', () => {
  const table: string[] = [];
  afterAll(() => {
    console.log(['line   way in'.padEnd(50) + LOGGERS.map((name) => name.padEnd(10)).join(''), ...table].join('\n'));
  });

  const cases = WAYS.flatMap((way) => way.lines.map((line) => ({ line, way, title: `${line}: ${way.name}` })));

  it.each(cases)('$title', async ({ line, way }) => {
    const cells = await run(line, way, true);
    table.push(`${line.padEnd(6)} ${way.name}`.padEnd(50) + LOGGERS.map((name) => cells[name].padEnd(10)).join(''));
    const limit = LIMITS.find((each) => each.way === way.name);
    for (const name of LOGGERS) expect(`${name}: ${cells[name]}`).toBe(`${name}: ${limit?.cell ?? 'yes'}`);
  });

  it.each(BOTH)(
    '%s: register beside an SDK whose logs are switched off exports to the endpoint for logs, and to the general one',
    async (line) => {
      const receiver = await startOtlpReceiver();
      const way = WAYS.find(({ name }) => name === '--import register, then instrumentations') as WayIn;
      await run(line, way, false, { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: receiver.logsUrl });
      await run(line, way, false, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
      const bodies = receiver.records().map(({ body }) => body);
      await receiver.close();
      expect(bodies.filter((body) => body === 'by pino')).toHaveLength(2);
    },
  );

  it('register with a directory that cannot be used goes on without the daily file', async () => {
    const receiver = await startOtlpReceiver();
    const blocked = join(temporaryDirectory(), 'file');
    writeFileSync(blocked, '');
    const way = WAYS.find(({ name }) => name === '--import register') as WayIn;
    const cells = await run('3.x', way, false, {
      LOGS_PATH: join(blocked, 'logs'),
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: receiver.logsUrl,
    });
    const bodies = receiver.records().map(({ body }) => body);
    await receiver.close();
    expect(cells['logs API']).toBe('no trace');
    expect(bodies).toContain('by logs API');
  });

  it('3.x without the bridge: libraries on @opentelemetry/api-logs do not reach the provider, everything else does', async () => {
    const cells = await run('3.x', WAYS[1] as WayIn, false);
    expect(cells).toMatchObject({ chunk: 'yes', logger: 'yes', 'logs API': 'yes', winston: 'no' });
  });
});
