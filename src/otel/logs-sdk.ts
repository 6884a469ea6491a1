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

/** The part of `@opentelemetry/sdk-logs`, of either line, with which a start makes its provider. */
export interface LogsSdkModule {
  // oxlint-disable-next-line typescript/no-explicit-any -- the two lines' types differ in an enum only
  readonly LoggerProvider: new (config: any) => SdkLoggerProvider;
}

/** The application's logs SDK, for the provider of a start. */
export interface LogsSdk extends LogsSdkModule {
  readonly line: OtelLine;
  /**
   * Makes the SDK's default resource, with `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, overridden by the given
   * resource or attributes.
   */
  createResource(extra?: Resource | Readonly<Record<string, unknown>>): Resource;
}

const SDK = '@opentelemetry/sdk-logs';

/**
 * Loads the application's logs SDK, installed or in the same bundle.
 *
 * @throws SessionLogsError `sdk_not_found`, with the reason and what to do.
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

/** The same, synchronously, where nothing is bundled. */
export function requireLogsSdk(): LogsSdk {
  return usable(requirePeer<LogsSdkModule>(SDK));
}

/** The logs SDK given as an option. @throws TypeError if it is another module. */
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
  // The installed API decides which line is possible: 3.x needs 1.10.
  const { sdk } = VERSIONS[Reflect.has(api, 'logs') ? '3.x' : '0.2xx'];
  const fix = remedyFor(peer, `npm install ${SDK}@${sdk}`, `the option \`sdk\`, await import('${SDK}')`);
  throw new SessionLogsError(
    'sdk_not_found',
    `${SDK} ${peer.reason}. startSessionLogs makes its own logger provider with it: ${fix}`,
    { cause: peer.cause },
  );
}
