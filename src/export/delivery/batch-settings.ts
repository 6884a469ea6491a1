import { batchEnvironment } from '../../otel/environment.ts';
import type { Reporter } from '../../support/reporter.ts';

/** Times and sizes of a batch processor, each of which `OTEL_BLRP_*` sets where no option does. */
export interface BatchOptions {
  /**
   * The most records that wait; further ones are dropped, counted `export_queue_full`.
   *
   * @default OTEL_BLRP_MAX_QUEUE_SIZE, else 65,536
   */
  readonly maxQueueSize?: number | undefined;
  /** Records per export. @default OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, else 512 */
  readonly maxExportBatchSize?: number | undefined;
  /** How long records wait for a batch to fill. @default OTEL_BLRP_SCHEDULE_DELAY, else 1,000 */
  readonly scheduledDelayMillis?: number | undefined;
  /** How long an export may take; after that its records are sent again. @default OTEL_BLRP_EXPORT_TIMEOUT, else 30,000 */
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
