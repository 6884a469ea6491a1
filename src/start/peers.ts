import { importOtlpExporter, otlpTarget, requireOtlpExporter } from '../export/otlp/otlp.ts';
import type { OtlpTarget } from '../export/otlp/otlp.ts';
import type { LogRecordExporter } from '../otel/log-record.ts';
import { importLogsSdk, logsSdkOf, requireLogsSdk } from '../otel/logs-sdk.ts';
import type { LogsSdk } from '../otel/logs-sdk.ts';
import type { StartPlan } from './start-options.ts';

/** What a start takes from packages of the application. */
export interface Peers {
  readonly sdk: LogsSdk;
  /** `undefined`: nothing is exported. */
  readonly exporter: LogRecordExporter | undefined;
}

/**
 * The SDK and the exporter that the plan needs: given ones, else those of the application.
 *
 * @throws SessionLogsError `sdk_not_found` or `exporter_not_found`; TypeError for a wrong endpoint.
 */
export async function importPeers(plan: StartPlan): Promise<Peers> {
  const target = targetOf(plan, false);
  const sdk = plan.sdk === undefined ? await importLogsSdk() : logsSdkOf(plan.sdk);
  return { sdk, exporter: target === undefined ? plan.exporter : await importOtlpExporter(target, sdk.line) };
}

/** The same at once. @param isBesideSdk See `otlpTarget`. */
export function requirePeers(plan: StartPlan, isBesideSdk: boolean): Peers {
  const target = targetOf(plan, isBesideSdk);
  const sdk = requireLogsSdk();
  return { sdk, exporter: target === undefined ? plan.exporter : requireOtlpExporter(target, sdk.line) };
}

function targetOf({ exporter, endpoint }: StartPlan, isBesideSdk: boolean): OtlpTarget | undefined {
  return exporter === undefined ? otlpTarget(endpoint, 'startSessionLogs', isBesideSdk) : undefined;
}
