import * as api from '@opentelemetry/api';
import { logs as olderLogs } from '@opentelemetry/api-logs';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { LoggerProvider } from '@opentelemetry/sdk-logs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  bridgeLogsApi,
  globalLoggerProvider,
  hasContextManager,
  isLogsApiBridged,
  registerLoggerProvider,
  registeredLogsApis,
} from '../../src/otel/logs-api.ts';
import { newerLine, olderLine } from '../support/sdk-lines.ts';
import type { SdkLine } from '../support/sdk-lines.ts';

function providerOf({ sdk }: SdkLine): { provider: LoggerProvider; bodies: () => unknown[] } {
  const exporter = new sdk.InMemoryLogRecordExporter();
  const provider = new sdk.LoggerProvider({ processors: [new sdk.SimpleLogRecordProcessor({ exporter })] });
  return { provider, bodies: () => exporter.getFinishedLogRecords().map((record) => record.body) };
}

function forgetGlobals(): void {
  api.logs.disable();
  olderLogs.disable();
  api.context.disable();
}

beforeAll(forgetGlobals);
afterEach(forgetGlobals);

describe('globalLoggerProvider', () => {
  it('is undefined while no provider is registered', () => {
    expect(globalLoggerProvider()).toBeUndefined();
    expect(registeredLogsApis()).toEqual({ api: false, apiLogs: false });
  });

  it('finds the provider of an SDK 3.x', () => {
    const { provider } = providerOf(newerLine);
    api.logs.setGlobalLoggerProvider(provider);
    expect(globalLoggerProvider()).toBe(provider);
  });

  it('finds the provider of an SDK 0.2xx', () => {
    const { provider } = providerOf(olderLine);
    olderLogs.setGlobalLoggerProvider(provider);
    expect(globalLoggerProvider()).toBe(provider);
    expect(registeredLogsApis()).toEqual({ api: false, apiLogs: true });
  });

  it('does not take the bridge for a provider', () => {
    expect(bridgeLogsApi()).toBe(true);
    expect(globalLoggerProvider()).toBeUndefined();
  });
});

describe('bridgeLogsApi', () => {
  it('lets loggers of api-logs, made before or after, reach a 3.x provider registered before or after', () => {
    const { provider, bodies } = providerOf(newerLine);
    const before = olderLogs.getLogger('before');
    expect(isLogsApiBridged()).toBe(false);
    expect(bridgeLogsApi()).toBe(true);
    expect(isLogsApiBridged()).toBe(true);
    const early = olderLogs.getLogger('early');
    api.logs.setGlobalLoggerProvider(provider);
    before.emit({ body: 'before' });
    early.emit({ body: 'early' });
    olderLogs.getLogger('after').emit({ body: 'after' });
    expect(bodies()).toEqual(['before', 'early', 'after']);
  });

  it('answers true again, and false where somebody else is registered', () => {
    expect([bridgeLogsApi(), bridgeLogsApi()]).toEqual([true, true]);
    olderLogs.disable();
    olderLogs.setGlobalLoggerProvider(providerOf(olderLine).provider);
    expect(bridgeLogsApi()).toBe(false);
    expect(isLogsApiBridged()).toBe(false);
  });
});

describe('registerLoggerProvider', () => {
  it('serves both logs APIs until it is taken back', () => {
    const { provider, bodies } = providerOf(newerLine);
    const unregister = registerLoggerProvider(provider);
    api.logs.getLogger('new').emit({ body: 'new' });
    olderLogs.getLogger('old').emit({ body: 'old' });
    expect(bodies()).toEqual(['new', 'old']);
    expect(registerLoggerProvider(provider)).toBeUndefined();
    unregister?.();
    expect(globalLoggerProvider()).toBeUndefined();
    expect(registeredLogsApis()).toEqual({ api: false, apiLogs: false });
  });

  it('leaves the provider of somebody else alone', () => {
    const first = providerOf(olderLine).provider;
    olderLogs.setGlobalLoggerProvider(first);
    expect(registerLoggerProvider(providerOf(olderLine).provider)).toBeUndefined();
    expect(globalLoggerProvider()).toBe(first);
  });
});

it('hasContextManager tells whether the context is carried', () => {
  expect(hasContextManager()).toBe(false);
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  expect(hasContextManager()).toBe(true);
});
