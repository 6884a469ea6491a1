import { types } from 'node:util';

/** The fields of an error, enumerable or not, in the order in which they are written. */
export const ERROR_FIELDS: readonly string[] = ['name', 'message', 'stack', 'cause', 'errors'];

/** Longest text of an error that is kept, in UTF-16 units: messages that contain a whole response are common. */
export const MAX_ERROR_TEXT = 65_536;

/** Limit for all errors of one value together: even an entry with 10,000 inner errors has to fit into a session. */
export const MAX_ERROR_TEXTS = 1_048_576;

/** Classes of the web platform that consist of their entries. */
const PAIRS_BY_TAG: ReadonlySet<string> = new Set([
  '[object Headers]',
  '[object URLSearchParams]',
  '[object FormData]',
]);

/**
 * Returns the content of an object of a built-in class as fields and lists; `undefined` for every other object. Looks
 * at the inner class, because `instanceof` does not know the classes of another realm.
 *
 * @param maxItems Longer collections are cut to this length.
 */
export function standInFor(value: object, maxItems: number): unknown {
  // Calls the built-in's own methods: those of a subclass might never end.
  if (types.isMap(value)) return firstOf(Map.prototype.entries.call(value), maxItems);
  if (types.isSet(value)) return firstOf(Set.prototype.values.call(value), maxItems);
  if (types.isRegExp(value)) return String(value);
  if (types.isDataView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (types.isAnyArrayBuffer(value)) return new Uint8Array(value);
  if (types.isBoxedPrimitive(value)) return value.valueOf();
  if (types.isPromise(value)) return '[Promise]';
  if (PAIRS_BY_TAG.has(Object.prototype.toString.call(value))) {
    return firstOf((value as { entries(): Iterable<unknown> }).entries(), maxItems);
  }
  return undefined;
}

function firstOf(items: Iterable<unknown>, count: number): unknown[] {
  const first: unknown[] = [];
  for (const item of items) {
    if (first.push(item) === count) break;
  }
  return first;
}
