import { findPackages } from '../otel/application-modules.ts';
import { environmentValue, isLogsExporterNone } from '../otel/environment.ts';
import { registeredLoggerProviders } from '../otel/logs-api.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import { exporterOf, innerProvider, processorsOf } from '../otel/provider-inside.ts';
import { innermost } from '../otel/inner-part.ts';
import { VERSIONS } from '../otel/sdk-line.ts';
import { deliveryFactsOf } from '../export/delivery/delivery-facts.ts';
import type { RoutingLogRecordProcessor } from '../route/processor.ts';
import { otherProviders } from '../otel/other-providers.ts';
import { leadsTo, otherInstance } from './attachment.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Whether there is a provider, whether it leads to our processor, and what stands before it. */
export async function checkProvider(
  { provider, providerError, processor }: DiagnosisScene,
  report: DiagnosisReport,
): Promise<void> {
  if (!processor.enabled()) {
    report.find(
      'not_attached',
      "this instance's processor is shut down: it takes no record any more",
      'make a new SessionLogs, or call `sharedSessionLogs()` again; a provider that is shut down shuts its processors down',
    );
    return;
  }
  if (providerError !== undefined) {
    report.find(
      'no_provider',
      `the function that is the option \`loggerProvider\` throws: ${providerError}; chunks go into the queues only`,
      'let it return a logger provider, or `undefined` as long as there is none',
    );
  } else if (provider === undefined) {
    if (!findOtherInstance(provider, processor, report)) findNone(report);
  } else await checkAttachment(provider, processor, report);
}

/** Whether records go to another instance of the process, which is the one to ask. */
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
      ? 'this instance is in no provider, and startSessionLogs or register has started another one in this process: what that one gets is not here'
      : 'this instance is in no provider: the processor of another SessionLogs of this process is in the provider, and records go there',
    other.isStarted
      ? 'use what `startSessionLogs()` returns, or `sharedSessionLogs()`, in place of `new SessionLogs()`'
      : 'write, read and diagnose with the instance whose `processor` the provider has: export it from the module that makes it. `sharedSessionLogs()` is that instance only where it is the one whose `processor` you gave to the SDK',
  );
  if (provider !== undefined && !other.isStarted) checkOrder(provider, other.processor, report);
  return true;
}

function findNone(report: DiagnosisReport): void {
  const isInstalled = findPackages('@opentelemetry/sdk-logs').length > 0;
  report.find(
    'no_provider',
    `no logger provider is registered: chunks go into the queues only, and other loggers nowhere${isInstalled ? '' : '; @opentelemetry/sdk-logs is not installed'}${isLogsExporterNone() ? '. With OTEL_LOGS_EXPORTER=none a NodeSDK makes none, unless it is given `logRecordProcessors`' : ''}`,
    isInstalled
      ? `start your SDK with \`logRecordProcessors: [sessions.processor, ...]\`, pass \`loggerProvider\`, or use startSessionLogs({ registerGlobally: true }). ${SINGULAR}`
      : `npm install @opentelemetry/sdk-logs@${VERSIONS['3.x'].sdk}`,
  );
  findConfigFile(report);
}

const SINGULAR = 'NodeSDK of SDK 3.x ignores the singular `logRecordProcessor` without a word: use the list';

function findConfigFile(report: DiagnosisReport): void {
  if (environmentValue('OTEL_CONFIG_FILE') === undefined) return;
  report.find(
    'config_file',
    'OTEL_CONFIG_FILE is set: an SDK that is started from that file knows the batch and the simple processor only, and ignores processors that the program gives it',
    'leave `logger_provider` out of the file and call startSessionLogs({ registerGlobally: true }) before the SDK starts, or start a NodeSDK with `logRecordProcessors`, which does not read the file',
  );
}

async function checkAttachment(
  provider: OtelLoggerProvider,
  processor: RoutingLogRecordProcessor,
  report: DiagnosisReport,
): Promise<void> {
  switch (leadsTo(provider, processor)) {
    case 'yes':
      report.check("the provider leads to this instance's processor");
      return checkOrder(provider, processor, report);
    case 'no':
      if (findOtherInstance(provider, processor, report)) return;
      return findNotAttached(provider, await isElsewhere(provider, processor), report);
    case 'unknown':
      report.cannotCheck(
        "whether the provider leads to this instance's processor: it does not show its processors, and a record would reach your exporters",
      );
  }
}

/** Whether a provider that is not asked, since another is the global one, has our processor. */
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
      `this instance's processor is in the provider of an SDK, but another SDK was started before, and its provider stays the global one: ${instead}`,
      'start one SDK only: put `sessions.processor`, and the processors behind it, into the `logRecordProcessors` of the SDK that is started first; or give this instance the provider that has its processor, as `loggerProvider`',
    );
    return;
  }
  report.find(
    'not_attached',
    `the provider's processors do not include this instance's processor: ${instead}`,
    `put \`sessions.processor\` into the provider: \`logRecordProcessors\` (a list) of NodeSDK, \`processors\` of LoggerProvider. ${SINGULAR}. Where it is there, another SDK was started before yours and stays the global one: put it into that one's`,
  );
  findConfigFile(report);
}

function checkOrder(provider: OtelLoggerProvider, processor: object, report: DiagnosisReport): void {
  const processors = processorsOf(provider) ?? [];
  const earlier = processors.slice(0, Math.max(0, processors.map(innermost).indexOf(processor))).filter(isExporting);
  if (earlier.length === 0) return;
  report.find(
    'processor_order',
    `${earlier.map(nameOf).join(', ')} stands before the session processor: what it exports has no \`session.id\` stamp and is not redacted`,
    'put `sessions.processor` first in the list',
  );
}

function isExporting(processor: unknown): boolean {
  if (exporterOf(processor) !== undefined || deliveryFactsOf(processor) !== undefined) return true;
  return /Batch|Simple|Export|Durable|Coalescing|DateFile/.test(nameOf(processor));
}

/** The name of an object's class. */
export function nameOf(value: unknown): string {
  const name: unknown = typeof value === 'object' && value !== null ? value.constructor?.name : undefined;
  return typeof name === 'string' && name !== '' ? name : 'an object without a class';
}
