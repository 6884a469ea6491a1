import type { Reporter } from '../support/reporter.ts';

/** Returns an environment variable; an empty one counts as not set (OpenTelemetry's configuration rules). */
export function environmentValue(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** Returns a whole number of at least `minimum` from the environment; ignores anything else, with a warning. */
function environmentInteger(name: string, minimum: number, reporter: Reporter): number | undefined {
  const text = environmentValue(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= minimum) return value;
  reporter.announce(`${name} is ignored: expected a whole number of at least ${minimum}, got ${JSON.stringify(text)}`);
  return undefined;
}

/** `OTEL_SDK_DISABLED=true`: nothing leaves the process, but sessions still work. */
export function isSdkDisabled(): boolean {
  return environmentValue('OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
}

function logsExporters(): readonly string[] | undefined {
  return environmentValue('OTEL_LOGS_EXPORTER')
    ?.split(',')
    .map((name) => name.trim());
}

/** Whether `OTEL_LOGS_EXPORTER` names only other exporters, or `none`. */
export function isOtlpExportDisabled(): boolean {
  const names = logsExporters();
  return names !== undefined && (names.includes('none') || !names.includes('otlp'));
}

/** `OTEL_LOGS_EXPORTER=none`: the SDK makes no provider for logs. */
export function isLogsExporterNone(): boolean {
  return logsExporters()?.includes('none') ?? false;
}

/** The values of `OTEL_BLRP_*`, which the SDK reads only for processors that it makes itself. */
export interface BatchEnvironment {
  readonly maxQueueSize: number | undefined;
  readonly maxExportBatchSize: number | undefined;
  readonly scheduledDelayMillis: number | undefined;
  readonly exportTimeoutMillis: number | undefined;
}

export function batchEnvironment(reporter: Reporter): BatchEnvironment {
  return {
    maxQueueSize: environmentInteger('OTEL_BLRP_MAX_QUEUE_SIZE', 1, reporter),
    maxExportBatchSize: environmentInteger('OTEL_BLRP_MAX_EXPORT_BATCH_SIZE', 1, reporter),
    scheduledDelayMillis: environmentInteger('OTEL_BLRP_SCHEDULE_DELAY', 0, reporter),
    exportTimeoutMillis: environmentInteger('OTEL_BLRP_EXPORT_TIMEOUT', 1, reporter),
  };
}
