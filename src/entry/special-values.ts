import { types } from 'node:util';

/** What an error says of itself, enumerable or not, in the order in which it is written. */
export const ERROR_FIELDS: readonly string[] = ['name', 'message', 'stack', 'cause', 'errors'];

/** Longest text of an error that is kept, in UTF-16 units: messages with a whole response in them are common. */
export const MAX_ERROR_TEXT = 65_536;

/** Of all errors in one value: an entry with 10,000 inner errors is still one that a session has room for. */
export const MAX_ERROR_TEXTS = 1_048_576;

/** Of the web's classes, whose entries are all that they say. */
const PAIRS_BY_TAG: ReadonlySet<string> = new Set([
  '[object Headers]',
  '[object URLSearchParams]',
  '[object FormData]',
]);

/**
 * What says in fields and lists what an object of a built-in class holds inside; `undefined` for every other object. By
 * its inner class, not by `instanceof`, which does not know the classes of another realm.
 *
 * @param maxItems A collection longer than this is cut.
 */
export function standInFor(value: object, maxItems: number): unknown {
  // By the built-in's own methods: a subclass may have others, which need not come to an end.
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
