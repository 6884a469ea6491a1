import { realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { startSessionLogs } from '../../src/index.ts';
import { logsSdkOf } from '../../src/otel/logs-sdk.ts';
import type { LogsSdkModule } from '../../src/otel/logs-sdk.ts';
import { choosePeer, exportsOf, remedyFor, requirePeer } from '../../src/otel/peer-package.ts';
import type { MissingPeer, Peer } from '../../src/otel/peer-package.ts';
import { makeApplication } from '../support/application.ts';
import { newerLine, olderLine, sdkLines } from '../support/sdk-lines.ts';
import type { SdkLine } from '../support/sdk-lines.ts';

const SDK = '@opentelemetry/sdk-logs';
/** A package that this repository does not have. */
const OTHER = '@opentelemetry/exporter-logs-carrier-pigeon';

/** Until the test ends, the program that runs is one with these packages. Returns its folder. */
function runIn(options: Parameters<typeof makeApplication>[0]): string {
  const application = makeApplication(options);
  const before = process.argv[1] as string;
  process.argv[1] = application.main;
  // Node 20 and 22 do not follow links after the `stat` of a socket or pipe, which other tests make.
  statSync(application.main);
  onTestFinished(() => {
    process.argv[1] = before;
    application.remove();
  });
  return application.folder;
}

/** What `import()` of a package gives in this repository. */
async function imported(name: string): Promise<{ readonly module: object } | { readonly error: unknown }> {
  try {
    return { module: (await import(/* @vite-ignore */ name)) as object };
  } catch (error) {
    return { error };
  }
}

function moduleOf<T>(peer: Peer<T>): T {
  if ('module' in peer) return peer.module;
  throw new Error(`it is missing: ${peer.reason}`);
}

function missing(peer: Peer<unknown>): MissingPeer {
  if ('module' in peer) throw new Error('it is there');
  return peer;
}

describe('a package of the application', () => {
  it('is what `import` gives, where that is of the line of the application', async () => {
    const found = await imported(SDK);
    expect(choosePeer(SDK, found)).toBe(found);
    expect(choosePeer(SDK, found, '3.x')).toBe(found);
  });

  it('is the one beside its main module, where `import` here gives another line', async () => {
    runIn({ line: olderLine, packages: [SDK] });
    const found = await imported(SDK);
    expect(moduleOf(choosePeer(SDK, found))).toBe(olderLine.require(SDK));
    expect(moduleOf(choosePeer(SDK, found, '0.2xx'))).toBe(olderLine.require(SDK));
    // The line that was asked for counts more.
    expect(choosePeer(SDK, found, '3.x')).toBe(found);
    expect(moduleOf(requirePeer(SDK))).toBe(olderLine.require(SDK));
    expect(moduleOf(requirePeer(SDK, '3.x'))).toBe(newerLine.require(SDK));
  });

  it('is the one beside its main module, where `import` here finds none', async () => {
    runIn({ fakes: { [OTHER]: '0.301.0' } });
    const found = await imported(OTHER);
    expect(found).toHaveProperty('error');
    expect(moduleOf(choosePeer(OTHER, found, '3.x'))).toEqual({});
    expect(moduleOf(requirePeer(OTHER, '3.x'))).toEqual({});
  });

  it('that is not installed is missing, with the command that installs it', async () => {
    const peer = missing(choosePeer(OTHER, await imported(OTHER), '3.x'));
    expect(peer).toEqual({ reason: 'is not installed', remedy: 'install' });
    expect(missing(requirePeer(OTHER, '3.x'))).toEqual(peer);
    expect(remedyFor(peer, 'npm install it', 'an `exporter`')).toBe('npm install it, or pass an `exporter`');
  });

  it.each([
    ['0.223.1', '3.x', '0.223.1 does not fit 3.x of @opentelemetry/sdk-logs'],
    ['0.301.0', '0.2xx', '0.301.0 does not fit 0.2xx of @opentelemetry/sdk-logs'],
    ['4.0.0', '3.x', '4.0.0 does not fit 3.x of @opentelemetry/sdk-logs'],
    ['0.57.2', undefined, '0.57.2 is not supported'],
    ['2.0.0', undefined, '2.0.0 is not supported'],
    ['', undefined, 'of an unknown version is not supported'],
  ] as const)('of version %s, for line %s, says why it cannot be used', async (version, line, reason) => {
    runIn({ fakes: { [OTHER]: version } });
    expect(missing(choosePeer(OTHER, await imported(OTHER), line))).toEqual({ reason, remedy: 'install' });
    expect(missing(requirePeer(OTHER, line))).toEqual({ reason, remedy: 'install' });
  });

  it('that throws when it is loaded says so', async () => {
    const folder = runIn({ fakes: { [OTHER]: '3.1.0' } });
    writeFileSync(join(folder, 'node_modules', OTHER, 'index.js'), "throw new Error('broken on purpose');");
    for (const peer of [choosePeer(OTHER, await imported(OTHER)), requirePeer(OTHER)]) {
      expect(missing(peer)).toMatchObject({
        reason: '3.1.0 could not be loaded: broken on purpose',
        remedy: 'install',
        cause: expect.objectContaining({ message: 'broken on purpose' }) as Error,
      });
    }
  });

  it('of which a dependency is missing says which', () => {
    const folder = realpathSync(runIn({}));
    const error = new Error(
      `Cannot find package '@opentelemetry/core' imported from ${folder}/node_modules/${OTHER}/x.js`,
    );
    expect(missing(choosePeer(OTHER, { error }))).toEqual({
      reason: `could not be loaded: ${error.message}`,
      remedy: 'install',
      cause: error,
    });
  });

  it.each([
    `Cannot find package '${OTHER}' imported from /app/main.js`,
    `Cannot find module "${OTHER}"`,
    `Cannot find module '${OTHER}' imported from '/app/node_modules/other/x.js'`,
  ])('that is missing in the words of Node or of a bundler is not installed: %s', (message) => {
    expect(missing(choosePeer(OTHER, { error: new Error(message) }))).toEqual({
      reason: 'is not installed',
      remedy: 'install',
    });
  });

  it('in a bundle of ES modules without `require` needs a banner', () => {
    const error = new Error('Dynamic require of "node:fs" is not supported');
    const peer = missing(choosePeer(OTHER, { error }));
    expect(peer).toMatchObject({ reason: `could not be loaded: ${error.message}`, remedy: 'banner', cause: error });
    expect(remedyFor(peer, 'npm install it', 'an `exporter`')).toMatch(
      /^give the bundle a `require`, by this banner: import \{ createRequire as makeRequire \}/,
    );
  });

  it('that is left out of a bundle is installed where the bundle is made', () => {
    const peer = { reason: 'is not in it', remedy: 'bundle' } as const;
    expect(remedyFor(peer, 'npm install it', 'x')).toBe('npm install it where the bundle is made, or pass x');
  });
});

describe('the exports of a module', () => {
  it('are its own, or those that a bundler or Node puts under `default`', () => {
    const own = { name: 1, default: { name: 2 } };
    expect(exportsOf(own, 'name')).toBe(own);
    const commonJs = { name: 2 };
    expect(exportsOf({ default: commonJs } as unknown as typeof commonJs, 'name')).toBe(commonJs);
    const neither = {} as typeof commonJs;
    expect(exportsOf(neither, 'name')).toBe(neither);
  });
});

describe.each(sdkLines)('the SDK that a start is given, %s', (name, { sdk }: SdkLine) => {
  const given = sdk as unknown as LogsSdkModule;

  it.each<[string, LogsSdkModule]>([
    ['as a namespace', given],
    ['under `default`', { default: given } as unknown as LogsSdkModule],
  ])('%s is recognized, with its line', (_how, module) => {
    const { line, LoggerProvider } = logsSdkOf(module);
    expect([line, LoggerProvider]).toEqual([name, sdk.LoggerProvider]);
  });

  it.each(['1.30.1', '4.0.0', '', undefined])('with a core of version %j is refused', async (version) => {
    const plain = logsSdkOf(given).createResource();
    class OtherProvider extends sdk.LoggerProvider {
      constructor(config: ConstructorParameters<typeof sdk.LoggerProvider>[0]) {
        super({ ...config, resource: { ...plain, attributes: { 'telemetry.sdk.version': version } } });
      }
    }
    const starting = startSessionLogs({ sdk: { LoggerProvider: OtherProvider }, file: false, console: false });
    await expect(starting).rejects.toMatchObject({
      code: 'sdk_not_found',
      message: expect.stringMatching(/^@opentelemetry\/sdk-logs with a core of version .* is not supported/) as string,
    });
  });
});
