/**
 * Session logs: start them or plug them into a provider, write, read and serve.
 *
 * @module otel-session-logs
 */
export type { JsonValue } from './entry/body.ts';
export type { ErasedPart, ExportedRecords, SessionEraser } from './entry/erasure.ts';
export type { Diagnosis } from './diagnose/diagnosis.ts';
export type { Finding, FindingCode } from './diagnose/finding.ts';
export type { ErasureReceipt } from './facade/erasure-receipt.ts';
export type { LossReason } from './support/loss-counters.ts';
export type { StreamHandler } from './write/stream-handler.ts';
export type { DeliveryReport, SessionDelivery } from './entry/routed-record.ts';
export { logEntryInputSchema, logEntrySchema } from './entry/entry-schemas.ts';
export type { LogEntry } from './entry/entry.ts';
export type { LogEntryInput } from './entry/entry-schemas.ts';
export { isSessionId } from './entry/session-id.ts';
export type { EntryDetail, LogType } from './entry/entry-detail.ts';
export { SessionLogsError } from './support/errors.ts';
export type { SessionLogsErrorCode } from './support/errors.ts';
export type { Severity, SeverityName } from './otel/severity.ts';
export { bridgeLogsApi } from './otel/logs-api.ts';
export type { OtelLoggerProvider } from './otel/logs-api.ts';
export { SessionLogRecordProcessor } from './facade/session-processor.ts';
export type { SessionLogRecordProcessorOptions } from './route/processor.ts';
export type { EndReason } from './read/end-reason.ts';
export type { FollowAllOptions } from './read/follow-all.ts';
export type { Gap } from './read/gap.ts';
export type { PopOptions, ReaderOptions } from './read/reader-options.ts';
export { SessionReader } from './read/reader.ts';
export type { ReplayOptions, SessionReplay } from './read/replay.ts';
export type { Redact, RedactableEntry } from './route/redaction.ts';
export type { SessionHandle } from './facade/session-handle.ts';
export { SessionLogs } from './facade/session-logs.ts';
export { sharedSessionLogs } from './facade/shared-session-logs.ts';
export type { SessionLogsStats } from './facade/session-logs.ts';
export type { SessionLogsOptions } from './facade/session-logs-options.ts';
export { sessionIdOf, withSession } from './route/session-context.ts';
export type { Destination } from './start/destination.ts';
export { startSessionLogs } from './start/start-session-logs.ts';
export type { DailyFileOptions, StartSessionLogsOptions } from './start/start-options.ts';
export type { ConsoleFormat } from './export/console/console.ts';
export { MemorySessionStore } from './store/memory/memory.ts';
export type { MemorySessionStoreOptions } from './store/memory/memory-options.ts';
export type {
  ErasedEntries,
  Maybe,
  OpenAllOptions,
  OpenOptions,
  SessionCursor,
  SessionStore,
  StartPosition,
  Step,
  StoreStats,
  StreamState,
  Waiter,
} from './store/session-store.ts';
export type { NodeResponse } from './serve/client.ts';
export type { CorsOptions } from './serve/cors.ts';
export type { EventStreamHandler, EventStreamHandlerOptions, FastifyReplyLike } from './serve/event-stream-handler.ts';
export type { Authorization, Authorize, GateOptions, ReadersPerClient } from './serve/gate.ts';
export { signSessionLink, verifySessionLink } from './serve/session-link.ts';
export type {
  LinkScope,
  RevocableLinkOptions,
  SessionLink,
  SignSessionLinkOptions,
  VerifySessionLinkOptions,
} from './serve/session-link.ts';
export type { EventStreamOptions } from './serve/event-stream.ts';
export type { EventStreamResponseOptions } from './serve/event-stream-response.ts';
export type { TapOptions } from './write/tap.ts';
export type { ConsumedAnswer, MappedChunk } from './write/tapped-answer.ts';
export type { TokenUsage } from './write/token-usage.ts';
export {
  REASONING_START_TOKEN,
  REASONING_STOP_TOKEN,
  SPECIAL_END_TOKENS,
  SPECIAL_TOKENS,
  STREAM_END_TOKEN,
  STREAM_START_TOKEN,
  TOOL_CALL_END_TOKEN,
  TOOL_CALL_START_TOKEN,
} from './entry/tokens.ts';
export { defaultStreamHandler } from './write/stream-handler.ts';
export type { ControlKind, EntryKind } from './entry/tokens.ts';
export type { WriteOptions } from './write/write-options.ts';
export type { LeveledWrite, SessionLogger } from './write/writer.ts';
