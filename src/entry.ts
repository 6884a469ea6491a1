import * as z from 'zod';

import { ATTRIBUTE, hrTimeToMillis, OWN_PREFIX } from './otel.ts';
import type { LogRecord } from './otel.ts';
import { ENTRY_KINDS, isControlKind, tokenOf } from './tokens.ts';
import type { EntryKind } from './tokens.ts';

/** `chat`: what the user of the session sees. `log`: what the operator sees. */
export type LogType = 'chat' | 'log';

/** A JSON value as it stands in a frozen entry. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** One entry of a session's log, as readers get it: frozen deeply and JSON-safe. */
export interface LogEntry {
  /** Cursor: opaque, printable ASCII, unique across restarts. Compare by equality only; resume with `{ after: id }`. */
  readonly id: string;
  /** 1 to 256 characters. */
  readonly sessionId: string;
  /** The body as text; a control entry's token; of an `error` entry the masked text. `''` is allowed. */
  readonly message: string;
  /** `YYYY-MM-DDTHH:mm:ss.sssZ`. */
  readonly timestamp: string;
  readonly logType: LogType;
  readonly kind: EntryKind;
  /** Which stream of the session the entry belongs to, where streams run side by side. */
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
 * What a store keeps of an entry beside its text and time. `undefined` in its place means a plain chunk: `chat`,
 * `text`, nothing else, which is nearly every entry and so costs nothing.
 *
 * Values of `attributes` are what the SDK copied at emit; readers make them JSON-safe.
 */
export interface EntryDetail {
  readonly logType: LogType;
  readonly kind: EntryKind;
  readonly streamId: string | undefined;
  readonly severityNumber: number | undefined;
  readonly severityText: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
  readonly eventName: string | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  /** Written without a kind, and the text ends with the reasoning stop token: a `pop` ends after it. */
  readonly endsReasoning: boolean;
}

/** A detail with every field present, in one order, so that all details share one hidden class. */
export function entryDetail(fields: Partial<EntryDetail>): EntryDetail {
  return {
    logType: fields.logType ?? 'chat',
    kind: fields.kind ?? 'text',
    streamId: fields.streamId,
    severityNumber: fields.severityNumber,
    severityText: fields.severityText,
    attributes: fields.attributes,
    eventName: fields.eventName,
    traceId: fields.traceId,
    spanId: fields.spanId,
    endsReasoning: fields.endsReasoning ?? false,
  };
}

/** Whether the entry is part of the chat: what streams, `pop` and bare-text readers are about. */
export function isChat(detail: EntryDetail | undefined): boolean {
  return detail === undefined || detail.logType === 'chat';
}

export function kindOf(detail: EntryDetail | undefined): EntryKind {
  return detail === undefined ? 'text' : detail.kind;
}

/** Longest session id, in UTF-16 units. */
export const MAX_SESSION_ID_LENGTH = 256;

export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_SESSION_ID_LENGTH;
}

/** The finish reason of a stream whose place another stream took. */
export const ABANDONED = 'abandoned';

/** What stands in a session when a new stream starts while one without a stream id is open. */
export const ABANDONED_END: EntryDetail = Object.freeze(
  entryDetail({ kind: 'stream-end', attributes: Object.freeze({ [ATTRIBUTE.finishReasons]: [ABANDONED] }) }),
);

/** Whether a `stream-end` stands for a stream that another one replaced. */
export function isAbandonedEnd(detail: EntryDetail): boolean {
  const reasons = detail.attributes?.[ATTRIBUTE.finishReasons];
  return Array.isArray(reasons) && reasons.length === 1 && reasons[0] === ABANDONED;
}
