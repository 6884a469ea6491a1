import type { Context } from '@opentelemetry/api';
import type { LogRecordExporter, LogRecordProcessor } from '@opentelemetry/sdk-logs';

// Structural types only: several copies of the SDK in one tree are normal, so nothing here is ever `instanceof`.
export type { Context, LogRecordExporter, LogRecordProcessor };

/** The record that a processor's `onEmit` gets, of either OTel line. */
export type LogRecord = Parameters<LogRecordProcessor['onEmit']>[0];

/** The record that an exporter gets. */
export type ReadableLogRecord = Parameters<LogRecordExporter['export']>[0][number];

/** What an exporter calls back with; `code` 0 is success. */
export type ExportResult = Parameters<Parameters<LogRecordExporter['export']>[1]>[0];

/** `[seconds, nanoseconds]` since the epoch. */
export type HrTime = LogRecord['hrTime'];

/** What we emit through a logger: the part of the logs API's record that both lines share. */
export interface EmittedLogRecord {
  eventName?: string;
  timestamp?: number | Date | HrTime;
  severityNumber?: number;
  severityText?: string;
  body?: string;
  attributes?: Record<string, unknown>;
  exception?: unknown;
  context?: Context;
}

/** A logger of either line. */
export interface OtelLogger {
  emit(record: EmittedLogRecord): void;
}

/** A logger provider of either line, the SDK's or the API's. */
export interface OtelLoggerProvider {
  // oxlint-disable-next-line typescript/no-explicit-any -- the two lines' record types differ in an enum only
  getLogger(name: string, version?: string): { emit(record: any): void };
}

/** Milliseconds since the epoch, rounded down, of an SDK time. */
export function hrTimeToMillis(time: HrTime): number {
  return time[0] * 1000 + Math.floor(time[1] / 1_000_000);
}

/** Severity numbers of the OpenTelemetry log data model, https://opentelemetry.io/docs/specs/otel/logs/data-model/ */
export const SEVERITY = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const;

/** Names on the wire. Nothing about sessions or GenAI is stable yet, so each is written in this one place. */
export const ATTRIBUTE = {
  sessionId: 'session.id',
  conversationId: 'gen_ai.conversation.id',
  logType: 'session_logs.log_type',
  streamId: 'session_logs.stream_id',
  chunkCount: 'session_logs.chunk_count',
  finishReasons: 'gen_ai.response.finish_reasons',
  requestStream: 'gen_ai.request.stream',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  recordUid: 'log.record.uid',
} as const;

/** The prefix of our own attributes and event names. */
export const OWN_PREFIX = 'session_logs.';
