/** Why records or entries were lost. Each loss is counted under one of these reasons. */
export type LossReason =
  | 'session_full'
  | 'store_full'
  | 'expired'
  | 'invalid_session'
  | 'after_shutdown'
  | 'redacted'
  | 'redaction_failed'
  | 'unstamped'
  | 'session_id_cut'
  | 'internal_error'
  | 'export_queue_full'
  | 'export_failed'
  | 'file_queue_full'
  | 'file_unwritable'
  | 'spool_full'
  | 'damaged'
  | 'disk_full'
  | 'spool_unwritable'
  | 'spool_removed'
  | 'too_large'
  | 'dead_full'
  | 'dead_unwritable'
  | 'unwritten_at_shutdown'
  | 'destination_failed'
  | 'destination_logged'
  | 'store_refused'
  | (string & {});

/** Counts losses by reason; never reset. */
export class LossCounters {
  readonly #counts = new Map<LossReason, number>();

  add(reason: LossReason, count = 1): void {
    if (count > 0) this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count);
  }

  get(reason: LossReason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** Returns a new plain object from reason to count, with only the reasons that occurred. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

/** Adds up counters by reason. */
export function addUp(...counters: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum = new LossCounters();
  for (const counts of counters) for (const [reason, count] of Object.entries(counts)) sum.add(reason, count);
  return sum.toJSON();
}
