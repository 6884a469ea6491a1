import * as v8 from 'node:v8';

import { isLogsExporterNone } from '../otel/environment.ts';
import { hasSdkGlobals, registeredLoggerProviders } from '../otel/logs-api.ts';
import { countOtherProviders } from '../otel/other-providers.ts';
import { processorsOf } from '../otel/provider-inside.ts';
import { nameOf } from './check-provider.ts';
import type { DiagnosisReport } from './diagnosis.ts';
import type { DiagnosisScene } from './subject.ts';

/** Of two SDKs of a process the first that registers its logger provider gets the records of all loggers. */
export async function checkOtherSdk(
  { provider, facts, isStarted }: DiagnosisScene,
  report: DiagnosisReport,
): Promise<void> {
  if (!isStarted || facts.isGlobal !== true || provider === undefined) return;
  const others = registeredLoggerProviders().filter((each) => each !== provider);
  if (others.length > 0) {
    const names = others.flatMap((each) => processorsOf(each)?.map(nameOf) ?? [nameOf(each)]);
    report.find(
      'not_global',
      `another logger provider is the global one (with ${names.join(', ') || 'no processor'}): what other loggers write does not come to this instance`,
      'start this instance before that SDK, or put `sessions.processor` into the `logRecordProcessors` of that SDK and leave `registerGlobally` out',
    );
    return;
  }
  // An SDK that is started later cannot register its provider, and says so to `diag` only.
  if (isLogsExporterNone() || !hasSdkGlobals()) return report.check('the provider of this instance is the global one');
  if (!('queryObjects' in v8))
    return report.cannotCheck('whether an SDK was started after this instance: this runtime does not tell its objects');
  const count = await countOtherProviders(provider);
  if (count === 0) return report.check('the provider of this instance is the global one, and the only one');
  report.find(
    'other_sdk',
    `an SDK was started after this instance, with ${count === 1 ? 'a logger provider' : `${count} logger providers`} of its own: that of this instance is the global one, so the processors and exporters of that SDK get no record`,
    'set OTEL_LOGS_EXPORTER=none to leave the logs to this instance, or put `sessions.processor` into the `logRecordProcessors` of that SDK and start this instance without `registerGlobally`',
  );
}
