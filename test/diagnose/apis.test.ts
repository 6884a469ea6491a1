import { cpSync, mkdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { context, logs, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { bridgeLogsApi } from '../../src/index.ts';
import type { Diagnosis } from '../../src/index.ts';
import { makeApplication, packageFolder } from '../support/application.ts';
import { newerLine, olderLine, processorThat } from '../support/sdk-lines.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { foundOf, instanceBefore } from './diagnosing.ts';
import { withFreshModules } from './module-cache.ts';

const API = '@opentelemetry/api';
const API_LOGS = Symbol.for('io.opentelemetry.js.api.logs');

afterEach(() => {
  logs.disable();
  trace.disable();
  context.disable();
  delete (globalThis as Record<symbol, unknown>)[API_LOGS];
});

const diagnosed = (): Promise<Diagnosis> => instanceBefore(processorThat(() => {})).diagnose();

/** As if nothing had registered anything in this process; the version of the first one stays when all is disabled. */
function withoutRegistrations(): void {
  const key = Symbol.for('opentelemetry.js.api.1');
  const before: unknown = Reflect.get(globalThis, key);
  Reflect.deleteProperty(globalThis, key);
  onTestFinished(() => void Reflect.set(globalThis, key, before));
}

/** As if this were the program that is run. */
function withMain(path: string): void {
  const before = process.argv[1] as string;
  process.argv[1] = path;
  onTestFinished(() => {
    process.argv[1] = before;
  });
}

describe('versions of the API', () => {
  beforeEach(() => {
    // Of both lines, which other tests load.
    withFreshModules(/[\\/]@opentelemetry[\\/]api[\\/]/);
    withoutRegistrations();
  });

  const own = packageFolder(newerLine.require, API);
  const { version } = newerLine.require(join(own, 'package.json')) as { version: string };
  const older = olderLine.require(join(packageFolder(olderLine.require, API), 'package.json')) as { version: string };

  function versionsIn(diagnosis: Diagnosis): readonly string[] {
    return [
      ...foundOf(diagnosis, 'several_apis').map(({ problem }) => problem),
      ...diagnosis.checked.filter((line) => line.startsWith('there is one version')),
    ];
  }

  it('one, of which two copies are loaded', async () => {
    const folder = join(temporaryDirectory(), 'node_modules', API);
    mkdirSync(folder, { recursive: true });
    cpSync(realpathSync(own), folder, { recursive: true });
    createRequire(import.meta.url)(folder);
    expect(versionsIn(await diagnosed())).toEqual([`there is one version of @opentelemetry/api, ${version}`]);
  });

  it('two, of which a library has loaded its own', async () => {
    expect(versionsIn(await diagnosed())).toHaveLength(1);
    olderLine.require(API);
    const diagnosis = await diagnosed();
    const folder = packageFolder(olderLine.require, API);
    expect(versionsIn(diagnosis)).toEqual([
      `several versions of @opentelemetry/api are loaded or installed: ${version} (${own}), ${older.version} (${folder}); the first one to register anything wins: a newer version does not see it, and no other version can register anything`,
    ]);
    expect(foundOf(diagnosis, 'several_apis')[0]?.fix).toContain('npm dedupe');
  });

  it('two, of which one has registered something, and so decides', async () => {
    olderLine.require(API);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    expect(versionsIn(await diagnosed()).join()).toContain(
      `can register anything. The current registrations are those of ${version}`,
    );
  });

  it('two, of which the program that runs has another one installed', async () => {
    const application = makeApplication({ fakes: { [API]: '1.4.1' } });
    onTestFinished(() => application.remove());
    withMain(application.main);
    expect(versionsIn(await diagnosed()).join()).toMatch(
      /^several versions of @opentelemetry\/api are loaded or installed: 1\.4\.1 \(\S+\/node_modules\/@opentelemetry\/api\), /,
    );
  });
});

describe('the two logs APIs', () => {
  const line = 'global logger providers: ';

  async function apisIn(): Promise<readonly (string | undefined)[]> {
    const diagnosis = await diagnosed();
    const [bridge] = foundOf(diagnosis, 'no_bridge');
    return [diagnosis.checked.find((each) => each.startsWith(line))?.slice(line.length), bridge?.problem, bridge?.fix];
  }

  it('have none, one or both a provider, and what logs through the older one is missed without the bridge', async () => {
    expect(await apisIn()).toEqual([
      '@opentelemetry/api has none, @opentelemetry/api-logs has none',
      undefined,
      undefined,
    ]);
    logs.setGlobalLoggerProvider(new newerLine.sdk.LoggerProvider());
    expect(await apisIn()).toEqual([
      '@opentelemetry/api has one, @opentelemetry/api-logs has none',
      'libraries that log through @opentelemetry/api-logs (winston) do not reach the provider of SDK 3.x',
      'call bridgeLogsApi() once, before the loggers are made',
    ]);
    bridgeLogsApi();
    expect(await apisIn()).toEqual([
      '@opentelemetry/api has one, @opentelemetry/api-logs has one',
      undefined,
      undefined,
    ]);
  });

  it('of the older line need no bridge', async () => {
    const api = newerLine.require('@opentelemetry/api-logs') as { logs: typeof logs };
    api.logs.setGlobalLoggerProvider(new olderLine.sdk.LoggerProvider());
    onTestFinished(() => api.logs.disable());
    expect(await apisIn()).toEqual([
      '@opentelemetry/api has none, @opentelemetry/api-logs has one',
      undefined,
      undefined,
    ]);
  });
});

describe('trace ids', () => {
  const CARRIED = 'a context manager carries trace ids';
  const NO_SPANS = 'nothing in this process makes spans, so records have no trace ids';

  async function tracesIn(): Promise<readonly string[]> {
    const diagnosis = await diagnosed();
    return [
      ...foundOf(diagnosis, 'no_context_manager').map(({ problem, fix }) => `${problem}; ${fix}`),
      ...diagnosis.checked.filter((each) => each === CARRIED || each === NO_SPANS),
    ];
  }

  it('are made by nobody, missed, or carried', async () => {
    expect(await tracesIn()).toEqual([NO_SPANS]);
    const { TracerProvider } = newerLine.require('@opentelemetry/sdk-trace') as {
      TracerProvider: new () => Parameters<typeof trace.setGlobalTracerProvider>[0];
    };
    trace.setGlobalTracerProvider(new TracerProvider());
    const [missed, ...others] = await tracesIn();
    expect(missed).toContain('a tracer provider is registered, but no context manager, so records have no trace ids');
    expect(missed).toContain('start NodeSDK, or register AsyncLocalStorageContextManager');
    expect(others).toEqual([]);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    expect(await tracesIn()).toEqual([CARRIED]);
  });
});
