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
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cacheReadInputTokens: 'gen_ai.usage.cache_read.input_tokens',
  cacheCreationInputTokens: 'gen_ai.usage.cache_creation.input_tokens',
  reasoningOutputTokens: 'gen_ai.usage.reasoning.output_tokens',
  errorType: 'error.type',
  requestStream: 'gen_ai.request.stream',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  recordUid: 'log.record.uid',
  exceptionType: 'exception.type',
  exceptionMessage: 'exception.message',
  exceptionStacktrace: 'exception.stacktrace',
} as const;

/** The prefix of the token usage of an answer. */
export const USAGE_PREFIX = 'gen_ai.usage.';

/** The prefix of this package's own attributes and event names. */
export const OWN_PREFIX = 'session_logs.';

/** Whether an attribute is the application's: neither the session id nor one of this package. */
export function isApplicationAttribute(key: string): boolean {
  return key !== ATTRIBUTE.sessionId && !key.startsWith(OWN_PREFIX);
}
