import { ownText } from '../formats.ts';

/**
 * A body or an attribute as a source gave it. 64-bit integers beyond 2^53 are `bigint`, bytes are bytes, so that nothing of a
 * record is lost; {@link toJson} makes JSON of it for the page.
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

/** What is kept of one level; the rest is counted. A record may come with a million attributes. */
export const MAX_FIELDS = 1_024;
/** Deepest level that is kept. */
export const MAX_DEPTH = 32;
/** Longest text that is kept, in UTF-16 units. */
export const MAX_TEXT = 1_048_576;

/** Stands for what lies deeper, or behind the bound of a level or a text. */
export const TRUNCATED = '[Truncated]';

/** Sets a field, whatever its name: assigned, `__proto__` would be the prototype. */
export function setField(owner: Record<string, Value>, key: string, value: Value): void {
  if (key === '__proto__') {
    Object.defineProperty(owner, key, { value, enumerable: true, configurable: true, writable: true });
  } else owner[key] = value;
}

/** A text up to the bound. A cut one says so. */
export function boundedText(text: string): string {
  // A part of a text keeps the whole of it in memory.
  return text.length <= MAX_TEXT ? text : ownText(`${text.slice(0, MAX_TEXT)}... ${TRUNCATED}`);
}

/** The value as JSON can hold it: as OTLP's JSON has it, integers beyond 2^53, NaN and the infinities are text, bytes base64. */
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

/** The value as a text for reading: a text as it is, nothing for none, else JSON. */
export function toText(value: Value): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(toJson(value));
}

/** About how many bytes of memory the value takes, for the bound of all that is held. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length * 2;
  if (typeof value !== 'object' || value === null) return 16;
  if (value instanceof Uint8Array) return value.length;
  let size = 32;
  if (Array.isArray(value)) for (const part of value as readonly Value[]) size += sizeOf(part);
  else for (const [key, part] of Object.entries(value)) size += key.length + sizeOf(part);
  return size;
}
