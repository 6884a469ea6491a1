import type { LogRecord } from '../otel/log-record.ts';

type Scope = LogRecord['instrumentationScope'];

/** Number of records of one instrumentation scope. */
export interface ScopeCount {
  readonly name: string;
  inside: number;
  outside: number;
  /** Of those outside sessions, how many had attributes that the SDK dropped. */
  cut: number;
}

const MAX_SCOPES = 1_000;

/** Counts records of other loggers by instrumentation scope. The SDK makes one scope object for each logger. */
export class ScopeCounts {
  readonly #counts = new Map<Scope, ScopeCount>();
  #last: Scope | undefined;
  #lastCount: ScopeCount = { name: '', inside: 0, outside: 0, cut: 0 };

  count(record: LogRecord, isInside: boolean): void {
    const { instrumentationScope: scope } = record;
    // A logger often emits several records in a row: compare before looking up.
    if (scope !== this.#last) this.#lastCount = this.#countOf(scope);
    if (isInside) this.#lastCount.inside += 1;
    else {
      this.#lastCount.outside += 1;
      if (record.droppedAttributesCount > 0) this.#lastCount.cut += 1;
    }
  }

  #countOf(scope: Scope): ScopeCount {
    this.#last = scope;
    const known = this.#counts.get(scope);
    if (known !== undefined) return known;
    const count = { name: scope?.name ?? 'unknown', inside: 0, outside: 0, cut: 0 };
    // Limited, because a program may make loggers without end.
    if (this.#counts.size < MAX_SCOPES) this.#counts.set(scope, count);
    return count;
  }

  /** The counts, added up by name, most frequent first. */
  list(): ScopeCount[] {
    const byName = new Map<string, ScopeCount>();
    for (const { name, inside, outside, cut } of this.#counts.values()) {
      const sum = byName.get(name) ?? { name, inside: 0, outside: 0, cut: 0 };
      byName.set(name, { name, inside: sum.inside + inside, outside: sum.outside + outside, cut: sum.cut + cut });
    }
    return [...byName.values()].toSorted((a, b) => b.inside + b.outside - a.inside - a.outside);
  }
}
