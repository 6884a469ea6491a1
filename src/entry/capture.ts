import { wholeAttribute } from '../otel/attribute-limits.ts';
import { hrTimeToMillis } from '../otel/log-record.ts';
import type { LogRecord } from '../otel/log-record.ts';
import { ATTRIBUTE, isApplicationAttribute, OWN_PREFIX } from '../otel/names.ts';
import { bodyToText } from './body.ts';
import type { JsonValue } from './body.ts';
import type { EntryDetail, LogType } from './entry-detail.ts';
import { PLAIN_CHUNK } from './entry.ts';
import type { OwnFacts } from './entry.ts';
import { isTimestamp } from './timestamp.ts';
import { isControlKind, kindOfEventName, tokenOf } from './tokens.ts';

/**
 * What the store keeps of a record besides text and time; `undefined` for a plain chunk, which takes a look at a few
 * fields only. Both lines of the SDK copy attribute values at emit, but not the object that holds them, so it is copied
 * here.
 *
 * @param own What this package's writer says of its record: it is valid whatever the SDK's limits left of the
 * attributes, unless a processor set others.
 */
export function captureDetail(record: LogRecord, own: OwnFacts | undefined): EntryDetail | undefined {
  if (
    (own === undefined || own === PLAIN_CHUNK || isPlain(own)) &&
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

/** Whether the facts say only that it is chat text, for any audience. */
function isPlain({ logType, kind, streamId, finishReasons, endsReasoning }: OwnFacts): boolean {
  return (
    logType === 'chat' && kind === 'text' && streamId === undefined && finishReasons === undefined && !endsReasoning
  );
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

/** 0 is UNSPECIFIED; a number that is not finite is not JSON-safe. */
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
    if (!isApplicationAttribute(key)) continue;
    others ??= Object.create(null) as Record<string, unknown>;
    others[key] = attributes[key];
  }
  return others;
}

/** The text of an entry: the body, or for a mark the token of its kind. */
export function captureMessage(body: unknown, detail: EntryDetail | undefined): string {
  if (detail !== undefined && isControlKind(detail.kind)) return tokenOf(detail.kind) as string;
  return typeof body === 'string' ? body : bodyToText(body);
}

/** The record's time in milliseconds; a time that no `YYYY-...` timestamp can show is ignored. */
export function captureTimestamp(record: LogRecord): number {
  const millis = hrTimeToMillis(record.hrTime);
  // The SDK passes on a caller's `[seconds, nanoseconds]` unchanged, even fractional seconds.
  if (isTimestamp(millis)) return Math.floor(millis);
  const observed = hrTimeToMillis(record.hrTimeObserved);
  return isTimestamp(observed) ? Math.floor(observed) : Date.now();
}
