import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { context, logs } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BatchLogRecordProcessor, InMemoryLogRecordExporter, LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, describe, expect, it } from 'vitest';

import { diagnose } from '../../src/facade/diagnose.ts';
import { bridgeLogsApi, SessionLogs, startSessionLogs } from '../../src/index.ts';
import { sdkLines } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function codesOf(sessions: SessionLogs): Promise<string[]> {
  const { findings } = await sessions.diagnose();
  for (const { problem, fix } of findings) expect([problem, fix].every((text) => text.length > 10)).toBe(true);
  return findings.map(({ code }) => code);
}

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
    const server = createServer().listen(0, '127.0.0.1');
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
    'http://user:secret@127.0.0.1:1',
    'http://user:p@secret@127.0.0.1:1/v1/logs',
    'user:secret@127.0.0.1:1',
    'http://127.0.0.1:1/?key=secret',
    'http://user:sec/secret@127.0.0.1:1',
    'http://user:1secret#@127.0.0.1 :1?key=secret',
  ])('prints no credentials of the endpoint %s', async (endpoint) => {
    const { processor } = new SessionLogs();
    const subject = { processor, provider: undefined, probe: () => true, lost: {}, directory: undefined, endpoint };
    const { findings } = await diagnose(subject);
    const problem = findings.find(({ code }) => code === 'endpoint_unreachable')?.problem;
    expect(problem).toContain('127.0.0.1');
    expect(problem).not.toMatch(/user|secret/);
  });
});
