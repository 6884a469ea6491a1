import { toJsonValue } from './body.ts';
import type { JsonValue } from './body.ts';
import type { LogEntry } from './entry.ts';
import { ATTRIBUTE, OWN_PREFIX } from './otel.ts';
import type { EmittedLogRecord, LogRecord } from './otel.ts';

/** What a redaction sees of a record: an entry without its `id`. `sessionId` is `''` when the record has no valid session. */
export interface RedactableEntry extends Omit<LogEntry, 'id' | 'message' | 'attributes'> {
  message: string;
  attributes?: Record<string, JsonValue>;
}

/**
 * Sees every record before anything is stored or passed on, and answers with what may go on: `message` and `attributes`
 * count, changed in place or in a new object. `undefined` drops the record; so does a throw, which is counted.
 */
export type Redact = (entry: RedactableEntry) => RedactableEntry | undefined;

/** Whether an attribute is the application's: neither the session id nor one of our own. */
export function isApplicationAttribute(key: string): boolean {
  return key !== ATTRIBUTE.sessionId && !key.startsWith(OWN_PREFIX);
}

/** Whether an attribute is one that routing needs, as only this package writes it. No redaction sees these; anything else under our prefix is emptied. */
function isRoutingAttribute(key: string, value: unknown): boolean {
  switch (key) {
    case ATTRIBUTE.sessionId:
      return true;
    case ATTRIBUTE.logType:
      return value === 'chat' || value === 'log';
    case ATTRIBUTE.streamId:
      return typeof value === 'string';
    case ATTRIBUTE.chunkCount:
      return typeof value === 'number';
    default:
      return false;
  }
}

/** Writes what the redaction changed back to the record, for the processors after ours. */
export function applyRedaction(
  record: LogRecord,
  before: { readonly message: string; readonly attributes: Readonly<Record<string, JsonValue>> },
  after: RedactableEntry,
): void {
  if (after.message !== before.message) record.setBody(after.message);
  const attributes = after.attributes ?? {};
  for (const key of Object.keys(record.attributes)) {
    if (isRoutingAttribute(key, record.attributes[key])) continue;
    // Neither SDK line can remove an attribute; an empty one tells nothing.
    if (!isApplicationAttribute(key) || !Object.hasOwn(attributes, key)) record.setAttribute(key, '');
    else if (attributes[key] !== before.attributes[key]) record.setAttribute(key, mutableCopy(attributes[key]));
  }
  for (const [key, value] of Object.entries(attributes)) {
    if (isApplicationAttribute(key) && !Object.hasOwn(record.attributes, key)) {
      record.setAttribute(key, mutableCopy(value));
    }
  }
}

/**
 * A record of ours as the redaction leaves it, to be emitted in the place of the original: the exception is among the
 * attributes, and what the redaction removed is not there at all.
 */
export function redactedEmission(
  original: EmittedLogRecord,
  redacted: LogRecord,
  after: RedactableEntry,
): EmittedLogRecord {
  const { exception: _, ...rest } = original;
  const attributes: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(original.attributes ?? {})) {
    if (isRoutingAttribute(key, value)) attributes[key] = value;
  }
  for (const [key, value] of Object.entries(after.attributes ?? {})) {
    if (isApplicationAttribute(key)) attributes[key] = mutableCopy(value);
  }
  return { ...rest, body: redacted.body as string, attributes };
}

/** Whether a record is as our writer emitted it, but for what the SDK's limits took: no processor has changed it since. */
export function isAsEmitted(record: LogRecord, emitted: EmittedLogRecord): boolean {
  if (record.body !== emitted.body) return false;
  const before = emitted.attributes ?? {};
  return Object.keys(record.attributes).every(
    (key) => Object.hasOwn(before, key) && isSameOrCut(record.attributes[key], before[key]),
  );
}

function isSameOrCut(value: unknown, before: unknown): boolean {
  if (value === before) return true;
  if (typeof value === 'string' && typeof before === 'string') return before.startsWith(value);
  return JSON.stringify(toJsonValue(value)) === JSON.stringify(toJsonValue(before));
}

/** Leaves nothing of the record but its session. */
export function blank(record: LogRecord): void {
  record.setBody('');
  for (const key of Object.keys(record.attributes)) if (key !== ATTRIBUTE.sessionId) record.setAttribute(key, '');
}

type AttributeValue = Parameters<LogRecord['setAttribute']>[1];

function mutableCopy(value: JsonValue | undefined): AttributeValue {
  return structuredClone(value) as AttributeValue;
}
