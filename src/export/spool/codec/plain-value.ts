import { types } from 'node:util';

import { messageOf } from '../../../support/errors.ts';
import { MAX_VALUE_DEPTH } from './payload-writer.ts';

/** The most values that are copied: an object graph with shared nodes can expand without limit. */
const MAX_COPIED_VALUES = 100_000;

/**
 * Copies any value into one that can always be written: replaces parts that are cyclic, deeper than `MAX_VALUE_DEPTH`,
 * beyond 100,000 values, or throw when read by a text that says so. It is slow, and used only for the rare record that
 * cannot be written as it is.
 */
export function toPlainValue(value: unknown): unknown {
  return new PlainCopy().copy(value);
}

/** Returns the result of `read`, or, if it throws, a text that says so. */
export function readSafely(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return `[unreadable: ${messageOf(error)}]`;
  }
}

class PlainCopy {
  readonly #ancestors: object[] = [];
  #values = 0;

  copy(value: unknown): unknown {
    if (value === null || typeof value !== 'object') return value;
    if (types.isUint8Array(value)) return value;
    if (this.#ancestors.includes(value)) return '[circular]';
    // One level is reserved for the record's attributes.
    if (this.#ancestors.length >= MAX_VALUE_DEPTH - 1) return '[too deep]';
    if ((this.#values += 1) > MAX_COPIED_VALUES) return '[truncated]';
    this.#ancestors.push(value);
    try {
      return this.#copyObject(value);
    } finally {
      this.#ancestors.pop();
    }
  }

  #copyObject(value: object): unknown {
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (let i = 0; i < value.length && this.#hasRoom(); i += 1) items.push(this.copy(readSafely(() => value[i])));
      return items;
    }
    const toJson = readSafely(() => (value as { toJSON?: unknown }).toJSON);
    if (typeof toJson === 'function') return this.copy(readSafely(() => toJson.call(value) as unknown));
    const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    const keys = readSafely(() => Object.keys(value));
    if (!Array.isArray(keys)) return keys;
    for (const key of keys as string[]) {
      if (!this.#hasRoom()) break;
      copy[key] = this.copy(readSafely(() => (value as Record<string, unknown>)[key]));
    }
    return copy;
  }

  #hasRoom(): boolean {
    return (this.#values += 1) <= MAX_COPIED_VALUES;
  }
}
