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

/** Whether all packages of the process speak of one API, and whether both logs APIs lead to the provider. */
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
  // Without an SDK for traces there are no ids that could be carried.
  if (!hasTracerProvider()) return report.check('nothing makes spans in this process: records have no trace ids');
  report.find(
    'no_context_manager',
    'a tracer provider is registered, but no context manager: records have no trace ids (sessions are found without one)',
    'start NodeSDK, or register AsyncLocalStorageContextManager of @opentelemetry/context-async-hooks',
  );
}

/** Copies of one version share what is registered; of two versions not. */
function checkCopies(report: DiagnosisReport): void {
  const copies = new Map<string, string>();
  for (const { path, version } of [...findPackages(API), ...loadedCopies(API)]) copies.set(folderOf(path), version);
  const versions = new Set(copies.values());
  const first = apiGlobalVersion();
  const listed = [...copies].map(([path, version]) => `${version} (${path})`).join(', ');
  if (versions.size <= 1) {
    report.check(`@opentelemetry/api is there in one version, ${[...versions][0] ?? 'unknown'}`);
    return;
  }
  const registered = first === undefined ? '' : `. What is registered was registered by ${first}`;
  report.find(
    'several_apis',
    `several versions of @opentelemetry/api are loaded or installed: ${listed}; the first that registers anything decides, a newer one does not see it, and none of another version can register beside it${registered}`,
    'let all packages resolve to one version: `npm ls @opentelemetry/api`, then `npm dedupe` or an `overrides` entry',
  );
}

const API = '@opentelemetry/api';

/** Of one copy several files are loaded. */
function folderOf(path: string): string {
  const mark = `/node_modules/${API}`;
  const at = path.replaceAll('\\', '/').lastIndexOf(mark);
  return at === -1 ? path : path.slice(0, at + mark.length);
}
