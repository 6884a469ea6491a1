import * as z from 'zod';

import { wholeAttribute } from '../attribute-limits.ts';
import { hrTimeToMillis } from '../otel/log-record.ts';
import type { LogRecord } from '../otel/log-record.ts';
import { ATTRIBUTE, OWN_PREFIX } from '../otel/names.ts';
import { bodyToText, toJsonValue } from './body.ts';
import type { JsonValue } from './body.ts';
import { ENTRY_KINDS, EVENT_NAMES, isControlKind, tokenOf } from './tokens.ts';
import type { EntryKind } from './tokens.ts';

/** `chat`: what the user of the session sees. `log`: what the operator sees. */
export type LogType = 'chat' | 'log';

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

/** What a writer says of its record, beside text, time and session. */
export interface OwnFacts {
  readonly logType: LogType;
  readonly kind: EntryKind;
  readonly streamId: string | undefined;
  /** `gen_ai.response.finish_reasons`, where they were given. */
  readonly finishReasons: JsonValue | undefined;
  /** Written without a kind, and the text ends with the reasoning stop token. */
  readonly endsReasoning: boolean;
}

/** Text of a chat, which is nearly every write. */
export const PLAIN_CHUNK: OwnFacts = Object.freeze({
  logType: 'chat',
  kind: 'text',
  streamId: undefined,
  finishReasons: undefined,
  endsReasoning: false,
});

/** A leveled log. */
export const LEVELED_LOG: OwnFacts = Object.freeze({ ...PLAIN_CHUNK, logType: 'log' });

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

// Capture: a log record becomes what a store keeps.

/** What readers see in place of an error's own words. */
export const MASKED_ERROR = 'An error occurred.';

const EVENT_NAME_BY_KIND: ReadonlyMap<EntryKind, string> = new Map(
  [...EVENT_NAMES].map(([name, kind]) => [kind, name]),
);

/** The event name that carries a kind on the wire; `undefined` for text. */
export function eventNameOf(kind: EntryKind): string | undefined {
  return EVENT_NAME_BY_KIND.get(kind);
}

/** The kind that an event name carries; `text` for every other name. */
export function kindOfEventName(name: string | undefined): EntryKind {
  return (name === undefined ? undefined : EVENT_NAMES.get(name)) ?? 'text';
}

/**
 * What the store keeps of a record beside text and time; `undefined` for a plain chunk, found without touching more than
 * a few fields. Attribute values were copied by the SDK at emit (both lines); the object that holds them is not, so it is here.
 *
 * @param own What our writer says of its record: it holds whatever the SDK's limits left of the attributes, unless a
 * processor set others.
 */
export function captureDetail(record: LogRecord, own: OwnFacts | undefined): EntryDetail | undefined {
  if (
    (own === undefined || own === PLAIN_CHUNK) &&
    record.severityNumber === undefined &&
    record.eventName === undefined &&
    record.spanContext === undefined &&
    record.severityText === undefined &&
    hasOnlySessionId(record.attributes)
  ) {
    return undefined;
  }
  const { severityText, spanContext } = record;
  const eventName = textOrUndefined(record.eventName);
  const kind = own?.kind ?? kindOfEventName(eventName);
  const severity = severityOf(record.severityNumber);
  return {
    logType: own === undefined ? logTypeOf(record, severity, eventName) : ownLogType(record, own),
    kind,
    streamId: textOrUndefined(
      wholeAttribute(record, ATTRIBUTE.streamId, record.attributes[ATTRIBUTE.streamId], own?.streamId),
    ),
    severityNumber: severity,
    severityText: textOrUndefined(severityText),
    attributes: withFinishReasons(record, own?.finishReasons),
    eventName: kind === 'text' ? eventName : undefined,
    traceId: spanContext?.traceId,
    spanId: spanContext?.spanId,
    endsReasoning: own?.endsReasoning ?? false,
  };
}

function withFinishReasons(record: LogRecord, reasons: JsonValue | undefined): Record<string, unknown> | undefined {
  const attributes = otherAttributes(record.attributes);
  if (reasons === undefined) return attributes;
  const all = attributes ?? (Object.create(null) as Record<string, unknown>);
  all[ATTRIBUTE.finishReasons] = wholeAttribute(
    record,
    ATTRIBUTE.finishReasons,
    record.attributes[ATTRIBUTE.finishReasons],
    reasons,
  );
  return all;
}

/** 0 is UNSPECIFIED; what is no finite number would not be JSON-safe. */
function severityOf(value: unknown): number | undefined {
  return Number.isFinite(value) && value !== 0 ? (value as number) : undefined;
}

function hasOnlySessionId(attributes: object): boolean {
  for (const key in attributes) if (key !== ATTRIBUTE.sessionId) return false;
  return true;
}

function ownLogType(record: LogRecord, own: OwnFacts): LogType {
  const attribute = wholeAttribute(record, ATTRIBUTE.logType, record.attributes[ATTRIBUTE.logType], own.logType);
  return attribute === 'chat' || attribute === 'log' ? attribute : own.logType;
}

