import * as api from '@opentelemetry/api';
import type { Context } from '@opentelemetry/api';

import { findPackages, loadFile } from './application-modules.ts';
import type { HrTime } from './log-record.ts';

/** The record that this package emits: the part of the logs API's record that both lines share. */
export interface EmittedLogRecord {
  eventName?: string;
  timestamp?: HrTime;
  severityNumber?: number;
  severityText?: string;
  body?: string;
  attributes?: Record<string, unknown>;
  context?: Context;
}

/** A logger of either line. */
export interface OtelLogger {
  emit(record: EmittedLogRecord): void;
  /** Whether a record would reach a processor. Not every API has this method. */
  enabled?(record: EmittedLogRecord): boolean;
}

/** A logger provider of either line, the SDK's or the API's. */
export interface OtelLoggerProvider {
  // oxlint-disable-next-line typescript/no-explicit-any -- the two lines' record types differ in an enum only
  getLogger(name: string, version?: string): { emit(record: any): void };
}

/** The members that both logs APIs have. */
interface LogsApi {
  getLogger(name: string, version?: string, options?: unknown): { emit(record: unknown): void };
  getLoggerProvider(): OtelLoggerProvider;
  /** Returns whether it succeeded (3.x), or the provider that is now global (0.2xx). */
  setGlobalLoggerProvider(provider: OtelLoggerProvider): unknown;
  disable(): void;
}

/**
 * The logs API of the 3.x line, part of `@opentelemetry/api` from 1.10 on. Read by `Reflect.get`, because a named
 * import is a SyntaxError with 1.9, and bundlers take `api.logs` for one.
 */
function logsApi(): LogsApi | undefined {
  return Reflect.get(api, 'logs') as LogsApi | undefined;
}

/**
 * Where `@opentelemetry/api-logs`, the logs API of the 0.2xx line, keeps its provider, and the version of that place.
 */
const API_LOGS_GLOBAL = Symbol.for('io.opentelemetry.js.api.logs');
const API_LOGS_COMPATIBILITY = 1;
const apiLogsGlobal = globalThis as {
  [API_LOGS_GLOBAL]?: ((version: number) => OtelLoggerProvider | undefined) | undefined;
};

/** Marks this package's bridge, so that no copy takes it for the application's provider. */
const BRIDGE = Symbol.for('otel-session-logs.logs-api-bridge.v1');

function isBridge(provider: OtelLoggerProvider): boolean {
  return BRIDGE in provider;
}

/** Before a provider is registered, both APIs return a proxy without a logger of its own. */
function isRegistered(provider: OtelLoggerProvider): boolean {
  return !('_getDelegateLogger' in provider);
}

/**
 * The provider registered with `@opentelemetry/api`, else the one registered with `@opentelemetry/api-logs`;
 * `undefined` if neither has one.
 */
export function globalLoggerProvider(): OtelLoggerProvider | undefined {
  const provider = logsApi()?.getLoggerProvider();
  if (provider !== undefined && isRegistered(provider)) return provider;
  const older = apiLogsProvider();
  return older === undefined || isBridge(older) ? undefined : older;
}

/** The provider registered with `@opentelemetry/api-logs`; this package's bridge counts as one. */
function apiLogsProvider(): OtelLoggerProvider | undefined {
  const provider = apiLogsGlobal[API_LOGS_GLOBAL]?.(API_LOGS_COMPATIBILITY);
  return provider !== undefined && isRegistered(provider) ? provider : undefined;
}

/** Whether libraries that log through `@opentelemetry/api-logs` (winston's transport) reach the 3.x provider. */
export function isLogsApiBridged(): boolean {
  const provider = apiLogsProvider();
  return provider !== undefined && isBridge(provider);
}

/** The providers registered with either logs API, without this package's bridge. */
export function registeredLoggerProviders(): OtelLoggerProvider[] {
  const providers = [logsApi()?.getLoggerProvider(), apiLogsProvider()];
  return [...new Set(providers)].filter(
    (provider) => provider !== undefined && isRegistered(provider) && !isBridge(provider),
  ) as OtelLoggerProvider[];
}

