import { toJsonValue } from './body.ts';
import type { JsonValue } from './body.ts';
import type { EntryDetail, LogType } from './entry-detail.ts';
import { isoTimestamp } from './timestamp.ts';
import type { EntryKind } from './tokens.ts';

/** One entry of a session's log, as readers get it: frozen deeply and JSON-safe. */
export interface LogEntry {
  /**
   * The entry's cursor: opaque, printable ASCII, unique across restarts. Resume with `{ after: id }`. The ids of one
   * session sort as text (`a < b`, `ids.sort()`, a binary collation of a database) in the order logged, across lives,
   * hosts and restarts, as long as the clock is not set back between restarts. Do not compare ids of different
   * sessions.
   */
  readonly id: string;
  /** Session id of 1 to 256 characters. */
  readonly sessionId: string;
  /**
   * The body as text; may be `''`. For a control entry, its token. For an `error` entry, a text for operators, which
   * event streams mask.
   */
  readonly message: string;
  /** Time of the entry, `YYYY-MM-DDTHH:mm:ss.sssZ`. */
  readonly timestamp: string;
  readonly logType: LogType;
  readonly kind: EntryKind;
  /** The answer of the session that the entry belongs to, if answers run at the same time. */
  readonly streamId?: string;
  readonly severityNumber?: number;
  readonly severityText?: string;
  /** The record's attributes, without `session.id` and `session_logs.*`. */
  readonly attributes?: Readonly<Record<string, JsonValue>>;
  readonly eventName?: string;
  readonly traceId?: string;
  readonly spanId?: string;
}

/**
 * Where a write goes. `readers`: only into the session, to no provider, exporter, file or console. `exporters`: only to
 * the provider and what is behind it, to no reader of the session.
 */
export type Audience = 'all' | 'readers' | 'exporters';

/** What a writer says of its record, besides text, time and session. */
export interface OwnFacts {
  readonly logType: LogType;
  readonly kind: EntryKind;
  readonly streamId: string | undefined;
  /** `gen_ai.response.finish_reasons`, if given. */
  readonly finishReasons: JsonValue | undefined;
  /** The entry was written without a kind and its text ends with the reasoning stop token. */
  readonly endsReasoning: boolean;
  readonly audience: Audience;
}

/** Facts of chat text, which is nearly every write. */
export const PLAIN_CHUNK: OwnFacts = Object.freeze({
  logType: 'chat',
  kind: 'text',
  streamId: undefined,
  finishReasons: undefined,
  endsReasoning: false,
  audience: 'all',
});

/** Facts of a leveled log. */
export const LEVELED_LOG: OwnFacts = Object.freeze({ ...PLAIN_CHUNK, logType: 'log' });

/** Makes the frozen entry that readers get. */
export function makeEntry(
  id: string,
  sessionId: string,
  message: string,
  timestamp: number,
  detail: EntryDetail | undefined,
): LogEntry {
  if (detail === undefined) {
    return Object.freeze({
      id,
      sessionId,
      message,
      timestamp: isoTimestamp(timestamp),
      logType: 'chat',
      kind: 'text',
    });
  }
  return Object.freeze({ id, ...entryFields(sessionId, message, timestamp, detail) });
}

/** Makes an entry without its id, not frozen, for a redaction to see. */
export function entryFields(
  sessionId: string,
  message: string,
  timestamp: number,
  detail: EntryDetail | undefined,
): Omit<LogEntry, 'id'> {
  const fields: Mutable<Omit<LogEntry, 'id'>> = {
    sessionId,
    message,
    timestamp: isoTimestamp(timestamp),
    logType: detail?.logType ?? 'chat',
    kind: detail?.kind ?? 'text',
  };
  if (detail === undefined) return fields;
  if (detail.streamId !== undefined) fields.streamId = detail.streamId;
  if (detail.severityNumber !== undefined) fields.severityNumber = detail.severityNumber;
  if (detail.severityText !== undefined) fields.severityText = detail.severityText;
  if (detail.attributes !== undefined) {
    fields.attributes = frozenAttributes(detail.attributes);
  }
  if (detail.eventName !== undefined) fields.eventName = detail.eventName;
  if (detail.traceId !== undefined) fields.traceId = detail.traceId;
  if (detail.spanId !== undefined) fields.spanId = detail.spanId;
  return fields;
}

function frozenAttributes(attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, JsonValue>> {
  const copy: Record<string, JsonValue> = {};
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
    // `copy.__proto__ = ...` would set the prototype.
    if (!isPlain || key === '__proto__') return toJsonValue(attributes) as typeof copy;
    copy[key] = value as JsonValue;
  }
  return Object.freeze(copy);
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
