import { types } from 'node:util';

import { isError } from '../support/errors.ts';
import { ownText } from '../support/own-text.ts';
import { keepField } from '../support/own-value.ts';
import { ERROR_FIELDS, MAX_ERROR_TEXT, MAX_ERROR_TEXTS, standInFor } from './special-values.ts';

/** A deeply frozen JSON value of an entry. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Deepest level of nesting that is kept; deeper values become `"[Truncated]"`. */
const MAX_DEPTH = 32;
/**
 * Limits on the values and characters of one body: a small object that refers to itself many times can become endless
 * text.
 */
const MAX_VALUES = 100_000;
const MAX_CHARS = 16 * 1024 * 1024;

const CIRCULAR = '[Circular]';
const TRUNCATED = '[Truncated]';
/** Replaces a value whose getter, trap or `toJSON` throws. */
export const UNREADABLE = '[Unreadable]';

/**
 * Returns the body of a log record as text: a string unchanged, `''` for no body, anything else as the JSON of {@link
 * toJsonValue}. Never throws.
 *
 * The SDK shares the body with the caller, so this runs inside `onEmit`.
 */
export function bodyToText(body: unknown): string {
  if (typeof body === 'string') return body;
  if (body === undefined || body === null) return '';
  return JSON.stringify(toJsonValue(body));
}

/**
 * Returns a frozen, JSON-safe copy of any value of any realm. Never throws.
 *
 * Values that JSON cannot hold are written as in OTLP's JSON encoding (`bigint`, `NaN` and infinities as strings, bytes
 * as base64) or replaced by a name: `[Circular]`, `[Function]`, `[Symbol]`, `[Promise]`, `[Unreadable]` for a getter or
 * `toJSON` that throws, `[Truncated]` below 32 levels and after 100,000 values or 16 Mi characters. An `Error` keeps
 * its name, message, stack (each up to 64 Ki characters, 1 Mi for all errors together), `cause`, `errors` and fields; a
 * `Map`, `Headers` or the like keeps its pairs, a `Set` or typed array its values, a `RegExp` its text. Fields that are
 * `undefined` are left out.
 */
export function toJsonValue(value: unknown): JsonValue {
  return copied(value, 'json') as JsonValue;
}

/**
 * Like {@link toJsonValue}, for values that are stored: texts keep no parent string alive, arrays have no spare
 * capacity. Not frozen, because freezing gives each fractional number an object of its own.
 */
export function toOwnJsonValue(value: unknown): JsonValue {
  return copied(value, 'kept') as JsonValue;
}

/**
 * Like {@link toJsonValue}, for an attribute or body that goes through a provider: numbers and bytes stay as they are,
 * and nothing is frozen. The SDK drops an attribute that holds anything else, the same object twice, or a field
 * `constructor`; therefore an object with such a field becomes JSON text.
 */
export function toAttributeValue(value: unknown): unknown {
  return copied(value, 'attribute');
}

/** Whether the value passes through providers and exporters unchanged; objects and functions need a closer look. */
export function isPlainValue(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return true;
    default:
      return value === null;
  }
}

/**
 * Whether exporters can write the whole value: it holds only plain values, bytes, lists and plain objects, in at most
 * 32 levels. Checks the first 100,000 values only. Never throws.
 */
export function isExportable(value: unknown): boolean {
  try {
    return hasOnlyData(value, MAX_DEPTH, { left: MAX_VALUES });
  } catch {
    // A getter or trap of the application's threw.
    return false;
  }
}

function hasOnlyData(value: unknown, levels: number, budget: { left: number }): boolean {
  budget.left -= 1;
  if (isPlainValue(value) || budget.left < 0) return true;
  if (typeof value !== 'object' || levels === 0) return false;
  const owner = value as object;
  if (types.isUint8Array(owner)) return true;
  if (!Array.isArray(owner)) {
    const prototype: unknown = Object.getPrototypeOf(owner);
    if (prototype !== null && prototype !== Object.prototype) return false;
  }
  const parts: readonly unknown[] = Array.isArray(owner) ? owner : Object.values(owner);
  return parts.every((part) => hasOnlyData(part, levels - 1, budget));
}

function copied(value: unknown, form: Form): Copy {
  try {
    return copyOf(value, { form, parents: [], values: 0, chars: 0, errorChars: 0 });
  } catch {
    // The call stack is exhausted: lose the value, but not the record.
    return UNREADABLE;
  }
}

/**
 * Returns a copy of the attributes that the caller can no longer change, each made by {@link toAttributeValue}. Never
 * throws: an unreadable attribute does not cost the others.
 */
