import { batchEnvironment } from '../../otel/environment.ts';
import type { Reporter } from '../../support/reporter.ts';

/** Times and sizes of a batch processor. `OTEL_BLRP_*` sets each one that no option sets. */
export interface BatchOptions {
  /**
   * The most waiting records; further ones are dropped and counted as `export_queue_full`.
   *
   * @default OTEL_BLRP_MAX_QUEUE_SIZE, else 65,536
   */
  readonly maxQueueSize?: number | undefined;
  /** Records per export. @default OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, else 512 */
  readonly maxExportBatchSize?: number | undefined;
  /** Milliseconds that records wait for a batch to fill. @default OTEL_BLRP_SCHEDULE_DELAY, else 1,000 */
  readonly scheduledDelayMillis?: number | undefined;
  /**
   * Milliseconds that an export may take; after that its records are sent again. @default OTEL_BLRP_EXPORT_TIMEOUT,
   * else 30,000
   */
  readonly exportTimeoutMillis?: number | undefined;
}

export type BatchSettings = { readonly [Key in keyof BatchOptions]-?: number };

/** The settings with defaults. Warns of a wrong environment variable. */
export function batchSettings(given: BatchOptions, reporter: Reporter): BatchSettings {
  const environment = batchEnvironment(reporter);
  return {
    maxQueueSize: given.maxQueueSize ?? environment.maxQueueSize ?? 65_536,
    maxExportBatchSize: given.maxExportBatchSize ?? environment.maxExportBatchSize ?? 512,
    scheduledDelayMillis: given.scheduledDelayMillis ?? environment.scheduledDelayMillis ?? 1_000,
    exportTimeoutMillis: given.exportTimeoutMillis ?? environment.exportTimeoutMillis ?? 30_000,
  };
}
