import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { context, logs } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BatchLogRecordProcessor, InMemoryLogRecordExporter, LoggerProvider } from '@opentelemetry/sdk-logs';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { CoalescingLogRecordProcessor, DurableLogRecordProcessor } from '../../src/export.ts';
import { bridgeLogsApi, SessionLogs, startSessionLogs } from '../../src/index.ts';
import type { Diagnosis } from '../../src/index.ts';
import { RedisSessionStore } from '../../src/redis.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Without that of both lines being loaded here, each with its version of the API. */
function codesIn({ findings }: Diagnosis): string[] {
  return findings.map(({ code }) => code).filter((code) => code !== 'several_apis');
}

async function codesOf(sessions: SessionLogs): Promise<string[]> {
  const diagnosis = await sessions.diagnose();
  for (const { problem, fix } of diagnosis.findings) {
    expect([problem, fix].every((text) => text.length > 10)).toBe(true);
  }
  return codesIn(diagnosis);
}

type StartSdk = (options: object) => { shutdown(): Promise<void> };

const diagnostics = recordDiagnostics();

const API_LOGS = Symbol.for('io.opentelemetry.js.api.logs');

afterEach(() => {
  logs.disable();
  context.disable();
  delete (globalThis as Record<symbol, unknown>)[API_LOGS];
});

