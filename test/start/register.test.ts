import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { Application } from '../support/application.ts';
import { applicationWithPackage } from '../support/installed.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../support/otlp-receiver.ts';
import { runProgram } from '../support/run-script.ts';
import type { Ran } from '../support/run-script.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import type { SdkLine } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SDK = ['@opentelemetry/sdk-logs', '@opentelemetry/api-logs'];
const EXPORTER = '@opentelemetry/exporter-logs-otlp-http';

/** Logs by ours and by the API of the line, and says what the session holds. */
const PROGRAM = `
  import { createRequire } from 'node:module';
  import { sharedSessionLogs } from 'otel-session-logs';
  const require = createRequire(import.meta.url);
  const logs = require('@opentelemetry/api').logs ?? require('@opentelemetry/api-logs').logs;
  const sessions = sharedSessionLogs();
  await sessions.logChunkToQueue('ours', 's');
  logs.getLogger('app').emit({ body: 'by the API', attributes: { 'session.id': 's' } });
  console.log(sessions.getAllLogsInQueue().map(({ message }) => message).join());
  await sessions.forceFlush({ timeoutMillis: 5000 }).catch((error) => console.log(error.code));
`;

/** A NodeSDK of the line's, which exports logs by itself. */
function otherSdk({ name }: SdkLine, receiver: OtlpReceiver): string {
  return `
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    const { NodeSDK } = require('@opentelemetry/sdk-node');
    const { SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs');
    const { OTLPLogExporter } = require('${EXPORTER}');
    const exporter = new OTLPLogExporter({ url: '${receiver.logsUrl}' });
    // ${name}
    new NodeSDK({ logRecordProcessors: [new SimpleLogRecordProcessor({ exporter })] }).start();`;
}

async function receiverOf(): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

function bodies(receiver: OtlpReceiver): unknown[] {
  return receiver.records().map(({ body }) => body);
}

async function run(
  { folder }: Application,
  env: NodeJS.ProcessEnv,
  options: { readonly program?: string; readonly imports?: readonly string[] } = {},
): Promise<Ran & { readonly lines: readonly string[] }> {
  writeFileSync(join(folder, 'app.mjs'), options.program ?? PROGRAM);
  const imports = (options.imports ?? ['otel-session-logs/register']).flatMap((name) => ['--import', name]);
  const ran = await runProgram(process.execPath, [...imports, 'app.mjs'], {
    cwd: folder,
    env: {
      ...process.env,
      LOGS_PATH: join(folder, 'logs'),
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'none',
      ...env,
    },
  });
  return { ...ran, lines: ran.stderr.split('\n').filter((line) => line !== '') };
}

function fileText({ folder }: Application): string {
  const directory = join(folder, 'logs');
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
}

