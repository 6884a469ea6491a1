import { readableAttributes, toOwnJsonValue } from '../../entry/body.ts';
import type { EntryDetail } from '../../entry/entry-detail.ts';
import { LONGEST_SHARED, mayBePart, ownText } from '../../support/own-text.ts';
import type { SharedTexts } from '../../support/own-text.ts';
import { isIndex, keepField } from '../../support/own-value.ts';

// Measured on 64-bit Node 20 to 24, whose V8 does not compress pointers. A UTF-16 unit takes one byte in most texts and
// two in the others. Small objects were seen to hold up to three times what is counted of their places in a program whose
// objects had begun with some 1,500 different keys; V8 seems to make tables of them then.

/** The session, and its places in the maps. */
const SESSION_BYTES = 384;
/** A row, its part of its page's head, and of what is not taken back yet. */
const ENTRY_BYTES = 32;
/** The detail, and its place in the chunk. */
const DETAIL_BYTES = 144;
const OBJECT_BYTES = 56;
/** The head of a text in a value. */
const TEXT_BYTES = 16;
/** A place in an object or array. */
const PLACE_BYTES = 8;
/** The table of an object's fields that have a number for a key, and a row of it. */
const INDEX_TABLE_BYTES = 96;
const INDEX_BYTES = 48;

/** Bytes that a session counts for beside its entries. */
export function sessionBytes(id: string): number {
  return SESSION_BYTES + 2 * id.length;
}

/** Bytes that an entry counts for: within a factor of two what it holds. `detail` is one of {@link keptDetail}. */
export function entryBytes(units: number, detail: EntryDetail | undefined): number {
  // One and three quarters a unit: more than twice what most texts take would be too much, less than two thirds of the others.
  const bytes = ENTRY_BYTES + units + ((3 * units) >> 2);
  return detail === undefined ? bytes : bytes + detailBytes(detail);
}

function detailBytes(detail: EntryDetail): number {
  const { attributes, streamId, severityText, eventName, traceId, spanId } = detail;
  const names = nameBytes(streamId) + nameBytes(severityText) + nameBytes(eventName);
  const ids = nameBytes(traceId) + nameBytes(spanId);
  return DETAIL_BYTES + names + ids + (attributes === undefined ? 0 : sizeOf(attributes));
}

/** Most names are held once for many entries; of one that is not, this is half of what it takes or more. */
function nameBytes(name: string | undefined): number {
  if (name === undefined || !mayBePart(name)) return 0;
  return name.length > LONGEST_SHARED ? 2 * name.length : name.length;
}

/** A copy of the detail that holds only itself, and that its writer cannot change. `names`: one copy of each for all. */
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
    // A getter or trap of the application's threw: what it hides is left out, the rest is kept.
    return ownCopy(readableAttributes(attributes));
  }
}

/** Keys need no copy: a key of an object is V8's own text. */
function ownCopy(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  for (const key of Object.keys(attributes)) {
    const value = ownValue(attributes[key]);
    // Nearly all are assigned here: the one place for all objects that are kept costs an entry a tenth more.
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
  // Two for one that is no integer of 32 bits: it is an object, three in all, but for some lists of nothing else.
  if (typeof value === 'number') return (value | 0) === value ? PLACE_BYTES : 2 * PLACE_BYTES;
  if (typeof value !== 'object' || value === null) return PLACE_BYTES;
  return PLACE_BYTES + OBJECT_BYTES + (Array.isArray(value) ? listBytes(value) : fieldBytes(value));
}

/** V8 has one text for all that are empty, and one for each character. */
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
    // V8 holds a key once for all objects that have it, so half of the most that it can take is counted for each.
    bytes += key.length + sizeOf((fields as Record<string, unknown>)[key]);
    if (isIndex(key)) indexes += 1;
  }
  return indexes === 0 ? bytes : bytes + INDEX_TABLE_BYTES + indexes * INDEX_BYTES;
}
