import { findPackages, loadedCopies } from '../otel/application-modules.ts';
import {
  apiGlobalVersion,
  hasContextManager,
  hasTracerProvider,
  isLogsApiBridged,
  registeredLogsApis,
} from '../otel/logs-api.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks that all packages of the process use one API, and that both logs APIs lead to the provider. */
export function checkApis(_scene: DiagnosisScene, report: DiagnosisReport): void {
  checkCopies(report);
  const registered = registeredLogsApis();
  const has = (isRegistered: boolean): string => (isRegistered ? 'has one' : 'has none');
  report.check(
    `global logger providers: @opentelemetry/api ${has(registered.api)}, @opentelemetry/api-logs ${has(registered.apiLogs)}`,
  );
  const hasApiLogs = findPackages('@opentelemetry/api-logs').length > 0;
  if (registered.api && !registered.apiLogs && !isLogsApiBridged() && hasApiLogs) {
    report.find(
      'no_bridge',
      'libraries that log through @opentelemetry/api-logs (winston) do not reach the provider of SDK 3.x',
      'call bridgeLogsApi() once, before the loggers are made',
    );
  }
  if (hasContextManager()) return report.check('a context manager carries trace ids');
  // Without an SDK for traces there are no ids to carry.
  if (!hasTracerProvider()) return report.check('nothing in this process makes spans, so records have no trace ids');
  report.find(
    'no_context_manager',
    'a tracer provider is registered, but no context manager, so records have no trace ids (sessions do not need one)',
    'start NodeSDK, or register AsyncLocalStorageContextManager of @opentelemetry/context-async-hooks',
  );
}

/** Copies of one version share what is registered; copies of two versions do not. */
function checkCopies(report: DiagnosisReport): void {
  const copies = new Map<string, string>();
  for (const { path, version } of [...findPackages(API), ...loadedCopies(API)]) copies.set(folderOf(path), version);
  const versions = new Set(copies.values());
  const first = apiGlobalVersion();
  const listed = [...copies].map(([path, version]) => `${version} (${path})`).join(', ');
  if (versions.size <= 1) {
    report.check(`there is one version of @opentelemetry/api, ${[...versions][0] ?? 'unknown'}`);
    return;
  }
  const registered = first === undefined ? '' : `. The current registrations are those of ${first}`;
  report.find(
    'several_apis',
    `several versions of @opentelemetry/api are loaded or installed: ${listed}; the first one to register anything wins: a newer version does not see it, and no other version can register anything${registered}`,
    'let all packages resolve to one version: `npm ls @opentelemetry/api`, then `npm dedupe` or an `overrides` entry',
  );
}

const API = '@opentelemetry/api';

/** The folder of a copy, of which several files may be loaded. */
function folderOf(path: string): string {
  const mark = `/node_modules/${API}`;
  const at = path.replaceAll('\\', '/').lastIndexOf(mark);
  return at === -1 ? path : path.slice(0, at + mark.length);
}
