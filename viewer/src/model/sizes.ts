import { isIndex } from '../formats.ts';
import type { LogData } from './log-data.ts';
import type { Value } from './value.ts';

// Measured on 64-bit Node 20, whose V8 does not compress pointers. `test/held-bytes.test.ts` compares these numbers with the heap.

/** A session with its lists and maps. */
export const SESSION_BYTES = 1_900;
/** An entry, its record, the three times of both, and its places in the session and in the block. */
const ENTRY_BYTES = 344;
/** A block that holds a single entry. */
const BLOCK_BYTES = 256;
const OBJECT_BYTES = 56;
/** A view of bytes and its buffer. */
const BYTES_BYTES = 200;
/** The head of a text. */
const TEXT_BYTES = 16;
/** A place in an object or list. */
const PLACE_BYTES = 8;
/** V8 makes a table of an object with more fields. A row counts with its key, and with the free rows. */
const MAX_PLACED_FIELDS = 16;
const ROW_BYTES = 64;
/** The table of the fields with numeric keys. */
const INDEX_TABLE_BYTES = 96;

/** About how many bytes of memory a record takes as an entry. */
export function entryBytes(data: LogData, text: string, isChat: boolean): number {
  const { body, attributes, traceId, spanId, severityText, eventName } = data;
  const texts = [traceId, spanId, severityText, eventName].reduce((sum, each) => sum + textBytes(each), 0);
  const own = ENTRY_BYTES + (isChat ? 0 : BLOCK_BYTES) + texts;
  return own + sizeOf(body) + sizeOf(attributes) + (typeof body === 'string' ? 0 : textBytes(text));
}

/** About how many bytes of memory the value takes. */
export function sizeOf(value: Value): number {
  switch (typeof value) {
    case 'string':
      return PLACE_BYTES + textBytes(value);
    case 'number':
      return (value | 0) === value ? PLACE_BYTES : 3 * PLACE_BYTES;
    case 'bigint':
      return 4 * PLACE_BYTES;
    case 'object':
      return PLACE_BYTES + (value === null ? 0 : objectBytes(value));
    default:
      return PLACE_BYTES;
  }
}

/** V8 shares the empty text, and a text for each single character. */
function textBytes(text: string): number {
  return text.length < 2 ? 0 : TEXT_BYTES + 2 * text.length;
}

function objectBytes(value: object): number {
  if (value instanceof Uint8Array) return BYTES_BYTES + value.length;
  if (Array.isArray(value))
    return (value as readonly Value[]).reduce<number>((sum, part) => sum + sizeOf(part), OBJECT_BYTES);
  const keys = Object.keys(value);
  // V8 holds most keys once for many objects.
  const perField = keys.length > MAX_PLACED_FIELDS ? ROW_BYTES : 0;
  let bytes = OBJECT_BYTES;
  let hasIndex = false;
  for (const key of keys) {
    const isNumeric = isIndex(key);
    hasIndex ||= isNumeric;
    bytes += key.length + sizeOf((value as Readonly<Record<string, Value>>)[key] as Value);
    bytes += isNumeric ? ROW_BYTES : perField;
  }
  return hasIndex ? bytes + INDEX_TABLE_BYTES : bytes;
}
