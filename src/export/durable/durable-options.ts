import * as z from 'zod';

import type { LogRecordExporter } from '../../otel/log-record.ts';
import { meterProviderOption } from '../../otel/metrics.ts';
import type { MeterProvider } from '../../otel/metrics.ts';
import { clockOption } from '../../support/clock.ts';
import { functionOption, lazily, millis, millisOrNever, objectWith, positiveInteger } from '../../support/options.ts';
import type { Loss } from '../delivery/delivery-ledger.ts';

/**
 * Options of {@link DurableLogRecordProcessor}. Those of `BatchLogRecordProcessor`, and `OTEL_BLRP_*`, mean the same
 * here.
 */
export interface DurableLogRecordProcessorOptions {
  /** Any exporter. Its retries, headers, TLS and compression work as configured. */
  readonly exporter: LogRecordExporter;
  /**
   * Directory of the spool, on a local disk, one per destination, shared by all processes of one host. Created with
   * mode 0700. Do not use a shared temporary folder.
   */
  readonly directory: string;
  /**
   * The most bytes that this process keeps in the spool, including adopted ones; beyond that, the oldest records are
   * dropped.
   *
   * @default 536,870,912 (512 MiB)
   */
  readonly maxBytes?: number | undefined;
  /** When records are written: at the end of the event-loop tick, or within `emit()`. @default 'tick' */
  readonly flush?: 'tick' | 'record' | undefined;
  /**
   * When written records are synced to the disk, which matters only for a power cut. `'interval'`: every
   * `fsyncIntervalMillis`, off the event loop. `'always'`: at each write, within the event loop. `'never'`: not at all.
   *
   * @default 'interval'
   */
  readonly fsync?: 'interval' | 'always' | 'never' | undefined;
  /** Milliseconds between syncs with `fsync: 'interval'`. @default 500 */
  readonly fsyncIntervalMillis?: number | undefined;
  /**
   * Records per export; an export is also limited to about 1 MiB. @default OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, else 512
   */
  readonly maxExportBatchSize?: number | undefined;
  /** Milliseconds that records wait for a batch to fill. @default OTEL_BLRP_SCHEDULE_DELAY, else 1,000 */
  readonly scheduledDelayMillis?: number | undefined;
  /**
   * Milliseconds that an export may take; after that its records are sent again. @default OTEL_BLRP_EXPORT_TIMEOUT,
   * else 30,000
   */
  readonly exportTimeoutMillis?: number | undefined;
  /** Ignored: the queue is on disk. */
  readonly maxQueueSize?: number | undefined;
  /** Ignored: it is meant for browsers. */
  readonly disableAutoFlushOnDocumentHide?: boolean | undefined;
  /** The longest that a shutdown takes, in milliseconds. @default 5,000 */
  readonly shutdownTimeoutMillis?: number | undefined;
  /** The longest that a flush takes, in milliseconds. @default 30,000 */
  readonly forceFlushTimeoutMillis?: number | undefined;
  /**
   * Drops records that waited longer than this many milliseconds, but not within a day after the clock was set.
   * @default none
   */
  readonly maxAgeMillis?: number | undefined;
  /** The most bytes of rejected records that are kept. @default 67,108,864 (64 MiB) */
  readonly maxDeadBytes?: number | undefined;
  /**
   * Which records are dropped when the disk is full. `'drop-newest'`: keeps what was written, and drops new records
   * once 8 MiB of them wait in memory. `'drop-oldest'`: deletes the oldest segment to make room.
   *
   * @default 'drop-newest'
   */
  readonly whenDiskFull?: 'drop-newest' | 'drop-oldest' | undefined;
  /** Called with each loss. An error that it throws is only reported to the diag logger. */
  readonly onLoss?: ((loss: Loss) => void) | undefined;
  /**
   * Gives each record a `log.record.uid`, the same at every resend, so that a back end can remove duplicates. @default
   * false
   */
  readonly recordUid?: boolean | undefined;
  /** The clock, for tests. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Gets the metrics of the processor. @default none */
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}

const KIB = 1024;

/** A whole number of bytes, at least 64 KiB, so that a segment holds more than a few records. */
function spoolBytes(): z.ZodNumber {
  const expected = 'a whole number of bytes, 65,536 or more';
  return z
    .number(expected)
    .int(expected)
    .min(64 * KIB, expected);
}

export const durableOptionsSchema: () => z.ZodType<ParsedDurableOptions, DurableLogRecordProcessorOptions> = lazily(
  () =>
    z.strictObject({
      exporter: objectWith<LogRecordExporter>('a log record exporter', 'export', 'shutdown'),
      directory: z.string('a path').min(1, 'a path'),
      maxBytes: spoolBytes().default(512 * KIB * KIB),
      flush: z.enum(['tick', 'record'], "'tick' or 'record'").default('tick'),
      fsync: z.enum(['interval', 'always', 'never'], "'interval', 'always' or 'never'").default('interval'),
      fsyncIntervalMillis: millis().default(500),
      maxExportBatchSize: positiveInteger().optional(),
      scheduledDelayMillis: millis().optional(),
      exportTimeoutMillis: millisOrNever().optional(),
      maxQueueSize: z.unknown().optional(),
      disableAutoFlushOnDocumentHide: z.unknown().optional(),
      shutdownTimeoutMillis: millisOrNever().default(5_000),
      forceFlushTimeoutMillis: millisOrNever().default(30_000),
      maxAgeMillis: millisOrNever().optional(),
      maxDeadBytes: spoolBytes().default(64 * KIB * KIB),
      whenDiskFull: z.enum(['drop-newest', 'drop-oldest'], "'drop-newest' or 'drop-oldest'").default('drop-newest'),
      onLoss: functionOption<(loss: Loss) => void>().optional(),
      recordUid: z.boolean('a boolean').default(false),
      now: clockOption(),
      selfObsMeterProvider: meterProviderOption(),
    }) as unknown as z.ZodType<ParsedDurableOptions, DurableLogRecordProcessorOptions>,
);

/** The validated options. Those that the environment may still set are optional. */
export interface ParsedDurableOptions {
  readonly exporter: LogRecordExporter;
  readonly directory: string;
  readonly maxBytes: number;
  readonly flush: 'tick' | 'record';
  readonly fsync: 'interval' | 'always' | 'never';
  readonly fsyncIntervalMillis: number;
  readonly maxExportBatchSize?: number | undefined;
  readonly scheduledDelayMillis?: number | undefined;
  readonly exportTimeoutMillis?: number | undefined;
  readonly shutdownTimeoutMillis: number;
  readonly forceFlushTimeoutMillis: number;
  readonly maxAgeMillis?: number | undefined;
  readonly maxDeadBytes: number;
  readonly whenDiskFull: 'drop-newest' | 'drop-oldest';
  readonly onLoss?: ((loss: Loss) => void) | undefined;
  readonly recordUid: boolean;
  readonly now: () => number;
  readonly selfObsMeterProvider?: MeterProvider | undefined;
}
