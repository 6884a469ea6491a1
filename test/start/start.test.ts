import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Server, ServerCredentials } from '@grpc/grpc-js';
import { logs } from '@opentelemetry/api';
import { InMemoryLogRecordExporter } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { startSessionLogs } from '../../src/index.ts';
import type { SessionLogs, StartSessionLogsOptions } from '../../src/index.ts';
import { builtSource } from '../support/built-source.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { decodeProtobuf, flatten } from '../support/otlp-decode.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { runProgram } from '../support/run-script.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const started: SessionLogs[] = [];
const closers: (() => Promise<unknown>)[] = [];

async function start(options: StartSessionLogsOptions = {}): Promise<SessionLogs> {
  const sessions = await startSessionLogs({
    directory: temporaryDirectory(),
    console: false,
    streamHandler: false,
    ...options,
  });
  started.push(sessions);
  return sessions;
}

async function receiverUrl(): Promise<Awaited<ReturnType<typeof startOtlpReceiver>>> {
  const receiver = await startOtlpReceiver();
  closers.push(() => receiver.close());
  return receiver;
}

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.allSettled(started.splice(0).map((sessions) => sessions.shutdown({ timeoutMillis: 500 })));
  for (const close of closers.splice(0)) await close();
  logs.disable();
});

