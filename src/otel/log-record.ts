import type { Context } from '@opentelemetry/api';
import type { LogRecordExporter, LogRecordProcessor } from '@opentelemetry/sdk-logs';

// Structural types only: several copies of the SDK in one tree are normal, so do not use `instanceof`.
export type { Context, LogRecordExporter, LogRecordProcessor };

/** The record that a processor's `onEmit` gets, of either SDK line. */
export type LogRecord = Parameters<LogRecordProcessor['onEmit']>[0];

/** The record that an exporter gets. */
export type ReadableLogRecord = Parameters<LogRecordExporter['export']>[0][number];

/** `[seconds, nanoseconds]` since the epoch. */
export type HrTime = LogRecord['hrTime'];

/** Converts an SDK time to milliseconds since the epoch, rounded down. */
export function hrTimeToMillis(time: HrTime): number {
  return time[0] * 1000 + Math.floor(time[1] / 1_000_000);
}

/** Whether a minimum leaves out a record of this severity. A record without a severity always passes. */
export function isBelow(severity: number | undefined, minimum: number): boolean {
  return severity !== undefined && severity !== 0 && severity < minimum;
}

/** What the SDK passes to a processor's `enabled`. An `undefined` severity is unknown. */
export type EnabledOptions = Parameters<NonNullable<LogRecordProcessor['enabled']>>[0];
