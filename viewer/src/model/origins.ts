import type { Origin } from './log-data.ts';
import { sizeOf } from './sizes.ts';

/** Most origins that are shared at a time, and the longest one that is. */
const MAX_SHARED = 1_000;
const MAX_SHARED_CHARS = 16_384;

/** An origin as records hold it, and how much memory it adds: none if it was held already. */
interface Held {
  readonly origin: Origin;
  readonly bytes: number;
}

/**
 * Makes one object of equal origins. Each request brings its own: for an application that sends every record by itself, the viewer
 * would hold the resource once for each record.
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

/** A key that equal origins share; `undefined` for an origin that is too long, or has values that JSON does not tell apart. */
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
