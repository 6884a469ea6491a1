import { bodyToText, toJsonValue } from '../entry/body.ts';
import { isoTimestamp } from '../entry/timestamp.ts';
import type { LogRecord } from '../otel/log-record.ts';
import { escapeControls, withoutColours } from '../support/terminal-text.ts';
import { lineAttributes, levelOf, recordMillis, sessionIdOfRecord, splitException } from './line-parts.ts';

/**
 * Returns the record as one line of JSON, for Loki, Vector, Fluent Bit and the like: `time`, `level` and `message` are
 * where these look for them, and the trace ids have the names that OpenTelemetry gives them outside OTLP,
 * https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/. Missing fields are left out.
 *
 * It is always valid JSON on one line, without control characters and without lone surrogates, which strict parsers
 * reject. docs/daily-file.md lists the keys.
 */
export function jsonLine(record: LogRecord): string {
  const { severityNumber = 0, severityText, body, eventName, instrumentationScope: scope, spanContext } = record;
  const level = levelOf(record);
  const attributes = lineAttributes(record);
  const { exception, others } = attributes === undefined ? {} : splitException(attributes);
  const line = {
    time: isoTimestamp(recordMillis(record)),
    level,
    severity_number: severityNumber === 0 ? undefined : severityNumber,
    severity_text: severityText === level ? undefined : severityText,
    session_id: sessionIdOfRecord(record),
    message: withoutColours(bodyToText(body)),
    body: typeof body === 'string' || body === null || body === undefined ? undefined : toJsonValue(body),
    event_name: eventName,
    attributes: others,
    exception,
    dropped_attributes_count: record.droppedAttributesCount > 0 ? record.droppedAttributesCount : undefined,
    trace_id: spanContext?.traceId,
    span_id: spanContext?.spanId,
    trace_flags: spanContext === undefined ? undefined : flagsText(spanContext.traceFlags),
    scope: { name: scope.name, version: scope.version },
  };
  return escapeControls(jsonText(line));
}

/** Returns a value as JSON for a line, without control characters. */
export function jsonText(value: unknown): string {
  return wholeCharacters(JSON.stringify(value));
}

/** Trace flags as W3C writes them. */
function flagsText(flags: number): string {
  return (flags & 0xff).toString(16).padStart(2, '0');
}

// In the output of `JSON.stringify`, `\ud800` is a lone surrogate, unless its backslash is itself escaped.
const ESCAPED_BACKSLASH_OR_HALF = /\\(?:\\|ud[89a-f][\da-f]{2})/g;

/** Replaces each lone surrogate in JSON by U+FFFD, as in a file of UTF-8. */
function wholeCharacters(json: string): string {
  if (!json.includes('\\ud')) return json;
  return json.replace(ESCAPED_BACKSLASH_OR_HALF, (found) => (found.length === 2 ? found : '\ufffd'));
}