async function startGrpcServer(): Promise<{ server: Server; port: number; requests: Buffer[] }> {
  const requests: Buffer[] = [];
  const server = new Server();
  const identity = (bytes: Buffer): Buffer => bytes;
  server.addService(
    {
      Export: {
        path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    },
    {
      Export(call: { request: Buffer }, answer: (error: null, response: Buffer) => void) {
        requests.push(call.request);
        answer(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { server, port, requests };
}

function fileText(directory: string): string {
  return readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
}

describe('startSessionLogs', () => {
  const diagnostics = recordDiagnostics();

  it('queues, file and collector get every record, with the resource of environment and options', async () => {
    vi.stubEnv('OTEL_SERVICE_NAME', 'my-service');
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test');
    const receiver = await receiverUrl();
    const directory = temporaryDirectory();
    const sessions = await start({ directory, endpoint: receiver.url, resource: { 'service.version': '1.2.3' } });
    await sessions.logChunkToQueue('chunk', 's');
    sessions.logger.info('leveled', { plan: 'free' });
    await sessions.forceFlush();
    expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(['chunk']);
    expect(fileText(directory).split('\n')).toHaveLength(3);
    const records = receiver.records();
    expect(records.map(({ body, severityText }) => [body, severityText])).toEqual([
      ['chunk', ''],
      ['leveled', 'INFO'],
    ]);
    expect(records[0]?.resource).toMatchObject({
      'service.name': 'my-service',
      'service.version': '1.2.3',
      'deployment.environment.name': 'test',
      'telemetry.sdk.name': 'opentelemetry',
    });
  });

  it('without an endpoint nothing is exported and nothing complains', async () => {
    const sessions = await start();
    await sessions.logChunkToQueue('x', 's');
    await sessions.forceFlush();
    await sessions.shutdown();
    expect(diagnostics.lines).toEqual([]);
  });

  it('OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf exports protobuf', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/protobuf');
    const receiver = await receiverUrl();
    const sessions = await start({ endpoint: receiver.url });
    await sessions.logChunkToQueue('by protobuf', 's');
    await sessions.forceFlush();
    expect(receiver.requests[0]?.headers['content-type']).toBe('application/x-protobuf');
    expect(receiver.records()).toMatchObject([{ body: 'by protobuf', attributes: { 'session.id': 's' } }]);
  });

  it('OTEL_EXPORTER_OTLP_PROTOCOL=grpc exports over gRPC', async () => {
    const { server, port, requests } = await startGrpcServer();
    closers.push(() => Promise.resolve(server.forceShutdown()));
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc');
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`);
    const sessions = await start();
    await sessions.logChunkToQueue('by gRPC', 's');
    await sessions.forceFlush();
    expect(requests.flatMap((bytes) => flatten(decodeProtobuf(bytes)))).toMatchObject([{ body: 'by gRPC' }]);
  });

  it('LOGS_PATH names the directory; file: false writes none', async () => {
    const directory = join(temporaryDirectory(), 'from-environment');
    vi.stubEnv('LOGS_PATH', directory);
    const sessions = await start({ directory: undefined });
    await sessions.logChunkToQueue('x', 's');
    await sessions.forceFlush();
    expect(readdirSync(directory)).toHaveLength(1);
    await sessions.shutdown();
    const other = join(temporaryDirectory(), 'none');
    await start({ directory: other, file: false });
    expect(existsSync(other)).toBe(false);
  });

  it('takes the options as they are at the call', async () => {
    const [directory, other] = [temporaryDirectory(), temporaryDirectory()];
    const options = { directory, console: false, streamHandler: false as const };
    const starting = startSessionLogs(options);
    options.directory = other;
    const sessions = await starting;
    started.push(sessions);
    await sessions.logChunkToQueue('a', 's');
    await sessions.forceFlush();
    expect([readdirSync(directory), readdirSync(other)].map(({ length }) => length)).toEqual([1, 0]);
  });

  it('takes any exporter, flushes it, and shuts it down once', async () => {
    const exporter = new InMemoryLogRecordExporter();
    const shutdown = vi.spyOn(exporter, 'shutdown');
    const sessions = await start({ exporter });
    await sessions.logChunkToQueue('x', 's');
    await sessions.forceFlush();
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(['x']);
    await Promise.all([sessions.shutdown(), sessions.shutdown(), sessions[Symbol.asyncDispose]()]);
    expect(shutdown).toHaveBeenCalledTimes(1);
  });

  it('minimumSeverity leaves out leveled logs by destination; records without a severity always pass', async () => {
    const directory = temporaryDirectory();
    const exporter = new InMemoryLogRecordExporter();
    const sessions = await start({ directory, exporter, minimumSeverity: { file: 13, export: 17 } });
    sessions.logger.info('info');
    sessions.logger.warn('warn');
    sessions.logger.error('error');
    await sessions.logChunkToQueue('chunk', 's');
    await sessions.forceFlush();
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(['error', 'chunk']);
    const text = fileText(directory);
    expect(['info', 'warn', 'error', 'chunk'].filter((word) => text.includes(` ${word} `))).toEqual([
      'warn',
      'error',
      'chunk',
    ]);
  });

  it('registerGlobally makes its provider the global one until shutdown', async () => {
    const sessions = await start({ registerGlobally: true });
    sessions.withSession('s', () => logs.getLogger('elsewhere').emit({ body: 'from another logger' }));
    expect(sessions.getAllLogsInQueue()).toMatchObject([{ sessionId: 's', message: 'from another logger' }]);
    const second = await start({ registerGlobally: true });
    expect(diagnostics.lines.join()).toContain('registerGlobally');
    await second.shutdown();
    await sessions.shutdown();
    const third = await start({ registerGlobally: true });
    logs.getLogger('elsewhere').emit({ body: 'again', attributes: { 'session.id': 't' } });
    expect(third.getAllLogsInQueue()).toHaveLength(1);
  });

  it('forceFlush rejects in time with the number pending while the collector is stuck; shutdown ends in time', async () => {
    const stuck = { export: () => undefined, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
    const sessions = await start({ exporter: stuck });
    for (let n = 0; n < 3; n += 1) await sessions.logChunkToQueue('x', 's');
    await expect(sessions.forceFlush({ timeoutMillis: 50 })).rejects.toMatchObject({
      code: 'flush_timeout',
      pending: 3,
    });
    await expect(sessions.shutdown({ timeoutMillis: 50 })).rejects.toMatchObject({ code: 'shutdown_timeout' });
    await sessions.logChunkToQueue('late', 's');
    expect(sessions.stats().lost['after_shutdown']).toBe(1);
  });

  it.each([
    ['without a spool', false, false],
    ['with one', true, false],
    ['without a spool, answers merged', false, true],
    ['with one, answers merged', true, true],
  ])('flushSession tells up to which entry a session was delivered, %s', async (_what, isSpooled, coalesce) => {
    const exporter = new InMemoryLogRecordExporter();
    const spool = isSpooled ? { directory: join(temporaryDirectory(), 'spool') } : undefined;
    const sessions = await start({ exporter, spool, coalesce });
    await sessions.logChunkToQueue('one', 'a');
    await sessions.logChunkToQueue('other', 'b');
    await sessions.logChunkToQueue('two', 'a');
    const last = sessions.getAllLogsInQueue({ sessionId: 'a' }).at(-1);
    const report = { deliveredId: last?.id, pending: 0, rejected: 0, dropped: 0 };
    expect(await sessions.flushSession('a')).toEqual(report);
    expect(exporter.getFinishedLogRecords()).toHaveLength(coalesce ? 1 : 3);
  });

  it('flushSession where nothing is exported says what it needs', async () => {
    const sessions = await start({});
    await expect(sessions.flushSession('a')).rejects.toMatchObject({
      code: 'no_durable_exporter',
      message: expect.stringContaining('give startSessionLogs an `endpoint` or `exporter`') as string,
    });
  });

  it.each(['without a spool', 'with one'])(
    'what a Collector refuses in JSON, and what no exporter can write, has one form %s',
    async (what) => {
      const exporter = new InMemoryLogRecordExporter();
      const spool = what === 'with one' ? { directory: join(temporaryDirectory(), 'spool') } : undefined;
      const sessions = await start({ exporter, spool });
      const cyclic: Record<string, unknown> = { n: Number.NaN };
      cyclic['self'] = cyclic;
      sessions.logger.info('numbers', {
        nan: Number.NaN,
        low: -Infinity,
        big: 2 ** 63,
        huge: 2n ** 70n,
        fine: 2 ** 62,
      });
      sessions.logger.info('objects', {
        cyclic,
        when: new Date(0),
        bytes: new Uint8Array([1]),
        map: new Map([['k', 1n]]),
      });
      await sessions.forceFlush();
      expect(exporter.getFinishedLogRecords().map(({ attributes }) => attributes)).toEqual([
        { nan: 'NaN', low: '-Infinity', big: '9223372036854776000', huge: '1180591620717411303424', fine: 2 ** 62 },
        {
          cyclic: { n: 'NaN', self: '[Circular]' },
          when: '1970-01-01T00:00:00.000Z',
          bytes: new Uint8Array([1]),
          map: [['k', '1']],
        },
      ]);
    },
  );

  it('a collector that is away for a while costs nothing without a spool either, and a shutdown counts what is left', async () => {
    const receiver = await receiverUrl();
    receiver.answer({ status: 500 });
    const sessions = await start({ endpoint: receiver.url });
    await sessions.logChunkToQueue('early', 's');
    await expect(sessions.forceFlush({ timeoutMillis: 100 })).rejects.toMatchObject({
      code: 'flush_timeout',
      pending: 1,
    });
    receiver.answer('ok');
    await sessions.logChunkToQueue('later', 's');
    await sessions.forceFlush();
    expect(receiver.records().map(({ body }) => body)).toEqual(['early', 'later']);
    receiver.answer({ status: 500 });
    for (let n = 0; n < 3; n += 1) await sessions.logChunkToQueue('last', 's');
    await expect(sessions.shutdown({ timeoutMillis: 100 })).rejects.toMatchObject({
      code: 'shutdown_timeout',
      pending: 3,
    });
    expect(sessions.stats().lost).toEqual({ export_failed: 3 });
  });

  it('OTEL_SDK_DISABLED makes no exporter; queues and file work', async () => {
    vi.stubEnv('OTEL_SDK_DISABLED', 'true');
    const exporter = new InMemoryLogRecordExporter();
    const sessions = await start({ exporter });
    await sessions.logChunkToQueue('x', 's');
    await sessions.forceFlush();
    expect(sessions.getAllLogsInQueue()).toHaveLength(1);
    expect(exporter.getFinishedLogRecords()).toEqual([]);
  });

  it.each<[string, StartSessionLogsOptions, string]>([
    ['an unknown key', { directroy: 'x' } as never, 'startSessionLogs: unknown option `directroy`'],
    ['a negative bound', { retentionDays: -1 }, 'expected `retentionDays` to be a positive integer, got -1 (number)'],
    ['NaN', { retentionDays: Number.NaN }, 'expected `retentionDays` to be a positive integer, got NaN (number)'],
    [
      'an endpoint that is no URL',
      { endpoint: 'localhost' },
      'expected `endpoint` to be a URL such as "http://localhost:4318", got "localhost" (string)',
    ],
    ['an endpoint of another scheme', { endpoint: 'ftp://x' }, 'expected `endpoint` to be a URL'],
    ['no exporter', { exporter: {} as never }, 'expected `exporter` to be a LogRecordExporter'],
    ['another module', { sdk: { default: {} } as never }, "expected `sdk` to be the module '@opentelemetry/sdk-logs'"],
    ['a wrong directory', { directory: '' }, 'expected `directory` to be a path, got "" (string)'],
    [
      'a wrong severity',
      { minimumSeverity: { file: 'warning' as never } },
      "expected `minimumSeverity.file` to be 'trace', 'debug', 'info', 'warn', 'error', 'fatal', or a severity number, 0 to 24",
    ],
    [
      'a wrong redaction',
      { redact: 'yes' as never },
      'expected `redact` to be a function, or what patternRedaction makes of patterns, got "yes" (string)',
    ],
    [
      'wrong merging',
      { coalesce: { maxChars: 0 }, exporter: new InMemoryLogRecordExporter() },
      'expected `maxChars` to be a positive integer, got 0 (number)',
    ],
    [
      'a wrong spool',
      { spool: { directory: '' }, exporter: new InMemoryLogRecordExporter() },
      'expected `directory` to be a path, got "" (string)',
    ],
  ])(
    '%s: a TypeError that names the option and the value, and nothing is left open',
    async (_what, options, message) => {
      const directory = join(temporaryDirectory(), 'logs');
      await expect(start({ directory, ...options })).rejects.toThrow(TypeError);
      await expect(start({ directory, ...options })).rejects.toThrow(message);
      expect(existsSync(directory)).toBe(false);
    },
  );

  it('a second start on one directory with other options throws, and works after the first is shut down', async () => {
    const directory = temporaryDirectory();
    const first = await start({ directory });
    const listeners = process.listenerCount('beforeExit');
    await expect(start({ directory, retentionDays: 3 })).rejects.toMatchObject({
      code: 'directory_in_use',
      message: expect.stringContaining('other values of `retentionDays`: sharedSessionLogs()') as string,
    });
    expect(process.listenerCount('beforeExit')).toBe(listeners);
    await first.shutdown();
    expect(process.listenerCount('beforeExit')).toBe(listeners - 1);
    await start({ directory, retentionDays: 3 });
  });

  it('a start that failed has let go of what it had made: another one works at once', async () => {
    const directory = temporaryDirectory();
    const exporter = new InMemoryLogRecordExporter();
    const options = { directory: join(directory, 'logs'), exporter, spool: { directory: join(directory, 'spool') } };
    await expect(start({ ...options, file: { fileMode: 1 } })).rejects.toThrow('`fileMode`');
    await expect(start({ ...options, coalesce: { maxChars: 0 } })).rejects.toThrow('`maxChars`');
    await start(options);
  });

  it('an endpoint of the environment that is no URL: one warning, no export, everything else works', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'no url');
    const sessions = await start();
    await sessions.logChunkToQueue('x', 's');
    await sessions.forceFlush();
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines[0]).toContain('OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: "no url"');
  });
});

describe('a script that only logs and reads', () => {
  const source = builtSource();

  it('21: ends by itself with code 0, everything printed and flushed', async () => {
    const receiver = await receiverUrl();
    const directory = temporaryDirectory();
    const script = `
      import { startSessionLogs } from ${JSON.stringify(source.url('index.js'))};
      const sessions = await startSessionLogs();
      for (let n = 0; n < 1000; n += 1) await sessions.logChunkToQueue('chunk ' + n, 'abc123');
      sessions.endSession('abc123');
      let count = 0;
      for await (const chunk of sessions.getSessionLogs('abc123')) count += 1;
      console.log(count);
    `;
    const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        ['--input-type=module', '-e', script],
        {
          cwd: fileURLToPath(new URL('../..', import.meta.url)),
          env: { ...process.env, LOGS_PATH: directory, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
        },
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
      );
    });
    expect(ended).toEqual({ code: 0, stdout: '1000\n', stderr: '' });
    expect(fileText(directory).split('\n')).toHaveLength(1_001);
    expect(receiver.records()).toHaveLength(1_000);
  });

  it('without a collector: ends with code 0, and says on stderr how many records are lost, where and why', async () => {
    const script = `
      import { startSessionLogs } from ${JSON.stringify(source.url('index.js'))};
      const sessions = await startSessionLogs({ file: false, endpoint: 'http://user:secret@127.0.0.1:1' });
      await sessions.logChunkToQueue('x', 's');
      process.on('exit', () => console.log(JSON.stringify(sessions.stats().lost)));
    `;
    const ended = await runProgram(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    });
    expect(ended).toEqual({
      status: 0,
      stdout: '{"export_failed":1}\n',
      stderr:
        'otel-session-logs: the shutdown at the end of the process did not complete: 1 log records were not exported ' +
        'within 10000 ms of shutdown (to http://127.0.0.1:1/v1/logs: connect ECONNREFUSED 127.0.0.1:1) ' +
        '(docs: otel-session-logs/docs/run.md#shutdown_timeout)\n',
    });
  }, 60_000);

  it('idle sessions and waiting readers do not keep a process alive', async () => {
    const script = `
      import { SessionLogs } from ${JSON.stringify(source.url('index.js'))};
      const sessions = new SessionLogs();
      await sessions.logChunkToQueue('x', 's');
      void sessions.followSession('other').next();
    `;
    const code = await new Promise((resolve) => {
      execFile(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 }, (error) =>
        resolve(error?.code ?? 0),
      );
    });
    expect(code).toBe(0);
  });
});
