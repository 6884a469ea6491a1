import { importOtlpExporter, otlpTarget, requireOtlpExporter } from '../export/otlp/otlp.ts';
import type { OtlpTarget } from '../export/otlp/otlp.ts';
import type { LogRecordExporter } from '../otel/log-record.ts';
import { importLogsSdk, logsSdkOf, requireLogsSdk } from '../otel/logs-sdk.ts';
import type { LogsSdk } from '../otel/logs-sdk.ts';
import type { StartPlan } from './start-options.ts';

/** Parts that a start takes from the application's packages. */
export interface Peers {
  readonly sdk: LogsSdk;
  /** `undefined`: nothing is exported. */
  readonly exporter: LogRecordExporter | undefined;
}

/**
 * Imports the SDK and the exporter that the plan needs, unless they were given as options.
 *
 * @throws SessionLogsError `sdk_not_found` or `exporter_not_found`; TypeError for a wrong endpoint.
 */
export async function importPeers(plan: StartPlan): Promise<Peers> {
  const target = targetOf(plan, false);
  const sdk = plan.sdk === undefined ? await importLogsSdk() : logsSdkOf(plan.sdk);
  return { sdk, exporter: target === undefined ? plan.exporter : await importOtlpExporter(target, sdk.line) };
}

/**
 * The same, synchronously, in a process that may have another SDK. If no exporter can be made, it reports why and goes
 * on without one: what starts before a program is useful without an export.
 *
 * @throws SessionLogsError `sdk_not_found`.
 */
export function requirePeers(plan: StartPlan, whenNoExporter: (error: unknown) => void): Peers {
  const target = targetOf(plan, true);
  const sdk = requireLogsSdk();
  if (target === undefined) return { sdk, exporter: plan.exporter };
  try {
    return { sdk, exporter: requireOtlpExporter(target, sdk.line) };
  } catch (error) {
    whenNoExporter(error);
    return { sdk, exporter: undefined };
  }
}

function targetOf({ exporter, endpoint }: StartPlan, isBesideSdk: boolean): OtlpTarget | undefined {
  return exporter === undefined ? otlpTarget(endpoint, 'startSessionLogs', isBesideSdk) : undefined;
}
