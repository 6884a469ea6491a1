import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { context, logs } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BatchLogRecordProcessor, InMemoryLogRecordExporter, LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { diagnose } from '../../src/facade/diagnose.ts';
import { bridgeLogsApi, SessionLogs, startSessionLogs } from '../../src/index.ts';
import { recordDiagnostics } from '../support/diagnostics.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function codesOf(sessions: SessionLogs): Promise<string[]> {
  const { findings } = await sessions.diagnose();
  for (const { problem, fix } of findings) expect([problem, fix].every((text) => text.length > 10)).toBe(true);
  return findings.map(({ code }) => code);
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
  it('without a provider, and without a context manager', async () => {
    expect(await codesOf(new SessionLogs())).toEqual(['no_provider', 'no_context_manager']);
  });

  it('a function for the provider that throws', async () => {
    const loggerProvider = (): never => {
      throw new Error('not configured');
    };
    const sessions = new SessionLogs({ loggerProvider });
    expect(await codesOf(sessions)).toEqual(['no_provider', 'no_context_manager']);
    expect(String(await sessions.diagnose())).toContain('`loggerProvider` throws: not configured');
  });

  it.each(sdkLines)('SDK %s: our processor not on the provider, or behind an exporter', async (_name, { sdk }) => {
    const sessions = new SessionLogs({ loggerProvider: new sdk.LoggerProvider() });
    expect(await codesOf(sessions)).toEqual(['not_attached', 'no_context_manager']);
    const batch = new sdk.BatchLogRecordProcessor({ exporter: new sdk.InMemoryLogRecordExporter() });
    let provider: InstanceType<typeof sdk.LoggerProvider> | undefined;
    const late = new SessionLogs({ loggerProvider: () => provider });
    provider = new sdk.LoggerProvider({ processors: [batch, late.processor] });
    expect(await codesOf(late)).toEqual(['processor_order', 'no_context_manager']);
    const first = new SessionLogs({ loggerProvider: () => provider });
    provider = new sdk.LoggerProvider({ processors: [first.processor, batch] });
    expect(await codesOf(first)).toEqual(['no_context_manager']);
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
      const { findings } = await sessions.diagnose();
      expect(findings.map(({ code }) => code)).toEqual(['logger_rules', 'no_context_manager']);
      expect(findings[0]?.problem).toContain(text);
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

  it('finds nothing where all is well, and says so', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const sessions = new SessionLogs();
    logs.setGlobalLoggerProvider(
      new LoggerProvider({
        processors: [sessions.processor, new BatchLogRecordProcessor({ exporter: new InMemoryLogRecordExporter() })],
      }),
    );
    expect(await codesOf(sessions)).toEqual(['no_bridge']);
    expect(bridgeLogsApi()).toBe(true);
    expect(String(await sessions.diagnose())).toBe('nothing found that keeps logs from arriving');
    expect(sessions.getAllLogsInQueue()).toEqual([]);
  });

  it('an endpoint that cannot be reached, a directory that cannot be written, and losses', async () => {
    const server = createServer((socket) => socket.resume().end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const directory = join(temporaryDirectory(), 'logs');
    mkdirSync(directory);
    const sessions = await startSessionLogs({
      directory,
      endpoint: `http://user:secret@127.0.0.1:${port}`,
      console: false,
      streamHandler: false,
    });
    expect(await codesOf(sessions)).toEqual(['no_context_manager']);
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
    // In the way: the directory cannot be made anew.
    writeFileSync(directory, '');
    sessions.logger.info('x', { 'session.id': 42 });
    const diagnosis = await sessions.diagnose();
    expect(diagnosis.findings.map(({ code }) => code)).toEqual([
      'no_context_manager',
      'losses',
      'endpoint_unreachable',
      'directory_unusable',
    ]);
    expect(String(diagnosis)).toContain('ECONNREFUSED');
    expect(String(diagnosis)).toContain('1 invalid_session');
    expect(String(diagnosis)).not.toContain('secret');
    await sessions.shutdown({ timeoutMillis: 200 }).catch(() => undefined);
  });

  it.each([
    ['the page of a captive portal', 200, 'text/html; charset=utf-8', ['no_collector']],
    ['a collector', 200, 'application/json', []],
    ['an answer without a type', 200, undefined, []],
    ['a page that says no', 403, 'text/html', []],
    ['a redirection', 302, 'text/html', []],
  ])('asks the endpoint with an export without records: %s', async (_what, status, type, codes) => {
    const asked: (string | undefined)[] = [];
    const server = createHttpServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      request.resume();
      const headers = { location: 'http://127.0.0.1:1/', ...(type === undefined ? {} : { 'content-type': type }) };
      response.writeHead(status, headers).end('<html>');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    for (const path of ['', '/v1/logs/', '/tenant']) {
      const sessions = new SessionLogs();
      const endpoint = `http://127.0.0.1:${port}${path}`;
      const subject = { processor: sessions.processor, provider: () => undefined, probe: () => true, lost: {} };
      const { findings } = await diagnose({ ...subject, directory: undefined, endpoint });
      expect(findings.map(({ code }) => code).filter((code) => /endpoint|collector/.test(code))).toEqual(codes);
      await sessions.shutdown();
    }
    expect(asked).toEqual(['POST /v1/logs', 'POST /v1/logs', 'POST /tenant/v1/logs']);
  });

  it.each([
    'http://user:secret@127.0.0.1:1',
    'http://user:p@secret@127.0.0.1:1/v1/logs',
    'user:secret@127.0.0.1:1',
    'http://127.0.0.1:1/?key=secret',
    'http://user:sec/secret@127.0.0.1:1',
    'http://user:1secret#@127.0.0.1 :1?key=secret',
  ])('prints no credentials of the endpoint %s', async (endpoint) => {
    const { processor } = new SessionLogs();
    const subject = {
      processor,
      provider: () => undefined,
      probe: () => true,
      lost: {},
      directory: undefined,
      endpoint,
    };
    const { findings } = await diagnose(subject);
    const problem = findings.find(({ code }) => code === 'endpoint_unreachable')?.problem;
    expect(problem).toContain('127.0.0.1');
    expect(problem).not.toMatch(/user|secret/);
  });
});
