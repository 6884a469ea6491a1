import type { JsonValue } from './body.ts';
import type { LogEntry } from './entry.ts';
import { ATTRIBUTE, OWN_PREFIX } from './otel.ts';
import type { LogRecord } from './otel.ts';

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

/** Writes what the redaction changed back to the record, for the processors after ours. */
export function applyRedaction(
  record: LogRecord,
  before: { readonly message: string; readonly attributes: Readonly<Record<string, JsonValue>> },
  after: RedactableEntry,
): void {
  if (after.message !== before.message) record.setBody(after.message);
  const attributes = after.attributes ?? {};
  for (const key of Object.keys(record.attributes)) {
    if (!isApplicationAttribute(key)) continue;
    // Neither SDK line can remove an attribute; an empty one tells nothing.
    if (!Object.hasOwn(attributes, key)) record.setAttribute(key, '');
    else if (attributes[key] !== before.attributes[key]) record.setAttribute(key, mutableCopy(attributes[key]));
  }
  for (const [key, value] of Object.entries(attributes)) {
    if (isApplicationAttribute(key) && !Object.hasOwn(record.attributes, key)) {
      record.setAttribute(key, mutableCopy(value));
    }
  }
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
