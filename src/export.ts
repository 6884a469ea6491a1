/**
 * The processors of destinations, for a provider of your own: coalescing, the daily file, the disk spool.
 *
 * They have a door of their own so that an application that uses `startSessionLogs`, or none of them, need not load
 * them.
 *
 * @module otel-session-logs/export
 */
export { CoalescingLogRecordProcessor } from './export/coalescing/coalescing.ts';
export type {
  CoalescingLogRecordProcessorOptions,
  CoalescingOptions,
  CoalescingStats,
} from './export/coalescing/coalescing.ts';
export type { ErasedPart, ExportedRecords, SessionEraser } from './entry/erasure.ts';
export { DateFileLogRecordProcessor } from './export/file/date-file.ts';
export type { DateFileStats } from './export/file/date-file.ts';
export type { DateFileLogRecordProcessorOptions } from './export/file/date-file-options.ts';
export type { LineFormat, LineRecord } from './export/file/custom-format.ts';
export type { Severity, SeverityName } from './otel/severity.ts';
export type { Loss } from './export/delivery/delivery-ledger.ts';
export type { DurableLogRecordProcessorOptions } from './export/durable/durable-options.ts';
export { DurableLogRecordProcessor } from './export/durable/durable.ts';
export type { DurableStats } from './export/durable/durable-stats.ts';
