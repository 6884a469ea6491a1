import * as api from '@opentelemetry/api';

import { describeValue, SessionLogsError } from '../support/errors.ts';
import type { OtelLoggerProvider } from './logs-api.ts';
import { choosePeer, exportsOf, remedyFor, requirePeer } from './peer-package.ts';
import type { Imported, Peer } from './peer-package.ts';
import { completeResource, defaultResource } from './resource.ts';
import type { Resource } from './resource.ts';
import { lineOfCore, VERSIONS } from './sdk-line.ts';
import type { OtelLine } from './sdk-line.ts';

/** A provider of the SDK. */
export interface SdkLoggerProvider extends OtelLoggerProvider {
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** What of `@opentelemetry/sdk-logs`, of either line, a provider of our own is made with. */
export interface LogsSdkModule {
  // oxlint-disable-next-line typescript/no-explicit-any -- the two lines' types differ in an enum only
  readonly LoggerProvider: new (config: any) => SdkLoggerProvider;
}

/** The logs SDK of the application, for a provider of our own. */
export interface LogsSdk extends LogsSdkModule {
  readonly line: OtelLine;
  /**
   * The SDK's default resource, with `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and on top of them what is
   * given, a resource or its attributes.
   */
  createResource(extra?: Resource | Readonly<Record<string, unknown>>): Resource;
}

const SDK = '@opentelemetry/sdk-logs';

/**
 * Loads the logs SDK as the application has it: installed, or in the bundle that this is a part of.
 *
 * @throws SessionLogsError `sdk_not_found` with the reason and what to do.
 */
export async function importLogsSdk(): Promise<LogsSdk> {
  return usable(choosePeer(SDK, await importSdk()));
}

async function importSdk(): Promise<Imported<LogsSdkModule>> {
  try {
    return { module: await import('@opentelemetry/sdk-logs') };
  } catch (error) {
    return { error };
  }
}

/** The same at once, where nothing is bundled. */
export function requireLogsSdk(): LogsSdk {
  return usable(requirePeer<LogsSdkModule>(SDK));
}

/** The logs SDK that was handed in. @throws TypeError when it is another module. */
export function logsSdkOf(module: LogsSdkModule): LogsSdk {
  const { LoggerProvider } = exportsOf(module, 'LoggerProvider');
  const resource = defaultResource(LoggerProvider);
  const core: unknown = resource.attributes['telemetry.sdk.version'];
  const line = lineOfCore(String(core));
  if (line === undefined) {
    throw new SessionLogsError(
      'sdk_not_found',
      `${SDK} with a core of version ${describeValue(core)} is not supported`,
    );
  }
  return {
    line,
    LoggerProvider,
    createResource: (extra) => completeResource(resource, extra),
  };
}

function usable(peer: Peer<LogsSdkModule>): LogsSdk {
  if ('module' in peer) return logsSdkOf(peer.module);
  // The API that is there decides which line can be: 3.x needs 1.10.
  const { sdk } = VERSIONS[Reflect.has(api, 'logs') ? '3.x' : '0.2xx'];
  const fix = remedyFor(peer, `npm install ${SDK}@${sdk}`, `the option \`sdk\`, await import('${SDK}')`);
  throw new SessionLogsError(
    'sdk_not_found',
    `${SDK} ${peer.reason}. startSessionLogs makes its own logger provider with it: ${fix}`,
    { cause: peer.cause },
  );
}
