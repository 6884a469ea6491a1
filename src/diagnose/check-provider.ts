import { findPackages } from '../otel/application-modules.ts';
import { environmentValue, isLogsExporterNone } from '../otel/environment.ts';
import { registeredLoggerProviders } from '../otel/logs-api.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import { exporterOf, innerProvider, processorsOf } from '../otel/provider-inside.ts';
import { innermost } from '../otel/inner-part.ts';
import { VERSIONS } from '../otel/sdk-line.ts';
import { deliveryFacts } from '../export/delivery/delivery-facts.ts';
import type { RoutingLogRecordProcessor } from '../route/processor.ts';
import { otherProviders } from '../otel/other-providers.ts';
import { leadsTo, otherInstance } from './attachment.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks that there is a provider that leads to this instance's processor, and what comes before that. */
export async function checkProvider(
  { provider, providerError, processor }: DiagnosisScene,
  report: DiagnosisReport,
): Promise<void> {
  if (!processor.enabled()) {
    report.find(
      'not_attached',
      "this instance's processor is shut down and takes no more records",
      'make a new SessionLogs, or call `sharedSessionLogs()` again; shutting a provider down shuts down its processors too',
    );
    return;
  }
  if (providerError !== undefined) {
    report.find(
      'no_provider',
      `the function in the option \`loggerProvider\` throws: ${providerError}; chunks reach readers only`,
      'make it return a logger provider, or `undefined` while there is none',
    );
  } else if (provider === undefined) {
    if (!findOtherInstance(provider, processor, report)) findNone(report);
  } else await checkAttachment(provider, processor, report);
}

/** Finds another instance of the process to which records go, which is the one to ask. */
function findOtherInstance(
  provider: OtelLoggerProvider | undefined,
  processor: RoutingLogRecordProcessor,
  report: DiagnosisReport,
): boolean {
  const other = otherInstance(provider, processor);
  if (other === undefined) return false;
  report.find(
    'other_instance',
    other.isStarted
      ? 'this instance is in no provider, but startSessionLogs or register has started another one in this process, which gets the records'
      : 'this instance is in no provider; the provider has the processor of another SessionLogs of this process, which gets the records',
    other.isStarted
      ? 'use the result of `startSessionLogs()`, or `sharedSessionLogs()`, instead of `new SessionLogs()`'
      : 'write, read and diagnose with the instance whose `processor` the provider has: export it from the module that makes it. `sharedSessionLogs()` is that instance only if you gave its `processor` to the SDK',
  );
  if (provider !== undefined && !other.isStarted) checkOrder(provider, other.processor, report);
  return true;
}

function findNone(report: DiagnosisReport): void {
  const isInstalled = findPackages('@opentelemetry/sdk-logs').length > 0;
  report.find(
    'no_provider',
    `no logger provider is registered: chunks reach readers only, and records of other loggers are lost${isInstalled ? '' : '; @opentelemetry/sdk-logs is not installed'}${isLogsExporterNone() ? '. With OTEL_LOGS_EXPORTER=none a NodeSDK makes none, unless it is given `logRecordProcessors`' : ''}`,
    isInstalled
      ? `start your SDK with \`logRecordProcessors: [sessions.processor, ...]\`, pass \`loggerProvider\`, or use startSessionLogs({ registerGlobally: true }). ${SINGULAR}`
      : `npm install @opentelemetry/sdk-logs@${VERSIONS['3.x'].sdk}`,
  );
  findConfigFile(report);
}

const SINGULAR = 'NodeSDK of SDK 3.x silently ignores the singular `logRecordProcessor`: use the list';

function findConfigFile(report: DiagnosisReport): void {
  if (environmentValue('OTEL_CONFIG_FILE') === undefined) return;
  report.find(
    'config_file',
    'OTEL_CONFIG_FILE is set: an SDK that starts from that file knows only the batch and the simple processor, and ignores processors that the program passes',
    'remove `logger_provider` from the file and call startSessionLogs({ registerGlobally: true }) before the SDK starts, or start a NodeSDK with `logRecordProcessors`, which does not read the file',
  );
}

async function checkAttachment(
  provider: OtelLoggerProvider,
  processor: RoutingLogRecordProcessor,
  report: DiagnosisReport,
): Promise<void> {
  switch (leadsTo(provider, processor)) {
    case 'yes':
      report.check("the provider passes records to this instance's processor");
      return checkOrder(provider, processor, report);
    case 'no':
      if (findOtherInstance(provider, processor, report)) return;
      return findNotAttached(provider, await isElsewhere(provider, processor), report);
    case 'unknown':
      report.cannotCheck(
        "whether the provider has this instance's processor: it does not show its processors, and a test record would reach your exporters",
      );
  }
}

/** Whether a provider that is not used, because another one is the global one, has this processor. */
async function isElsewhere(provider: OtelLoggerProvider, processor: RoutingLogRecordProcessor): Promise<boolean> {
  if (!registeredLoggerProviders().map(innerProvider).includes(innerProvider(provider))) return false;
  return (await otherProviders(provider)).some((each) => leadsTo(each, processor) === 'yes');
}

function findNotAttached(provider: OtelLoggerProvider, isElsewhere: boolean, report: DiagnosisReport): void {
  const others = processorsOf(provider)?.map(nameOf) ?? [];
  const instead = others.length === 0 ? 'it has none' : `it has ${others.join(', ')}`;
  if (isElsewhere) {
    report.find(
      'not_attached',
      `this instance's processor is in the provider of an SDK, but another SDK was started first, and its provider is the global one: ${instead}`,
      'start one SDK only: put `sessions.processor`, and the processors after it, into the `logRecordProcessors` of the SDK that starts first; or give this instance the provider that has its processor as `loggerProvider`',
    );
    return;
  }
  report.find(
    'not_attached',
    `the provider's processors do not include this instance's processor: ${instead}`,
    `put \`sessions.processor\` into the provider: \`logRecordProcessors\` (a list) of NodeSDK, \`processors\` of LoggerProvider. ${SINGULAR}. If it is there already, another SDK was started before yours and owns the global provider: put it into that one's`,
  );
  findConfigFile(report);
}

function checkOrder(provider: OtelLoggerProvider, processor: object, report: DiagnosisReport): void {
  const processors = processorsOf(provider) ?? [];
  const earlier = processors.slice(0, Math.max(0, processors.map(innermost).indexOf(processor))).filter(isExporting);
  if (earlier.length === 0) return;
  report.find(
    'processor_order',
    `${earlier.map(nameOf).join(', ')} comes before the session processor: what it exports lacks the added \`session.id\` and is not redacted`,
    'put `sessions.processor` first in the list',
  );
}

function isExporting(processor: unknown): boolean {
  if (exporterOf(processor) !== undefined || deliveryFacts.of(processor) !== undefined) return true;
  return /Batch|Simple|Export|Durable|Coalescing|DateFile/.test(nameOf(processor));
}

/** The name of an object's class. */
export function nameOf(value: unknown): string {
  const name: unknown = typeof value === 'object' && value !== null ? value.constructor?.name : undefined;
  return typeof name === 'string' && name !== '' ? name : 'an object without a class';
}
