export type { JsonValue } from './body.ts';
export type { Diagnosis, Finding } from './diagnose.ts';
export type { LossReason } from './diagnostics.ts';
export type { StreamHandler } from './echo.ts';
export type { DeliveryReport, SessionDelivery } from './routed-record.ts';
export { logEntryInputSchema, logEntrySchema } from './entry.ts';
export type { EntryDetail, LogEntry, LogEntryInput, LogType } from './entry.ts';
export { SessionLogsError } from './errors.ts';
export type { SessionLogsErrorCode } from './errors.ts';
export { CoalescingLogRecordProcessor } from './export/coalescing/coalescing.ts';
export type {
  CoalescingLogRecordProcessorOptions,
  CoalescingOptions,
  CoalescingStats,
} from './export/coalescing/coalescing.ts';
export { DateFileLogRecordProcessor } from './export/file/date-file.ts';
export type { DateFileLogRecordProcessorOptions, DateFileStats } from './export/file/date-file.ts';
export type { DurableLogRecordProcessorOptions, Loss } from './export/durable/durable-options.ts';
export { DurableLogRecordProcessor } from './export/durable/durable.ts';
export type { DurableStats } from './export/durable/durable.ts';
export { bridgeLogsApi } from './otel.ts';
export type { OtelLoggerProvider } from './otel.ts';
export { SessionLogRecordProcessor } from './processor.ts';
export type { SessionLogRecordProcessorOptions } from './processor.ts';
export type { PopOptions, ReaderOptions } from './reader-options.ts';
export { SessionReader } from './reader.ts';
export type { EndReason, Gap } from './reader.ts';
export type { Redact, RedactableEntry } from './redaction.ts';
export type { SessionHandle } from './session-handle.ts';
export { SessionLogs, sharedSessionLogs } from './session-logs.ts';
export type { SessionLogsOptions } from './session-logs.ts';
export { sessionIdOf, withSession } from './session.ts';
export { startSessionLogs } from './start.ts';
export type { StartSessionLogsOptions } from './start-options.ts';
export { MemorySessionStore } from './store/memory/memory.ts';
export type { MemorySessionStoreOptions } from './store/memory/memory.ts';
export type {
  Maybe,
  OpenOptions,
  SessionCursor,
  SessionStore,
  StartPosition,
  Step,
  StoreStats,
  StreamState,
  Waiter,
} from './store/session-store.ts';
export type { NodeResponse } from './client.ts';
export type { EventStreamOptions } from './event-stream.ts';
export type { EventStreamResponseOptions } from './streams.ts';
export type { TapOptions } from './tap.ts';
export {
  defaultStreamHandler,
  REASONING_START_TOKEN,
  REASONING_STOP_TOKEN,
  SPECIAL_END_TOKENS,
  SPECIAL_TOKENS,
  STREAM_END_TOKEN,
  STREAM_START_TOKEN,
  TOOL_CALL_END_TOKEN,
  TOOL_CALL_START_TOKEN,
} from './tokens.ts';
export type { ControlKind, EntryKind } from './tokens.ts';
export type { LeveledWrite, SessionLogger, WriteOptions } from './writer.ts';
