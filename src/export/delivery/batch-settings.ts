import { batchEnvironment } from '../../otel/environment.ts';
import type { Reporter } from '../../support/reporter.ts';

/** Times and sizes of a batch processor, each of which `OTEL_BLRP_*` sets where no option does. */
export interface BatchOptions {
  readonly maxQueueSize?: number | undefined;
  readonly maxExportBatchSize?: number | undefined;
  readonly scheduledDelayMillis?: number | undefined;
  readonly exportTimeoutMillis?: number | undefined;
}

export type BatchSettings = { readonly [Key in keyof BatchOptions]-?: number };

/** A bad variable is warned about. */
export function batchSettings(given: BatchOptions, reporter: Reporter): BatchSettings {
  const environment = batchEnvironment(reporter);
  return {
    maxQueueSize: given.maxQueueSize ?? environment.maxQueueSize ?? 65_536,
    maxExportBatchSize: given.maxExportBatchSize ?? environment.maxExportBatchSize ?? 512,
    scheduledDelayMillis: given.scheduledDelayMillis ?? environment.scheduledDelayMillis ?? 1_000,
    exportTimeoutMillis: given.exportTimeoutMillis ?? environment.exportTimeoutMillis ?? 30_000,
  };
}
