/** Who waits for each signal. Entries leave with their signal. */
const watchers = new WeakMap<AbortSignal, AbortWatch>();

/**
 * Calls back when the signal aborts, until the function it returns is called.
 *
 * All share one listener: a server gives one signal to a thousand readers, and an eleventh listener makes Node warn of a
 * leak.
 */
export function watchAbort(signal: AbortSignal, callback: () => void): () => void {
  let watch = watchers.get(signal);
  if (watch === undefined) {
    watch = new AbortWatch(signal);
    watchers.set(signal, watch);
  }
  return watch.add(callback);
}

class AbortWatch {
  readonly #signal: AbortSignal;
  readonly #callbacks = new Set<() => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(callback: () => void): () => void {
    if (this.#callbacks.size === 0) this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#callbacks.add(callback);
    return () => {
      if (!this.#callbacks.delete(callback) || this.#callbacks.size > 0) return;
      this.#signal.removeEventListener('abort', this.#onAbort);
    };
  }

  readonly #onAbort = (): void => {
    const callbacks = [...this.#callbacks];
    this.#callbacks.clear();
    for (const callback of callbacks) callback();
  };
}