function logTypeOf(record: LogRecord, severity: number | undefined, eventName: string | undefined): LogType {
  const attribute = record.attributes[ATTRIBUTE.logType];
  if (attribute === 'chat' || attribute === 'log') return attribute;
  if (severity !== undefined) return 'log';
  return eventName === undefined || eventName.startsWith(OWN_PREFIX) ? 'chat' : 'log';
}

function textOrUndefined(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function otherAttributes(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  let others: Record<string, unknown> | undefined;
  for (const key of Object.keys(attributes)) {
    if (key === ATTRIBUTE.sessionId || key.startsWith(OWN_PREFIX)) continue;
    others ??= Object.create(null) as Record<string, unknown>;
    others[key] = attributes[key];
  }
  return others;
}

/** The text of an entry: the body, except for what a kind says by itself. */
export function captureMessage(body: unknown, detail: EntryDetail | undefined): string {
  if (detail !== undefined && detail.kind !== 'text') {
    return isControlKind(detail.kind) ? (tokenOf(detail.kind) as string) : MASKED_ERROR;
  }
  return typeof body === 'string' ? body : bodyToText(body);
}

const YEAR_0 = -62_167_219_200_000;
const YEAR_10000 = 253_402_300_800_000;

/** The record's time in milliseconds; one that no `YYYY-...` timestamp can show counts as not given. */
export function captureTimestamp(record: LogRecord): number {
  const millis = hrTimeToMillis(record.hrTime);
  // The SDK passes on a caller's `[seconds, nanoseconds]` as it is, fractions of a second included.
  if (isTimestamp(millis)) return Math.floor(millis);
  const observed = hrTimeToMillis(record.hrTimeObserved);
  return isTimestamp(observed) ? Math.floor(observed) : Date.now();
}

export function isTimestamp(millis: number): boolean {
  return millis >= YEAR_0 && millis < YEAR_10000;
}

// Reading: what a store keeps becomes an entry.

const MILLIS_SUFFIX: readonly string[] = Array.from({ length: 1000 }, (_, ms) => `${String(ms).padStart(3, '0')}Z`);
let prefixSecond = Number.NaN;
let prefix = '';

/** `YYYY-MM-DDTHH:mm:ss.sssZ`. Entries come by the thousand in one second, whose part is made once. */
export function isoTimestamp(millis: number): string {
  const second = Math.floor(millis / 1000);
  if (second !== prefixSecond) {
    prefix = new Date(second * 1000).toISOString().slice(0, 20);
    prefixSecond = second;
  }
  return prefix + (MILLIS_SUFFIX[millis - second * 1000] as string);
}

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

// Schemas.

const sessionIdSchema: z.ZodString = z
  .string()
  .min(1, 'a session id has 1 to 256 characters')
  .max(MAX_SESSION_ID_LENGTH, 'a session id has 1 to 256 characters');
const logTypeSchema = z.enum(['chat', 'log']);

const jsonRecordSchema = z.record(z.string(), z.json());

/** Checked only and passed on as they are: zod's copy of a record leaves out a key named `__proto__`. */
const attributesSchema: z.ZodCustom<Readonly<Record<string, JsonValue>>> = z.custom<
  Readonly<Record<string, JsonValue>>
>((value) => jsonRecordSchema.safeParse(value).success, 'an object of JSON values');

/** A complete {@link LogEntry}, as it comes out of `JSON.parse(JSON.stringify(entry))`. */
export const logEntrySchema: z.ZodType<LogEntry> = z.strictObject({
  id: z.string().min(1),
  sessionId: sessionIdSchema,
  message: z.string(),
  timestamp: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'YYYY-MM-DDTHH:mm:ss.sssZ'),
  logType: logTypeSchema,
  kind: z.enum(ENTRY_KINDS),
  streamId: z.string().exactOptional(),
  severityNumber: z.number().exactOptional(),
  severityText: z.string().exactOptional(),
  attributes: attributesSchema.exactOptional(),
  eventName: z.string().exactOptional(),
  traceId: z.string().exactOptional(),
  spanId: z.string().exactOptional(),
}) as z.ZodType<LogEntry>;

/** What a writer gives, with the defaults filled in. */
export interface LogEntryInput {
  readonly sessionId: string;
  readonly message: string;
  readonly timestamp: string;
  readonly logType: LogType;
}

/**
 * Parses `{ sessionId, message, timestamp?, logType? }`: any parsable time becomes UTC milliseconds, none is now.
 *
 * @throws ZodError that names the field.
 */
export const logEntryInputSchema: z.ZodType<
  LogEntryInput,
  { sessionId: string; message: string; timestamp?: string | number | Date | undefined; logType?: LogType | undefined }
> = z.strictObject({
  sessionId: sessionIdSchema,
  message: z.string(),
  timestamp: z
    .union([z.string(), z.number(), z.date()])
    .optional()
    .transform((value, context) => {
      const millis = value === undefined ? Date.now() : new Date(value).getTime();
      if (isTimestamp(millis)) return isoTimestamp(Math.floor(millis));
      context.addIssue({ code: 'custom', message: 'expected a time that can be parsed' });
      return z.NEVER;
    }),
  logType: logTypeSchema.default('chat'),
});
