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

/**
 * The same at once, in a process that may have another SDK. Where an exporter cannot be made there is none, and the reason is
 * told: the rest of what starts before a program is worth having.
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