export function readableAttributes(attributes: object | undefined): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  if (attributes === undefined) return copy;
  try {
    for (const key of Object.keys(attributes)) {
      const value = read(attributes, key);
      setField(copy, key, isPlainValue(value) ? value : toAttributeValue(value));
    }
  } catch {
    // A proxy whose keys cannot be read has no attributes.
  }
  return copy;
}

/** What the copy is for: reading, storing, or a provider. */
type Form = 'json' | 'kept' | 'attribute';

/** A JSON value, or bytes in an attribute. */
type Copy = JsonValue | Uint8Array | readonly Copy[] | { readonly [key: string]: Copy };

interface Walk {
  readonly form: Form;
  /** The objects around the value: only these make a circle, not the same object twice side by side. */
  readonly parents: object[];
  values: number;
  chars: number;
  /** Characters of error texts so far. */
  errorChars: number;
}

function copyOf(value: unknown, walk: Walk): Copy {
  walk.values += 1;
  if (isSpent(walk)) return TRUNCATED;
  switch (typeof value) {
    case 'string':
      walk.chars += value.length;
      return walk.form === 'kept' ? ownText(value) : value;
    case 'number':
      return walk.form === 'attribute' || Number.isFinite(value) ? value : String(value);
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

function ofObject(value: object, walk: Walk): Copy {
  if (walk.parents.includes(value)) return CIRCULAR;
  if (walk.parents.length >= MAX_DEPTH) return TRUNCATED;
  walk.parents.push(value);
  try {
    return ofParts(value, walk);
  } catch {
    // A proxy trap or `toJSON` of the application threw: only this value is lost.
    return UNREADABLE;
  } finally {
    walk.parents.pop();
  }
}

function ofParts(value: object, walk: Walk): Copy {
  if (types.isUint8Array(value)) return ofBytes(value, walk);
  if (isError(value)) return ofError(value, walk);
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const replaced: unknown = value.toJSON();
    // Some `toJSON` methods return the object itself: then copy its parts.
    if (replaced !== value) return copyOf(replaced, walk);
  }
  if (Array.isArray(value)) return ofList(value, walk);
  if (types.isTypedArray(value)) return ofList(value, walk);
  const standIn = standInFor(value, MAX_VALUES);
  return standIn === undefined ? ofFields(value, Object.keys(value), walk) : copyOf(standIn, walk);
}

function ofBytes(bytes: Uint8Array, walk: Walk): Copy {
  // An array of this realm, which the SDK requires.
  if (walk.form === 'attribute') return new Uint8Array(bytes);
  return copyOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), walk);
}

function ofList(list: ArrayLike<unknown>, walk: Walk): Copy {
  const copy: Copy[] = [];
  for (let index = 0; index < list.length; index++) {
    copy.push(copyOf(read(list, index), walk));
    if (isSpent(walk)) break;
  }
  if (walk.form === 'json') return Object.freeze(copy);
  return walk.form === 'kept' ? copy.slice() : copy;
}

/** The fields of an error are not enumerable, and its own `toJSON` may leave them out. */
function ofError(error: Error, walk: Walk): Copy {
  if (walk.errorChars >= MAX_ERROR_TEXTS) return TRUNCATED;
  const others = Object.keys(error).filter((key) => !ERROR_FIELDS.includes(key));
  return ofFields(error, [...ERROR_FIELDS, ...others], walk, true);
}

function ofFields(value: object, keys: readonly string[], walk: Walk, isOfError = false): Copy {
  const copy: Record<string, Copy> = {};
  for (const key of keys) {
    const part = read(value, key);
    if (part === undefined) continue;
    walk.chars += key.length;
    const field = copyOf(isOfError && typeof part === 'string' ? errorText(part, walk) : part, walk);
    if (walk.form === 'kept') keepField(copy, key, field);
    else setField(copy, key, field);
    if (isSpent(walk)) break;
  }
  if (walk.form === 'json') return Object.freeze(copy);
  return walk.form === 'attribute' && Object.hasOwn(copy, 'constructor') ? bodyToText(copy) : copy;
}

/** Defined, because assigning `__proto__` would set the prototype. */
export function setField(owner: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(owner, key, { value, enumerable: true, writable: true });
  else owner[key] = value;
}

function errorText(text: string, walk: Walk): string {
  const kept = cutText(text, MAX_ERROR_TEXT);
  walk.errorChars += kept.length;
  return kept;
}

/** Cuts a text to a limit. A cut text says so, and does not keep the whole one alive. */
export function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${ownText(text.slice(0, max))}... ${TRUNCATED}`;
}

function read(owner: object, key: PropertyKey): unknown {
  try {
    return (owner as Record<PropertyKey, unknown>)[key];
  } catch {
    // The application's getter threw; keep its siblings.
    return UNREADABLE;
  }
}
