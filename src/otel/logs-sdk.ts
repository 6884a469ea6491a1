import * as api from '@opentelemetry/api';

import { SessionLogsError } from '../support/errors.ts';
import { findPackages, loadFile, resolveFrom } from './application-modules.ts';
import type { LogRecord, LogRecordProcessor } from './log-record.ts';
import type { OtelLoggerProvider } from './logs-api.ts';

/** The resource of a record. */
export type Resource = LogRecord['resource'];

/** A provider of the SDK. */
export interface SdkLoggerProvider extends OtelLoggerProvider {
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

interface LogsSdkModule {
  readonly LoggerProvider: new (config: {
    readonly resource: Resource;
    readonly processors: LogRecordProcessor[];
  }) => SdkLoggerProvider;
}

interface ResourcesModule {
  defaultResource(): Resource;
  resourceFromAttributes(attributes: Readonly<Record<string, unknown>>): Resource;
  detectResources(config: { readonly detectors: readonly unknown[] }): Resource;
  readonly envDetector: unknown;
}

/** The logs SDK of the application, for a provider of our own. */
export interface LogsSdk extends LogsSdkModule {
  readonly line: OtelLine;
  readonly version: string;
  /**
   * The SDK's default resource, with `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and on top of them what is
   * given, a resource or its attributes.
   */
  createResource(extra?: Resource | Readonly<Record<string, unknown>>): Resource;
}

/** Versions that belong together; docs/opentelemetry.md has the table. */
export const VERSIONS: Readonly<Record<OtelLine, { readonly sdk: string; readonly exporter: string }>> = {
  '3.x': { sdk: '^3.1.0', exporter: '^0.301.0' },
  '0.2xx': { sdk: '^0.223.1', exporter: '^0.223.1' },
};

const SDK = '@opentelemetry/sdk-logs';

/** The line that a version belongs to: of the SDK, or of an exporter. `undefined`: neither is supported. */
export function lineOf(version: string): OtelLine | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === 3 || (major === 0 && minor >= 300)) return '3.x';
  return major === 0 && minor >= 220 ? '0.2xx' : undefined;
}

/**
 * Loads the logs SDK as the application has it installed.
 *
 * @throws SessionLogsError `sdk_not_found` with the install command.
 */
export function loadLogsSdk(): LogsSdk {
  const found = findPackages(SDK);
  const usable = found.find(({ version }) => lineOf(version) !== undefined);
  const line = usable === undefined ? undefined : lineOf(usable.version);
  if (usable === undefined || line === undefined) throw sdkNotFound(found[0]?.version);
  const sdk = loadFile<LogsSdkModule>(usable.path);
  const resources = loadResources(usable.path);
  return {
    line,
    version: usable.version,
    LoggerProvider: sdk.LoggerProvider,
    createResource: (extra) => createResource(resources, extra),
  };
}

/** The application has it through the SDK only, so that is where it can be resolved from under pnpm. */
function loadResources(sdkPath: string): ResourcesModule {
  const path = resolveFrom(sdkPath, '@opentelemetry/resources');
  if (path === undefined) throw new SessionLogsError('sdk_not_found', `${SDK} has no @opentelemetry/resources`);
  return loadFile<ResourcesModule>(path);
}

function createResource(
  resources: ResourcesModule,
  extra: Resource | Readonly<Record<string, unknown>> | undefined,
): Resource {
  const detected = resources.detectResources({ detectors: [resources.envDetector] });
  const resource = resources.defaultResource().merge(detected);
  if (extra === undefined) return resource;
  return resource.merge(isResource(extra) ? extra : resources.resourceFromAttributes(extra));
}

function isResource(value: object): value is Resource {
  return typeof (value as { merge?: unknown }).merge === 'function';
}

function sdkNotFound(version: string | undefined): SessionLogsError {
  // The API that is installed decides which line can be: 3.x needs 1.10.
  const { sdk } = VERSIONS['logs' in api ? '3.x' : '0.2xx'];
  const state = version === undefined ? 'is not installed' : `${version} is not supported`;
  return new SessionLogsError(
    'sdk_not_found',
    `${SDK} ${state}. startSessionLogs makes its own logger provider with it: npm install ${SDK}@${sdk}`,
  );
}

/** The two lines of the OpenTelemetry SDK for JavaScript. */
export type OtelLine = '3.x' | '0.2xx';