describe('diagnose()', () => {
  it('without a provider', async () => {
    expect(await codesOf(new SessionLogs())).toEqual(['no_provider']);
  });

  it('a function for the provider that throws', async () => {
    const loggerProvider = (): never => {
      throw new Error('not configured');
    };
    const sessions = new SessionLogs({ loggerProvider });
    expect(await codesOf(sessions)).toEqual(['no_provider']);
    expect(String(await sessions.diagnose())).toContain('`loggerProvider` throws: not configured');
  });

  it.each(sdkLines)('SDK %s: our processor not on the provider, or behind an exporter', async (_name, { sdk }) => {
    const sessions = new SessionLogs({ loggerProvider: new sdk.LoggerProvider() });
    expect(await codesOf(sessions)).toEqual(['not_attached']);
    const batch = new sdk.BatchLogRecordProcessor({ exporter: new sdk.InMemoryLogRecordExporter() });
    let provider: InstanceType<typeof sdk.LoggerProvider> | undefined;
    const late = new SessionLogs({ loggerProvider: () => provider });
    provider = new sdk.LoggerProvider({ processors: [batch, late.processor] });
    expect(await codesOf(late)).toEqual(['processor_order']);
    const first = new SessionLogs({ loggerProvider: () => provider });
    provider = new sdk.LoggerProvider({ processors: [first.processor, batch] });
    expect(await codesOf(first)).toEqual([]);
  });

  describe.each(sdkLines)('rules of the provider, SDK %s', (name, { sdk, require }) => {
    function start(rule: object): { sessions: SessionLogs; provider: InstanceType<typeof sdk.LoggerProvider> } {
      const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
      const provider = new sdk.LoggerProvider({
        processors: [sessions.processor],
        loggerConfigurator: () => ({ enabled: true, disabled: false, minimumSeverity: 0, traceBased: false, ...rule }),
      });
      return { sessions, provider };
    }

    it.each([
      [{ enabled: false, disabled: true }, 'all records of "otel-session-logs"'],
      [{ minimumSeverity: 13 }, 'records below severity 13 of "app", records below severity 13 of "otel-session-logs"'],
      [{ traceBased: true }, 'records in traces that are not sampled of "otel-session-logs"'],
    ])('%j: names the rule, and does not take the processor for missing', async (rule, text) => {
      const { sessions, provider } = start(rule);
      provider.getLogger('app');
      const diagnosis = await sessions.diagnose();
      expect(codesIn(diagnosis)).toEqual(['logger_rules', 'no_exporter']);
      expect(diagnosis.findings[0]?.problem).toContain(text);
    });

    it('a rule that stops our own records is told once; they stay readable', async () => {
      const { sessions } = start({ enabled: false, disabled: true });
      await sessions.logChunkToQueue('a', 's');
      await sessions.logChunkToQueue('b', 's');
      expect(sessions.getAllLogsInQueue().map(({ message }) => message)).toEqual(['a', 'b']);
      expect(diagnostics.lines.filter((line) => line.includes('a rule of the logger provider'))).toHaveLength(1);
      expect(diagnostics.lines.join()).not.toContain('does not lead to');
    });

    it('a configuration file takes no processors from the program: the way that is advised works', async () => {
      const file = join(temporaryDirectory(), 'otel.yaml');
      const body = 'file_format: "1.0"\nlogger_provider:\n  processors:\n    - simple: { exporter: { console: } }\n';
      const { startNodeSdk, startNodeSDK } = require('@opentelemetry/sdk-node') as Record<string, StartSdk | undefined>;
      const startSdk = (startNodeSdk ?? startNodeSDK) as StartSdk;
      vi.stubEnv('OTEL_CONFIG_FILE', file);
      // The SDK's console exporter, and its words about the second start.
      const quiet = [vi.spyOn(console, 'dir'), vi.spyOn(console, 'error')].map((spy) =>
        spy.mockImplementation(() => {}),
      );
      onTestFinished(() => {
        vi.unstubAllEnvs();
        for (const spy of quiet) spy.mockRestore();
      });

      writeFileSync(file, body);
      const ignored = new SessionLogs();
      const sdkOfFile = startSdk({ logRecordProcessors: [ignored.processor] });
      expect(await codesOf(ignored)).toContain('config_file');
      await sdkOfFile.shutdown();
      context.disable();
      logs.disable();
      delete (globalThis as Record<symbol, unknown>)[API_LOGS];

      writeFileSync(file, body.slice(0, body.indexOf('logger_provider')));
      const sessions = await startSessionLogs({
        registerGlobally: true,
        file: false,
        console: false,
        streamHandler: false,
      });
      const sdkBeside = startSdk({});
      const api = (require(name === '3.x' ? '@opentelemetry/api' : '@opentelemetry/api-logs') as { logs: typeof logs })
        .logs;
      api.getLogger('app').emit({ body: 'x', attributes: { 'session.id': 's' } });
      expect(sessions.allSessionsInQueue).toEqual(['s']);
      expect(await codesOf(sessions)).not.toContain('config_file');
      await sdkBeside.shutdown();
      await sessions.shutdown();
    });
  });

  it('finds nothing where all is well, says so and what it looked at, and emits nothing', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const sessions = new SessionLogs();
    const exporter = new InMemoryLogRecordExporter();
    logs.setGlobalLoggerProvider(
      new LoggerProvider({ processors: [sessions.processor, new BatchLogRecordProcessor({ exporter })] }),
    );
    expect(await codesOf(sessions)).toEqual(['no_bridge']);
    expect(bridgeLogsApi()).toBe(true);
    logs.getLogger('app').emit({ body: 'x', attributes: { 'session.id': 's' } });
    logs.getLogger('app').emit({ body: 'y' });
    const diagnosis = await sessions.diagnose();
    expect(codesIn(diagnosis)).toEqual([]);
    expect(diagnosis.unchecked).toEqual([]);
    expect(diagnosis.checked).toContain(
      'BatchLogRecordProcessor exports with InMemoryLogRecordExporter: 2 of at most 2048 records wait',
    );
    expect(diagnosis.checked).toContain(
      'records of other loggers, by their instrumentation scope: "app" 1 in sessions and 1 outside',
    );
    await (logs.getLoggerProvider() as LoggerProvider).forceFlush();
    expect(exporter.getFinishedLogRecords().map(({ body }) => body)).toEqual(['x', 'y']);
    expect(sessions.processor.router.routed).toBe(2);
  });

  it('a directory that cannot be written, and losses', async () => {
    const directory = join(temporaryDirectory(), 'logs');
    mkdirSync(directory);
    const sessions = await startSessionLogs({ directory, console: false, streamHandler: false });
    expect(await codesOf(sessions)).toEqual([]);
    rmSync(directory, { recursive: true });
    // In the way: the directory cannot be made anew.
    writeFileSync(directory, '');
    sessions.logger.info('x', { 'session.id': 42 });
    const diagnosis = await sessions.diagnose();
    expect(codesIn(diagnosis)).toEqual(['directory_unusable', 'losses']);
    expect(String(diagnosis)).toContain('1 invalid_session');
    await sessions.shutdown({ timeoutMillis: 200 }).catch(() => undefined);
  });

  describe.each(sdkLines)('the endpoint of an exporter, SDK %s', (_name, { sdk, require }) => {
    type Exporter = ConstructorParameters<typeof sdk.SimpleLogRecordProcessor>[0]['exporter'];
    type ExporterClass = new (options: object) => Exporter;

    function exporterOf(protocol: 'http' | 'proto' | 'grpc', options: object): Exporter {
      const name = `@opentelemetry/exporter-logs-otlp-${protocol}`;
      return new (require(name) as { OTLPLogExporter: ExporterClass }).OTLPLogExporter(options);
    }

    function behind(exporter: Exporter): SessionLogs {
      const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
      const provider = new sdk.LoggerProvider({
        processors: [sessions.processor, new sdk.SimpleLogRecordProcessor({ exporter })],
      });
      return sessions;
    }

    it.each(['http', 'proto'] as const)(
      'gets one request as by %s, with its headers, and no record',
      async (protocol) => {
        const asked: string[] = [];
        const server = createHttpServer((request, response) => {
          request.resume();
          asked.push(`${request.url} ${request.headers['content-type']} ${request.headers.authorization}`);
          response.writeHead(request.headers.authorization === 'Bearer key' ? 200 : 401).end();
        }).listen(0, '127.0.0.1');
        onTestFinished(() => void server.close());
        await new Promise((resolve) => server.once('listening', resolve));
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tenant`;
        expect(await codesOf(behind(exporterOf(protocol, { url, headers: { authorization: 'Bearer key' } })))).toEqual(
          [],
        );
        const type = protocol === 'http' ? 'application/json' : 'application/x-protobuf';
        expect(asked).toEqual([`/tenant ${type} Bearer key`]);
        expect(await codesOf(behind(exporterOf(protocol, { url })))).toEqual(['endpoint_refuses']);
      },
    );

    it('is the one of OTEL_EXPORTER_OTLP_LOGS_ENDPOINT as it is', async () => {
      vi.stubEnv('OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'http://127.0.0.1:1/own');
      onTestFinished(() => void vi.unstubAllEnvs());
      const { findings } = await behind(exporterOf('http', {})).diagnose();
      expect(findings.filter(({ code }) => code !== 'several_apis')).toMatchObject([
        {
          problem: 'http://127.0.0.1:1/own cannot be reached: ECONNREFUSED',
          fix: expect.stringContaining('correct OTEL_EXPORTER_OTLP_LOGS_ENDPOINT') as string,
        },
      ]);
    });

    it('for gRPC is connected to', async () => {
      const away = await behind(exporterOf('grpc', { url: 'http://user:secret@127.0.0.1:1' })).diagnose();
      expect(codesIn(away)).toEqual(['endpoint_unreachable']);
      expect(String(away)).not.toContain('secret');
      const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
      onTestFinished(() => void server.close());
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      const reached = await behind(exporterOf('grpc', { url: `http://127.0.0.1:${port}` })).diagnose();
      expect(codesIn(reached)).toEqual([]);
      expect(reached.unchecked).toEqual([`whether 127.0.0.1:${port}, which can be reached, takes logs by gRPC`]);
      const wrong = await behind(exporterOf('http', { url: `http://127.0.0.1:${port}/v1/logs` })).diagnose();
      expect(codesIn(wrong)).toEqual(['endpoint_unreachable']);
    });

    it('that hangs is not waited for', async () => {
      const server = createServer(() => {}).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/logs`;
      const diagnosis = await behind(exporterOf('http', { url })).diagnose();
      expect(String(diagnosis)).toContain('cannot be reached: no answer within 5000 ms');
      server.close();
    });

    it.each([
      'http://user:secret@127.0.0.1:1',
      'http://user:p@secret@127.0.0.1:1/v1/logs',
      'http://127.0.0.1:1/?key=secret',
    ])('is told without credentials: %s', async (url) => {
      const diagnosis = await behind(exporterOf('http', { url })).diagnose();
      expect(String(diagnosis)).toMatch(/http:\/\/127\.0\.0\.1:1\S* cannot be reached/);
      expect(String(diagnosis)).not.toMatch(/user|secret/);
    });

    it('of our own processors is found, also behind the one that merges', async () => {
      const exporter = exporterOf('http', { url: 'http://127.0.0.1:1/v1/logs' });
      const directory = join(temporaryDirectory(), 'spool');
      const durable = new DurableLogRecordProcessor({ exporter, directory });
      const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
      const provider = new sdk.LoggerProvider({
        processors: [sessions.processor, new CoalescingLogRecordProcessor({ processor: durable })],
      });
      const diagnosis = await sessions.diagnose();
      expect(codesIn(diagnosis)).toEqual(['endpoint_unreachable']);
      expect(diagnosis.checked).toContain(`the spool in ${directory} can be written to`);
      await provider.shutdown();
    });
  });

  describe('where code of others misbehaves', () => {
    const nothing = { onEmit: () => {}, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };

    it('what an exporter or a processor does not show is told as not checked', async () => {
      const exporter = { export: () => {}, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
      const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
      const provider = new LoggerProvider({
        processors: [
          sessions.processor,
          new BatchLogRecordProcessor({ exporter }),
          new (class Foreign {
            onEmit = nothing.onEmit;
            forceFlush = nothing.forceFlush;
            shutdown = nothing.shutdown;
          })(),
        ],
      });
      const diagnosis = await sessions.diagnose();
      expect(codesIn(diagnosis)).toEqual([]);
      expect(diagnosis.unchecked).toEqual([
        'where Object sends records: it does not show it',
        'where Foreign sends records: it does not show an exporter',
      ]);
    });

    it('a processor that holds ours where it cannot be seen is asked through the SDK, or not accused', async () => {
      class Hiding {
        readonly #inner: SessionLogs['processor'];
        readonly forceFlush = nothing.forceFlush;
        readonly shutdown = nothing.shutdown;
        constructor(inner: SessionLogs['processor']) {
          this.#inner = inner;
        }
        onEmit(...record: Parameters<SessionLogs['processor']['onEmit']>): void {
          this.#inner.onEmit(...record);
        }
      }
      class Asking extends Hiding {
        readonly enabled: () => boolean;
        constructor(inner: SessionLogs['processor']) {
          super(inner);
          this.enabled = () => inner.enabled();
        }
      }
      for (const [Class, told] of [
        [Hiding, []],
        [Asking, ["the provider passes records to this instance's processor"]],
      ] as const) {
        const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
        const provider = new LoggerProvider({ processors: [new Class(sessions.processor)] });
        const diagnosis = await sessions.diagnose();
        expect(codesIn(diagnosis)).toEqual([]);
        expect(diagnosis.checked).toEqual(expect.arrayContaining([...told]));
        expect(sessions.processor.enabled()).toBe(true);
      }
    });

    it.each<[string, object]>([
      [
        'a provider that throws',
        {
          getLogger: () => {
            throw new Error('broken');
          },
        },
      ],
      [
        'one whose inside throws',
        {
          getLogger: () => ({ emit: () => {} }),
          get _sharedState(): never {
            throw new Error('broken');
          },
        },
      ],
      ['one that shows nothing', { getLogger: () => ({ emit: () => {} }) }],
      [
        'one that answers with nonsense',
        {
          getLogger: () => undefined,
          _sharedState: { processors: [undefined, null, 1, Object.create(null)], loggers: new Map() },
        },
      ],
      [
        'a proxy that throws',
        new Proxy(
          { getLogger: () => undefined },
          {
            get: (target, key) => {
              if (key === 'getLogger') return target.getLogger;
              throw new Error('broken');
            },
          },
        ),
      ],
    ])('%s', async (_what, provider) => {
      const sessions = new SessionLogs({ loggerProvider: () => provider as never });
      const diagnosis = await sessions.diagnose();
      const { unchecked, checked } = diagnosis;
      expect(
        codesIn(diagnosis).filter((code) => code !== 'no_exporter'),
        String(diagnosis),
      ).toEqual([]);
      expect(unchecked.length).toBeGreaterThan(0);
      expect(checked).toContain('nothing was lost');
    });

    it.each([
      [
        'throws',
        () => {
          throw new Error('broken');
        },
      ],
      ['hangs', () => new Promise(() => {})],
    ])('an exporter whose headers are a function that %s', async (_what, headers) => {
      const exporter = {
        _delegate: {
          _transport: { _parameters: { url: 'http://127.0.0.1:1/v1/logs', headers, agentFactory: () => undefined } },
        },
        ...nothing,
        export: () => {},
      };
      const sessions: SessionLogs = new SessionLogs({ loggerProvider: () => provider });
      const provider = new LoggerProvider({
        processors: [sessions.processor, new BatchLogRecordProcessor({ exporter })],
      });
      expect(await codesOf(sessions)).toEqual(['endpoint_unreachable']);
    });

    it('a store that throws, hangs or rejects', async () => {
      for (const [step, codes] of [
        [
          () => {
            throw new Error('broken');
          },
          [],
        ],
        [() => new Promise<never>(() => {}), ['store_unreachable']],
        [() => Promise.reject(new Error('NOPERM')), ['store_unreachable']],
      ] as const) {
        const sessions = new SessionLogs();
        const open = vi.spyOn(sessions.processor.store, 'open');
        open.mockReturnValue({ step, leave: () => {} } as never);
        expect(await codesOf(sessions)).toEqual(['no_provider', ...codes]);
        open.mockRestore();
      }
    });
  });

  it('a Redis that is away', async () => {
    const client = new Redis({ host: '127.0.0.1', port: 1, lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => {});
    const sessions = new SessionLogs({ store: new RedisSessionStore({ client }) });
    await sessions.logChunkToQueue('waits', 's');
    const diagnosis = await sessions.diagnose();
    expect(codesIn(diagnosis), String(diagnosis)).toEqual(['no_provider', 'store_unreachable']);
    expect(String(diagnosis)).toMatch(/RedisSessionStore cannot be reached: .*; 1 entries/);
    await sessions.shutdown({ timeoutMillis: 100 }).catch(() => {});
    client.disconnect();
  });

  it('several calls at once give the same, and one after the shutdown says that it is over', async () => {
    const sessions = await startSessionLogs({ file: false, console: false, streamHandler: false });
    const [first, second] = await Promise.all([sessions.diagnose(), sessions.diagnose()]);
    expect(first.findings).toEqual(second.findings);
    await sessions.shutdown();
    expect(await codesOf(sessions)).toEqual(['not_attached']);
  });
});
