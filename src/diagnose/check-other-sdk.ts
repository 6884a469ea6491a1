import { isLogsExporterNone } from '../otel/environment.ts';
import { hasSdkGlobals, registeredLoggerProviders } from '../otel/logs-api.ts';
import type { OtelLoggerProvider } from '../otel/logs-api.ts';
import { otherProviders, tellsObjects } from '../otel/other-providers.ts';
import { innerProvider, processorsOf } from '../otel/provider-inside.ts';
import { leadsTo } from './attachment.ts';
import { nameOf } from './check-provider.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Checks for several SDKs: the first to register its logger provider gets the records of all loggers. */
export async function checkOtherSdk(scene: DiagnosisScene, report: DiagnosisReport): Promise<void> {
  const { provider, facts, isStarted } = scene;
  if (provider === undefined) return;
  if (!isStarted) return checkSeveral(scene, innerProvider(provider), report);
  if (facts.isGlobal !== true) return;
  const others = registeredLoggerProviders().filter((each) => each !== provider);
  if (others.length > 0) {
    report.find(
      'not_global',
      `another logger provider is the global one (with ${processorNames(others)}): what other loggers write does not reach this instance`,
      'start this instance before that SDK, or put `sessions.processor` into the `logRecordProcessors` of that SDK and leave `registerGlobally` out',
    );
    return;
  }
  // An SDK that starts later cannot register its provider, and reports that only to `diag`.
  if (isLogsExporterNone() || !hasSdkGlobals()) return report.check('the provider of this instance is the global one');
  if (!tellsObjects())
    return report.cannotCheck('whether an SDK was started after this instance: this runtime does not list its objects');
  const { length: count } = await otherProviders(provider);
  if (count === 0) return report.check('the provider of this instance is the global one, and the only one');
  report.find(
    'other_sdk',
    `an SDK was started after this instance, with ${count === 1 ? 'a logger provider' : `${count} logger providers`} of its own. The provider of this instance is the global one, so the processors and exporters of that SDK get no records`,
    'set OTEL_LOGS_EXPORTER=none to leave the logs to this instance, or put `sessions.processor` into the `logRecordProcessors` of that SDK and start this instance without `registerGlobally`',
  );
}

/**
 * For a setup of the application: the processor may be in two providers, or in one that other loggers do not write to.
 */
async function checkSeveral(
  { processor }: DiagnosisScene,
  provider: OtelLoggerProvider,
  report: DiagnosisReport,
): Promise<void> {
  if (leadsTo(provider, processor) !== 'yes') return;
  const registered = registeredLoggerProviders().map(innerProvider);
  if (registered.length > 0 && !registered.includes(provider)) {
    const isThere = registered.some((each) => leadsTo(each, processor) === 'yes');
    report.find(
      'other_sdk',
      `the provider of this instance is not the global one, which another SDK has registered (with ${processorNames(registered)}): what other loggers write goes to that one${isThere ? ', which has this processor too, and not to the exporters of this one' : ', and does not come to this instance'}`,
      isThere
        ? ONE_SDK
        : 'put `sessions.processor` into the `logRecordProcessors` of that SDK, and leave `loggerProvider` out, or start your SDK before it',
    );
    return;
  }
  // A bare provider registers nothing else, so no second SDK can have lost to it.
  if (registered.length === 0 || !hasSdkGlobals()) return;
  const double = (await otherProviders(provider)).filter((each) => leadsTo(each, processor) === 'yes');
  if (double.length === 0) return;
  report.find(
    'other_sdk',
    `this instance's processor is in ${double.length + 1} providers, of which the one of the SDK that was started first is the global one: the processors and exporters of the other (${processorNames(double)}) get no records`,
    ONE_SDK,
  );
}

const ONE_SDK =
  'start one SDK, with the exporters of both: `logRecordProcessors: [sessions.processor, first, second]`; one instance belongs into one provider';

function processorNames(providers: readonly OtelLoggerProvider[]): string {
  return providers.flatMap((each) => processorsOf(each)?.map(nameOf) ?? [nameOf(each)]).join(', ') || 'no processor';
}
