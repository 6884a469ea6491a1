import { toJsonValue } from './body.ts';
import type { JsonValue } from './body.ts';
import type { EntryDetail, LogType } from './entry-detail.ts';
import { isoTimestamp } from './timestamp.ts';
import type { EntryKind } from './tokens.ts';

/** One entry of a session's log, as readers get it: frozen deeply and JSON-safe. */
export interface LogEntry {
  /**
   * Cursor: opaque, printable ASCII, unique across restarts; resume with `{ after: id }`. Ids of one session sort as text (`a < b`,
   * `ids.sort()`, a binary collation of a database) in the order logged, over lives, hosts and restarts, as long as no clock that
   * makes ids is set back over a restart. Ids of different sessions are not to be compared.
   */
  readonly id: string;
  /** 1 to 256 characters. */
  readonly sessionId: string;
  /** The body as text; a control entry's token. `''` is allowed. Of an `error` entry for operators: event streams mask it. */
  readonly message: string;
  /** `YYYY-MM-DDTHH:mm:ss.sssZ`. */
  readonly timestamp: string;
  readonly logType: LogType;
  readonly kind: EntryKind;
  /** Which answer of the session the entry belongs to, where answers run side by side. */
  readonly streamId?: string;
  readonly severityNumber?: number;
  readonly severityText?: string;
  /** As on the record, without `session.id` and `session_logs.*`. */
  readonly attributes?: Readonly<Record<string, JsonValue>>;
  readonly eventName?: string;
  readonly traceId?: string;
  readonly spanId?: string;
}

/**
 * Who gets what is written. `readers`: the session alone; no provider, exporter, file or console. `exporters`: the provider
 * and what is behind it; no reader of the session.
 */
export type Audience = 'all' | 'readers' | 'exporters';

/** What a writer says of its record, beside text, time and session. */
export interface OwnFacts {
  readonly logType: LogType;
  readonly kind: EntryKind;
  readonly streamId: string | undefined;
  /** `gen_ai.response.finish_reasons`, where they were given. */
  readonly finishReasons: JsonValue | undefined;
  /** Written without a kind, and the text ends with the reasoning stop token. */
  readonly endsReasoning: boolean;
  readonly audience: Audience;
}

/** Text of a chat, which is nearly every write. */
export const PLAIN_CHUNK: OwnFacts = Object.freeze({
  logType: 'chat',
  kind: 'text',
  streamId: undefined,
  finishReasons: undefined,
  endsReasoning: false,
  audience: 'all',
});

/** A leveled log. */
export const LEVELED_LOG: OwnFacts = Object.freeze({ ...PLAIN_CHUNK, logType: 'log' });

/** The frozen entry that readers get. */
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

/** An entry without its id, not frozen: what a redaction sees. */
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
