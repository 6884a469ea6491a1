/**
 * Facts that processors of this package tell `diagnose()`. All copies of the package in the process share them, and they are not a
 * part of the public interface.
 */
export class ProcessorFacts<Facts> {
  readonly #factsOf: WeakMap<object, () => Facts>;

  /** @param key Under which all copies of the package share them; its name has the version of their form. */
  constructor(key: symbol) {
    const holder = globalThis as Record<symbol, WeakMap<object, () => Facts> | undefined>;
    this.#factsOf = holder[key] ??= new WeakMap();
  }

  /** Registers how to ask a processor. */
  tell(processor: object, facts: () => Facts): void {
    this.#factsOf.set(processor, facts);
  }

  /** The facts of a processor that has told how to ask it; `undefined` for any other. */
  of(processor: unknown): Facts | undefined {
    return typeof processor === 'object' && processor !== null ? this.#factsOf.get(processor)?.() : undefined;
  }
}
