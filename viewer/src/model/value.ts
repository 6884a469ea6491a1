import { keepField, ownText } from '../formats.ts';

/**
 * A body or an attribute as the source gave it. 64-bit integers beyond 2^53 are `bigint`, and bytes are bytes, so that no record
 * loses anything; {@link toJson} makes JSON of it for the page.
 */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };

/** Attributes by name. */
export type Attributes = Readonly<Record<string, Value>>;

/** Most fields of one level that are kept; the rest is counted. A record may come with a million attributes. */
export const MAX_FIELDS = 1_024;
/** Deepest level that is kept. */
export const MAX_DEPTH = 32;
/** Longest text that is kept, in UTF-16 units. */
export const MAX_TEXT = 1_048_576;

/** Replaces what is too deep, and the rest of a text that is too long. */
export const TRUNCATED = '[Truncated]';

/** Sets a field, whatever its name: an assignment to `__proto__` would set the prototype, and one to `999` reserve 999 places. */
export const setField: (owner: Record<string, Value>, key: string, value: Value) => void = keepField;

/** The text, cut at the bound. A cut text says so. */
export function boundedText(text: string): string {
  // A slice of a text would keep all of it in memory.
  return text.length <= MAX_TEXT ? text : ownText(`${text.slice(0, MAX_TEXT)}... ${TRUNCATED}`);
}

/** The value as JSON can hold it. As in OTLP's JSON, integers beyond 2^53, NaN and the infinities become text, and bytes base64. */
export function toJson(value: Value): unknown {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      return value === null ? null : objectToJson(value);
    default:
      return value;
  }
}

function objectToJson(value: Exclude<Value, string | number | bigint | boolean | null>): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return (value as readonly Value[]).map(toJson);
  const copy: Record<string, Value> = {};
  for (const [key, part] of Object.entries(value)) setField(copy, key, toJson(part) as Value);
  return copy;
}

/** The value as a text for reading: a text as it is, `''` for `null`, JSON for all else. */
export function toText(value: Value): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(toJson(value));
}
