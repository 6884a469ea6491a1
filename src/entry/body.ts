import { ownText } from '../support/own-text.ts';
import { keepField } from '../support/own-value.ts';

/** A JSON value, frozen deeply, as it stands in an entry. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Deepest level of nesting that is kept; what lies below becomes `"[Truncated]"`. */
const MAX_DEPTH = 32;
/** Values and characters of one body: a small object that refers to itself many times over can be endless as text. */
const MAX_VALUES = 100_000;
const MAX_CHARS = 16 * 1024 * 1024;

const CIRCULAR = '[Circular]';
const TRUNCATED = '[Truncated]';
/** In place of a value whose getter, trap or `toJSON` throws. */
export const UNREADABLE = '[Unreadable]';

/**
 * The body of a log record as text: a string as it is, `''` for none, anything else as the JSON of
 * {@link toJsonValue}. Never throws.
 *
 * The SDK shares the body with the caller, so this runs inside `onEmit`.
 */
export function bodyToText(body: unknown): string {
  if (typeof body === 'string') return body;
  if (body === undefined || body === null) return '';
  return JSON.stringify(toJsonValue(body));
}

/**
 * A frozen, JSON-safe copy of anything. Never throws.
 *
 * What JSON cannot hold is written the way OTLP's JSON encoding does (`bigint`, `NaN` and infinities as strings, bytes
 * as base64) or named: `[Circular]`, `[Function]`, `[Symbol]`, `[Unreadable]` for a getter or `toJSON` that throws,
 * `[Truncated]` below 32 levels, after 100,000 values or 16 Mi characters. An `Error` keeps its name and message, a
 * `Map` its entries, a `Set` its values; a field that is `undefined` is left out.
 */
export function toJsonValue(value: unknown): JsonValue {
  return jsonOf(value, false);
}

/**
 * As {@link toJsonValue}, for what is kept: its texts hold only themselves, its arrays no spare places. Not frozen, which
 * would give each number with a fraction an object of its own.
 */
export function toOwnJsonValue(value: unknown): JsonValue {
  return jsonOf(value, true);
}

function jsonOf(value: unknown, isKept: boolean): JsonValue {
  try {
    return copyOf(value, { parents: [], isKept, values: 0, chars: 0 });
  } catch {
    // The end of the caller's stack: the record itself still counts.
    return UNREADABLE;
  }
}

/**
 * A copy of attributes that the caller can no longer change, JSON-safe but for `undefined`. Never throws: what cannot be
 * read costs itself only.
 */
export function readableAttributes(attributes: object | undefined): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  if (attributes === undefined) return copy;
  try {
    for (const key of Object.keys(attributes)) {
      const value = read(attributes, key);
      const isPlain = typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol';
      setField(copy, key, isPlain ? value : toJsonValue(value));
    }
  } catch {
    // A proxy that does not tell its keys has no attributes.
  }
  return copy;
}

interface Walk {
  /** The objects around the value: only these make a circle; the same object twice side by side is none. */
  readonly parents: object[];
  readonly isKept: boolean;
  values: number;
  chars: number;
}

function copyOf(value: unknown, walk: Walk): JsonValue {
  walk.values += 1;
  if (isSpent(walk)) return TRUNCATED;
  switch (typeof value) {
    case 'string':
      walk.chars += value.length;
      return walk.isKept ? ownText(value) : value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return String(value);
    case 'function':
      return '[Function]';
    case 'symbol':
      return '[Symbol]';
    case 'object':
      return value === null ? null : ofObject(value, walk);
    default:
      return null;
  }
}

function isSpent(walk: Walk): boolean {
  return walk.values > MAX_VALUES || walk.chars > MAX_CHARS;
}

function ofObject(value: object, walk: Walk): JsonValue {
  if (walk.parents.includes(value)) return CIRCULAR;
  if (walk.parents.length >= MAX_DEPTH) return TRUNCATED;
  walk.parents.push(value);
  try {
    return ofParts(value, walk);
  } catch {
    // A proxy trap or `toJSON` of the application threw: this value is lost, the rest of the body is not.
    return UNREADABLE;
  } finally {
    walk.parents.pop();
  }
}

function ofParts(value: object, walk: Walk): JsonValue {
  if (value instanceof Uint8Array) {
    return copyOf(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'), walk);
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const replaced: unknown = value.toJSON();
    // Some `toJSON` answer with the object itself: then its parts are meant.
    if (replaced !== value) return copyOf(replaced, walk);
  }
  if (Array.isArray(value)) return ofList(value, walk);
  if (value instanceof Map || value instanceof Set) return ofList([...value], walk);
  return ofFields(value, walk);
}

function ofList(list: readonly unknown[], walk: Walk): JsonValue {
  const copy: JsonValue[] = [];
  for (let index = 0; index < list.length; index++) {
    copy.push(copyOf(read(list, index), walk));
    if (isSpent(walk)) break;
  }
  return walk.isKept ? copy.slice() : Object.freeze(copy);
}

function ofFields(value: object, walk: Walk): JsonValue {
  const copy: Record<string, JsonValue> = {};
  const keys = Object.keys(value);
  // An error's own two are not enumerable.
  if (value instanceof Error) keys.unshift('name', 'message');
  for (const key of keys) {
    const part = read(value, key);
    if (part === undefined) continue;
    walk.chars += key.length;
    const field = copyOf(part, walk);
    if (walk.isKept) keepField(copy, key, field);
    else setField(copy, key, field);
    if (isSpent(walk)) break;
  }
  return walk.isKept ? copy : Object.freeze(copy);
}

/** Assigned, `__proto__` would be the prototype. */
export function setField(owner: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(owner, key, { value, enumerable: true, writable: true });
  else owner[key] = value;
}

function read(owner: object, key: PropertyKey): unknown {
  try {
    return (owner as Record<PropertyKey, unknown>)[key];
  } catch {
    // The getter is the application's; its siblings are still worth having.
    return UNREADABLE;
  }
}
