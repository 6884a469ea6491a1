import { MAX_DEPTH } from './payload-writer.ts';

/** Values one record may hold on this path; an object graph that shares its nodes can stand for any number. */
const MAX_VALUES = 100_000;

/**
 * A copy of any value that can always be written: what is cyclic, deeper than `MAX_DEPTH`, beyond 100,000 values, or
 * throws when read is replaced by a text that says so. Slow; for the rare record that could not be written as it is.
 */
export function toPlainValue(value: unknown): unknown {
  return new PlainCopy().copy(value);
}

/** The result of `read`, or a text in its place when it throws. */
export function readSafely(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return `[unreadable: ${messageOf(error)}]`;
  }
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    // Even the error's own text throws.
    return 'error';
  }
}

class PlainCopy {
  readonly #ancestors: object[] = [];
  #values = 0;

  copy(value: unknown): unknown {
    if (value === null || typeof value !== 'object') return value;
    if (value instanceof Uint8Array) return value;
    if (this.#ancestors.includes(value)) return '[circular]';
    // One level is left for the record's own attributes.
    if (this.#ancestors.length >= MAX_DEPTH - 1) return '[too deep]';
    if ((this.#values += 1) > MAX_VALUES) return '[truncated]';
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
    return (this.#values += 1) <= MAX_VALUES;
  }
}
