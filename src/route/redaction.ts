import { types } from 'node:util';

import { isCut } from '../otel/attribute-limits.ts';
import { bodyToText, setField, toJsonValue } from '../entry/body.ts';
import type { JsonValue } from '../entry/body.ts';
import type { LogEntry } from '../entry/entry.ts';
import type { LogRecord } from '../otel/log-record.ts';
import type { EmittedLogRecord } from '../otel/logs-api.ts';
import { ATTRIBUTE, isApplicationAttribute } from '../otel/names.ts';

/**
 * What a redaction gets of a record: an entry without its `id`. `sessionId` is `''` if the record has no valid session.
 */
export interface RedactableEntry extends Omit<LogEntry, 'id' | 'message' | 'attributes'> {
  message: string;
  attributes?: Record<string, JsonValue>;
}

/**
 * Called with every record before it is stored or passed on; returns what may go on. Only `message` and `attributes`
 * count, changed in place or in a new object. `undefined` drops the record; so does a throw, which is counted.
 */
export type Redact = (entry: RedactableEntry) => RedactableEntry | undefined;

/** The parts of a record after a redaction. */
export interface Redacted {
  readonly message: string;
  readonly attributes: Readonly<Record<string, JsonValue>>;
}

/**
 * Whether an attribute is one that routing needs, with a value that only this package writes. No redaction sees these;
 * any other attribute with this package's prefix is emptied.
 */
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

export function hasRoutingAttributesOnly({ attributes = {} }: EmittedLogRecord): boolean {
  for (const key in attributes) if (!isRoutingAttribute(key, attributes[key])) return false;
  return true;
}

/**
 * The application's attributes in a redaction's result. Throws if one cannot be copied: nothing may be half redacted.
 */
export function redactedAttributes(
  answered: Readonly<Record<string, JsonValue>>,
  before: Readonly<Record<string, JsonValue>>,
): Record<string, JsonValue> {
  const attributes: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(answered)) {
    if (value === undefined || !isApplicationAttribute(key)) continue;
    // As JSON, because the SDK refuses other values, and would then keep the old one.
    setField(attributes, key, value === before[key] ? value : toJsonValue(mutableCopy(value)));
  }
  return attributes;
}

/**
 * Returns the text of the record's body, for a redaction. An object body is shared with the caller, may have getters,
 * and is seen only down to some depth: so it is replaced by a copy of what is seen.
 */
export function settleBody(record: LogRecord): string {
  if (isStructured(record.body)) record.setBody(mutableCopy(toJsonValue(record.body)));
  return bodyToText(record.body);
}

/** Whether a body is an object, except for bytes, which are seen whole, as base64. */
function isStructured(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !types.isUint8Array(value);
}

/** Writes what the redaction changed back to the record, for the processors after this one. */
export function applyRedaction(record: LogRecord, before: Redacted, after: Redacted): void {
  if (after.message !== before.message) record.setBody(after.message);
  const { attributes } = after;
  for (const key of Object.keys(record.attributes)) {
    if (isRoutingAttribute(key, record.attributes[key])) continue;
    // Neither SDK line can remove an attribute; an empty one reveals nothing.
    const value = Object.hasOwn(attributes, key) ? (attributes[key] as AttributeValue) : undefined;
    if (value === undefined) record.setAttribute(key, '');
    else if (value !== before.attributes[key] || isStructured(record.attributes[key])) record.setAttribute(key, value);
  }
  for (const [key, value] of Object.entries(attributes)) {
    if (!Object.hasOwn(record.attributes, key)) record.setAttribute(key, value);
  }
}

/** Makes a redacted record to emit instead of this package's original: what the redaction removed is not in it. */
export function redactedEmission(original: EmittedLogRecord, redacted: LogRecord, after: Redacted): EmittedLogRecord {
  const attributes: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(original.attributes ?? {})) {
    if (isRoutingAttribute(key, value)) attributes[key] = value;
  }
  for (const [key, value] of Object.entries(after.attributes)) {
    const given = original.attributes?.[key];
    const hasForm = typeof given === 'number' || types.isUint8Array(given);
    // Bytes and NaN, which a redaction sees as text, are exported in their own form if it left them unchanged.
    setField(attributes, key, hasForm && toJsonValue(given) === value ? given : mutableCopy(value));
  }
  return { ...original, body: redacted.body as string, attributes };
}

/**
 * Whether a record is as this package's writer emitted it, apart from what the SDK's limits removed: no processor has
 * changed it.
 */
export function isAsEmitted(record: LogRecord, emitted: EmittedLogRecord): boolean {
  if (record.body !== emitted.body) return false;
  const before = emitted.attributes ?? {};
  return Object.keys(record.attributes).every(
    (key) => Object.hasOwn(before, key) && isCut(record.attributes[key], before[key], 0),
  );
}

/** Empties the record, except for its session. */
export function blank(record: LogRecord): void {
  record.setBody('');
  for (const key of Object.keys(record.attributes)) if (key !== ATTRIBUTE.sessionId) record.setAttribute(key, '');
}

type AttributeValue = Parameters<LogRecord['setAttribute']>[1];

/** Copies an object, which takes microseconds. Throws for a value that is not data. */
function mutableCopy(value: JsonValue): JsonValue {
  const isData = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isData ? value : structuredClone(value);
}
