import type { Origin } from './log-data.ts';
import { sizeOf } from './value.ts';

/** Origins that are known at a time, and the longest that is shared. */
const MAX_SHARED = 1_000;
const MAX_SHARED_CHARS = 16_384;

/** An origin as records hold it, and what it takes of memory beside those that are held already. */
interface Held {
  readonly origin: Origin;
  readonly bytes: number;
}

/**
 * Equal origins are one object. Each request brings its own, and an application that sends each record by itself would have its
 * resource held as often as there are records.
 */
export class Origins {
  readonly #seen = new WeakMap<Origin, Origin>();
  readonly #shared = new Map<string, Origin>();

  hold(origin: Origin): Held {
    const seen = this.#seen.get(origin);
    if (seen !== undefined) return { origin: seen, bytes: 0 };
    const key = keyOf(origin);
    const shared = key === undefined ? undefined : this.#shared.get(key);
    this.#seen.set(origin, shared ?? origin);
    if (shared !== undefined) return { origin: shared, bytes: 0 };
    if (key !== undefined) {
      const [oldest] = this.#shared.keys();
      if (this.#shared.size >= MAX_SHARED && oldest !== undefined) this.#shared.delete(oldest);
      this.#shared.set(key, origin);
    }
    const { resource, scopeAttributes, scopeName, scopeVersion } = origin;
    return { origin, bytes: sizeOf(resource) + sizeOf(scopeAttributes) + sizeOf(scopeName) + sizeOf(scopeVersion) };
  }
}

/** Equal for equal origins; `undefined` for one that is long, or has values that JSON does not tell apart. */
function keyOf(origin: Origin): string | undefined {
  let isExact = true;
  const key = JSON.stringify(origin, (_, value: unknown) => {
    const isJson = typeof value === 'number' ? Number.isFinite(value) : typeof value !== 'bigint';
    if (isJson && !(value instanceof Uint8Array)) return value;
    isExact = false;
    return null;
  });
  return isExact && key.length <= MAX_SHARED_CHARS ? key : undefined;
}
