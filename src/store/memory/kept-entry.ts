import { readableAttributes, toOwnJsonValue } from '../../entry/body.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { LONGEST_SHARED, mayBePart, ownText } from '../../support/own-text.ts';
import type { SharedTexts } from '../../support/own-text.ts';
import { isIndex, keepField } from '../../support/own-value.ts';

// Measured on 64-bit Node 20 to 24, whose V8 does not compress pointers. A UTF-16 unit takes one byte in most texts and
// two in the others. In a program whose objects began with some 1,500 different keys, small objects were seen to hold
// up to three times what is counted for their places; V8 seems to turn them into tables then.

/** A session and its places in the maps. */
const SESSION_BYTES = 384;
/** A row, its share of its page's head, and of memory that is not reclaimed yet. */
const ENTRY_BYTES = 32;
/** A detail and its place in the chunk. */
const DETAIL_BYTES = 144;
const OBJECT_BYTES = 56;
/** The head of a text. */
const TEXT_BYTES = 16;
/** A place in an object or array. */
const PLACE_BYTES = 8;
/** The table of an object's fields with numeric keys, and a row of it. */
const INDEX_TABLE_BYTES = 96;
const INDEX_BYTES = 48;

/** Bytes that a session counts for, besides its entries. */
export function sessionBytes(id: string): number {
  return SESSION_BYTES + 2 * id.length;
}

/** Bytes that an entry counts for, right within a factor of two. `detail` comes from {@link keptDetail}. */
export function entryBytes(units: number, detail: EntryDetail | undefined): number {
  // One and three quarters per unit: more would be over twice what most texts take, less would be under two thirds of
  // what the others take.
  const bytes = ENTRY_BYTES + units + ((3 * units) >> 2);
  return detail === undefined ? bytes : bytes + detailBytes(detail);
}

function detailBytes(detail: EntryDetail): number {
  const { attributes, streamId, severityText, eventName, traceId, spanId } = detail;
  const names = nameBytes(streamId) + nameBytes(severityText) + nameBytes(eventName);
  const ids = nameBytes(traceId) + nameBytes(spanId);
  return DETAIL_BYTES + names + ids + (attributes === undefined ? 0 : sizeOf(attributes));
}

/** Most names are held once for many entries; for one that is not, this is at least half of what it takes. */
function nameBytes(name: string | undefined): number {
  if (name === undefined || !mayBePart(name)) return 0;
  return name.length > LONGEST_SHARED ? 2 * name.length : name.length;
}

/**
 * Copies the detail so that it keeps nothing else alive and its writer cannot change it. `names`: shared copies of
 * names.
 */
export function keptDetail(detail: EntryDetail, names: SharedTexts): EntryDetail {
  return {
    logType: detail.logType,
    kind: detail.kind,
    streamId: names.ownOf(detail.streamId),
    severityNumber: detail.severityNumber,
    severityText: names.ownOf(detail.severityText),
    attributes: detail.attributes === undefined ? undefined : ownAttributes(detail.attributes),
    eventName: names.ownOf(detail.eventName),
    traceId: names.ownOf(detail.traceId),
    spanId: names.ownOf(detail.spanId),
    endsReasoning: detail.endsReasoning,
  };
}

function ownAttributes(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return ownCopy(attributes);
  } catch {
    // A getter or trap of the application threw: leave out what it hides, keep the rest.
    return ownCopy(readableAttributes(attributes));
  }
}

/** Keys need no copy: V8 has its own text for the key of an object. */
function ownCopy(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  for (const key of Object.keys(attributes)) {
    const value = ownValue(attributes[key]);
    // Nearly all fields are assigned here: using `keepField` for all would make an entry a tenth more expensive.
    if (key === '__proto__' || isIndex(key)) keepField(own, key, value);
    else own[key] = value;
  }
  return own;
}

function ownValue(value: unknown): unknown {
  if (typeof value === 'string') return ownText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return value;
  return toOwnJsonValue(value);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return PLACE_BYTES + textBytes(value);
  // Two places for a number that is not a 32-bit integer: it is an object, three places in all, except in some lists of
  // such numbers only.
  if (typeof value === 'number') return (value | 0) === value ? PLACE_BYTES : 2 * PLACE_BYTES;
  if (typeof value !== 'object' || value === null) return PLACE_BYTES;
  return PLACE_BYTES + OBJECT_BYTES + (Array.isArray(value) ? listBytes(value) : fieldBytes(value));
}

/** V8 has one text for all empty ones, and one for each single character. */
function textBytes(text: string): number {
  return text.length < 2 ? 0 : TEXT_BYTES + 2 * text.length;
}

function listBytes(list: readonly unknown[]): number {
  let bytes = 0;
  for (const part of list) bytes += sizeOf(part);
  return bytes;
}

function fieldBytes(fields: object): number {
  let bytes = 0;
  let indexes = 0;
  for (const key of Object.keys(fields)) {
    // V8 holds a key once for all objects that have it, so count half of the most that it can take for each.
    bytes += key.length + sizeOf((fields as Record<string, unknown>)[key]);
    if (isIndex(key)) indexes += 1;
  }
  return indexes === 0 ? bytes : bytes + INDEX_TABLE_BYTES + indexes * INDEX_BYTES;
}