describe.each(sdkLines)('--import otel-session-logs/register, SDK %s', (_name, line) => {
  it('exports to the general endpoint, also where OTEL_LOGS_EXPORTER=none leaves the logs to it', async () => {
    const receiver = await receiverOf();
    const application = applicationWithPackage([...SDK, EXPORTER], line);
    for (const env of [{}, { OTEL_LOGS_EXPORTER: 'none' }]) {
      const ran = await run(application, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env });
      expect(ran).toMatchObject({ status: 0, stdout: 'ours,by the API\n', stderr: '' });
    }
    expect(bodies(receiver)).toEqual(['ours', 'by the API', 'ours', 'by the API']);
  });

  it('without the package of the exporter: one line says what to install; queues and file go on', async () => {
    const application = applicationWithPackage(SDK, line);
    const ran = await run(application, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
    expect(ran).toMatchObject({ status: 0, stdout: 'ours,by the API\n' });
    expect(ran.lines).toHaveLength(1);
    expect(ran.stderr).toMatch(
      /^otel-session-logs: no logs are exported: @opentelemetry\/exporter-logs-otlp-http is not installed: npm install /,
    );
    expect(fileText(application)).toContain('by the API');
  });

  it('with a directory that cannot be used: one line, and queues and export go on', async () => {
    const receiver = await receiverOf();
    const application = applicationWithPackage([...SDK, EXPORTER], line);
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, LOGS_PATH: join(file, 'logs') };
    const ran = await run(application, env);
    expect(ran).toMatchObject({ status: 0, stdout: 'ours,by the API\n' });
    expect(ran.lines).toHaveLength(1);
    expect(ran.stderr).toMatch(/^otel-session-logs: no daily file is written: .*; set LOGS_PATH/);
    expect(bodies(receiver)).toEqual(['ours', 'by the API']);
  });

  it('with all of it at once: one line for each', async () => {
    const application = applicationWithPackage(SDK, line);
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    const ran = await run(application, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      LOGS_PATH: join(file, 'x'),
    });
    expect(ran).toMatchObject({ status: 0, stdout: 'ours,by the API\n' });
    expect(ran.lines).toHaveLength(2);
  });

  it('with an endpoint that is no URL, or a protocol that is none', async () => {
    const application = applicationWithPackage([...SDK, EXPORTER], line);
    const noUrl = await run(application, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' });
    expect(noUrl.lines).toEqual([
      'otel-session-logs: OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "collector"; no logs are exported: set it to a URL such as http://localhost:4318',
    ]);
    const receiver = await receiverOf();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http' };
    expect((await run(application, env)).lines).toEqual([
      'otel-session-logs: OTEL_EXPORTER_OTLP_PROTOCOL is "http", which is none of http/json, http/protobuf, grpc; using http/json',
    ]);
    expect(bodies(receiver)).toHaveLength(2);
  });

  it('a logger of `diag` gets the line in place of stderr', async () => {
    const application = applicationWithPackage(SDK, line);
    const { folder } = application;
    writeFileSync(
      join(folder, 'diag.mjs'),
      `import { diag } from '@opentelemetry/api';
       const log = (...parts) => console.log(parts.join(' '));
       diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log });`,
    );
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
    const ran = await run(application, env, { imports: ['./diag.mjs', 'otel-session-logs/register'] });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('otel-session-logs/register no logs are exported');
  });

  it('ends in peace where stderr is closed', async () => {
    const application = applicationWithPackage(SDK, line);
    writeFileSync(join(application.folder, 'closed.mjs'), "import fs from 'node:fs'; fs.closeSync(2);");
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
    const ran = await run(application, env, { imports: ['./closed.mjs', 'otel-session-logs/register'] });
    expect(ran).toMatchObject({ status: 0, stdout: 'ours,by the API\n' });
  });

  it.each([false, true])('for `dev` it leaves its instance to a start of the program, global: %s', async (isGlobal) => {
    const receiver = await receiverOf();
    const application = applicationWithPackage([...SDK, EXPORTER], line);
    const start = `
      import { sharedSessionLogs as sharedNow, startSessionLogs } from 'otel-session-logs';
      const before = sharedNow();
      const redact = (entry) => ({ ...entry, message: entry.message.replace('ours', 'OURS') });
      const started = await startSessionLogs({ redact, streamHandler: false, registerGlobally: ${isGlobal} });
      console.log(started === before, started === sharedNow());`;
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SESSION_LOGS_REGISTER: 'until-start' };
    const ran = await run(application, env, { program: start + PROGRAM });
    expect(ran).toMatchObject({ status: 0, stdout: 'true true\nOURS,by the API\n', stderr: '' });
    expect(new Set(bodies(receiver))).toEqual(new Set(['OURS', 'by the API']));
    expect(receiver.records()).toHaveLength(2);
    expect(fileText(application)).toContain('OURS');
    const alone = await run(application, env);
    expect(alone).toMatchObject({ status: 0, stdout: 'ours,by the API\n', stderr: '' });
    expect(bodies(receiver)).toHaveLength(4);
  });

  describe('beside another SDK that exports logs', () => {
    const PACKAGES = [...SDK, EXPORTER, '@opentelemetry/sdk-node'];

    it('which was there first: leaves the general endpoint to it, and says so; one for logs is for both', async () => {
      const receiver = await receiverOf();
      const application = applicationWithPackage(PACKAGES, line);
      writeFileSync(join(application.folder, 'sdk.mjs'), otherSdk(line, receiver));
      const imports = ['./sdk.mjs', 'otel-session-logs/register'];
      const ran = await run(application, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, { imports });
      expect(ran).toMatchObject({ status: 0, stdout: 'ours\n' });
      expect(ran.lines).toEqual([
        expect.stringContaining('another logger provider is already the global one') as string,
        expect.stringContaining('otel-session-logs/register does not export logs') as string,
      ]);
      expect(bodies(receiver)).toEqual(['by the API']);
      const env = { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: receiver.logsUrl };
      const both = await run(application, env, { imports });
      expect(both.lines).toHaveLength(1);
      expect(bodies(receiver).slice(1)).toEqual(expect.arrayContaining(['by the API', 'ours']));
    });

    it('which comes later: each record is exported once, by ours', async () => {
      const receiver = await receiverOf();
      const application = applicationWithPackage(PACKAGES, line);
      writeFileSync(join(application.folder, 'sdk.mjs'), otherSdk(line, receiver));
      const imports = ['otel-session-logs/register', './sdk.mjs'];
      const ran = await run(application, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, { imports });
      expect(ran).toMatchObject({ status: 0, stdout: 'ours,by the API\n' });
      expect(bodies(receiver)).toEqual(['ours', 'by the API']);
    });
  });

  it('a second copy of the package, given to --import as well, starts nothing', async () => {
    const receiver = await receiverOf();
    const application = applicationWithPackage([...SDK, EXPORTER], line);
    const modules = join(application.folder, 'node_modules');
    cpSync(join(modules, 'otel-session-logs'), join(modules, 'other-copy'), { recursive: true });
    const imports = ['otel-session-logs/register', './node_modules/other-copy/dist/register.js'];
    const ran = await run(application, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, { imports });
    expect(ran).toMatchObject({ status: 0, stdout: 'ours,by the API\n', stderr: '' });
    expect(bodies(receiver)).toEqual(['ours', 'by the API']);
  });

  it.each([
    '_sharedState: { processors: {} }',
    'get _sharedState() { throw new Error(); }',
    '_getDelegate() { throw new Error(); }',
    '_sharedState: { processors: [{ get _exporter() { throw new Error(); } }] }',
  ])('exports beside a global provider of another make: { %s }', async (inside) => {
    const receiver = await receiverOf();
    const application = applicationWithPackage([...SDK, EXPORTER], line);
    writeFileSync(
      join(application.folder, 'other.mjs'),
      `import { createRequire } from 'node:module';
       const require = createRequire(import.meta.url);
       const logs = require('@opentelemetry/api').logs ?? require('@opentelemetry/api-logs').logs;
       logs.setGlobalLoggerProvider({ getLogger: () => ({ emit() {} }), ${inside} });`,
    );
    const imports = ['./other.mjs', 'otel-session-logs/register'];
    await run(application, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, { imports });
    expect(bodies(receiver)).toEqual(['ours']);
  });

  it('becomes what was handed out before it, and is what the same start gives', async () => {
    const application = applicationWithPackage([...SDK, EXPORTER], line);
    writeFileSync(
      join(application.folder, 'before.mjs'),
      "import { sharedSessionLogs } from 'otel-session-logs'; globalThis.before = sharedSessionLogs();",
    );
    const program = `
      import { sharedSessionLogs, startSessionLogs } from 'otel-session-logs';
      import assert from 'node:assert';
      assert.equal(sharedSessionLogs(), globalThis.before);
      const options = { registerGlobally: true, shutdownOnSignal: true, console: false };
      assert.equal(await startSessionLogs(options), globalThis.before);
      await assert.rejects(startSessionLogs(), ({ code, message }) => {
        console.log(code, message);
        return true;
      });`;
    const ran = await run(application, {}, { program, imports: ['./before.mjs', 'otel-session-logs/register'] });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(
      /^directory_in_use .* by the instance that `--import otel-session-logs\/register` started/,
    );
    expect(ran.stdout).toMatch(
      /other values of `.*registerGlobally`.*: leave out that --import .* use sharedSessionLogs\(\)/,
    );
  });
});

it('without the SDK: one line says what to install, and there are queues', async () => {
  const application = applicationWithPackage([]);
  mkdirSync(join(application.folder, 'logs'));
  const program = `
    import { sharedSessionLogs } from 'otel-session-logs';
    const sessions = sharedSessionLogs();
    await sessions.logChunkToQueue('ours', 's');
    console.log(sessions.getAllLogsInQueue().length);`;
  const ran = await run(application, {}, { program });
  expect(ran).toMatchObject({ status: 0, stdout: '1\n' });
  expect(ran.lines).toEqual([
    expect.stringMatching(
      /^otel-session-logs: session logs could not be started: @opentelemetry\/sdk-logs is not installed\. .* npm install .*; sharedSessionLogs\(\) works in memory only$/,
    ) as string,
  ]);
});