/** Which logs API has a provider registered. */
export function registeredLogsApis(): { readonly api: boolean; readonly apiLogs: boolean } {
  const provider = logsApi()?.getLoggerProvider();
  return { api: provider !== undefined && isRegistered(provider), apiLogs: apiLogsProvider() !== undefined };
}

/**
 * Lets libraries that log through `@opentelemetry/api-logs` (winston's transport, and the pino and bunyan
 * instrumentations unless they get a provider) reach the provider of an SDK 3.x, which registers only with
 * `@opentelemetry/api`.
 *
 * It registers a provider with `@opentelemetry/api-logs` whose loggers are those of `@opentelemetry/api`. Call it once,
 * as early as possible: before the loggers are made, and before or after the SDK starts. It does nothing on the 0.2xx
 * line, which has only one logs API, or if another provider is registered there.
 *
 * @returns Whether such libraries now reach the 3.x provider.
 */
export function bridgeLogsApi(): boolean {
  const target = logsApi();
  if (target === undefined) return false;
  const current = apiLogsProvider();
  if (current !== undefined) return isBridge(current);
  const bridge = {
    [BRIDGE]: true,
    getLogger: (name: string, version?: string, options?: unknown) => target.getLogger(name, version, options),
  };
  setApiLogsProvider(bridge);
  return isLogsApiBridged();
}

/** Uses the package itself if it is installed, because existing loggers follow only its own proxy. */
function setApiLogsProvider(provider: OtelLoggerProvider): void {
  for (const logs of loadedLogsApis()) {
    // While there is a global provider, each copy refuses and does not tell its own loggers.
    delete apiLogsGlobal[API_LOGS_GLOBAL];
    logs.setGlobalLoggerProvider(provider);
  }
  apiLogsGlobal[API_LOGS_GLOBAL] ??= (version) => (version === API_LOGS_COMPATIBILITY ? provider : undefined);
}

/** The copies of `@opentelemetry/api-logs` that the application and this package see. */
function loadedLogsApis(): LogsApi[] {
  const copies: LogsApi[] = [];
  for (const { path } of findPackages('@opentelemetry/api-logs')) {
    copies.push(loadFile<{ logs: LogsApi }>(path).logs);
  }
  return copies;
}

/**
 * Makes a provider the global one of both logs APIs, if they have none yet.
 *
 * @returns A function that undoes this; `undefined` if another provider is registered.
 */
export function registerLoggerProvider(provider: OtelLoggerProvider): (() => void) | undefined {
  if (globalLoggerProvider() !== undefined) return undefined;
  logsApi()?.setGlobalLoggerProvider(provider);
  if (apiLogsProvider() === undefined) setApiLogsProvider(provider);
  return (): void => {
    const current = logsApi();
    if (current?.getLoggerProvider() === provider) current.disable();
    if (apiLogsProvider() !== provider) return;
    for (const logs of loadedLogsApis()) logs.disable();
    delete apiLogsGlobal[API_LOGS_GLOBAL];
  };
}

/** The version of `@opentelemetry/api` that registered anything first; copies of other versions share little with it. */
export function apiGlobalVersion(): string | undefined {
  const version = registeredGlobal('version');
  return typeof version === 'string' ? version : undefined;
}

/** Whether anything makes spans. */
export function hasTracerProvider(): boolean {
  return registeredGlobal('trace') !== undefined;
}

function registeredGlobal(name: string): unknown {
  const shared: unknown = Reflect.get(globalThis, Symbol.for('opentelemetry.js.api.1'));
  return typeof shared === 'object' && shared !== null ? Reflect.get(shared, name) : undefined;
}

/** Whether an SDK has registered a propagator, as it does at every start. */
export function hasSdkGlobals(): boolean {
  return api.propagation.fields().length > 0;
}

/** Whether a context manager carries the context, and with it trace ids, across function calls. */
export function hasContextManager(): boolean {
  const key = api.createContextKey('otel-session-logs.probe');
  const probe = api.ROOT_CONTEXT.setValue(key, true);
  return api.context.with(probe, () => api.context.active().getValue(key) === true);
}
