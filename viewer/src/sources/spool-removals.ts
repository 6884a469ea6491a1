/** For so long after a record has gone, and shortly before, an acknowledgement means that it was delivered. */
const WAIT_MILLIS = 10_000;
const BEFORE_MILLIS = 2_000;

/**
 * Tells what became of records that are gone from a spool. The process removes a segment when all of it is delivered, and also when
 * the spool is full or the records are too old; the disk does not tell which. But nothing is delivered while no acknowledgement
 * moves and others still wait.
 */
export class SpoolRemovals<Token> {
  readonly #now: () => number;
  #waiting: { readonly tokens: readonly Token[]; readonly goneAt: number }[] = [];
  #acknowledgedAt = Number.NEGATIVE_INFINITY;

  /** @param now Milliseconds of a clock that never steps. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** An acknowledgement has moved. */
  noteAcknowledgement(): void {
    this.#acknowledgedAt = this.#now();
  }

  add(tokens: readonly Token[]): void {
    if (tokens.length > 0) this.#waiting.push({ tokens, goneAt: this.#now() });
  }

  /**
   * @param isRestDelivered All records that are left in the spool are acknowledged.
   * @returns The records that were delivered, and the number of those of which that is not known.
   */
  decide(isRestDelivered: boolean): { readonly delivered: Token[]; readonly unknown: number } {
    const delivered: Token[] = [];
    let unknown = 0;
    this.#waiting = this.#waiting.filter(({ tokens, goneAt }) => {
      const isDelivered = isRestDelivered || this.#acknowledgedAt >= goneAt - BEFORE_MILLIS;
      if (isDelivered) for (const token of tokens) delivered.push(token);
      const isOver = isDelivered || this.#now() - goneAt >= WAIT_MILLIS;
      if (isOver && !isDelivered) unknown += tokens.length;
      return !isOver;
    });
    return { delivered, unknown };
  }
}

interface Span {
  first: number;
  end: number;
  /** How many numbers in between were seen. */
  seen: number;
}

/** Counts records that were removed before they were read: the records of a process are numbered one by one. */
export class SeenNumbers {
  readonly #spans = new Map<string, Span>();

  /** The numbers from `first` up to `end` were seen. Each may be told once. */
  add(owner: string, first: number, end: number): void {
    if (end <= first) return;
    const span = this.#spans.get(owner) ?? { first, end, seen: 0 };
    span.first = Math.min(span.first, first);
    span.end = Math.max(span.end, end);
    span.seen += end - first;
    this.#spans.set(owner, span);
  }

  /** How many numbers between the first and the last one of a process were not seen. */
  get missed(): number {
    let missed = 0;
    for (const { first, end, seen } of this.#spans.values()) missed += Math.max(0, end - first - seen);
    return missed;
  }
}
