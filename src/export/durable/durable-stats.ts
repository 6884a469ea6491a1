/** Counters of a `DurableLogRecordProcessor`; never reset. */
export interface DurableStats {
  /** Records given to `onEmit` before shutdown. */
  readonly received: number;
  /** Records that the exporter acknowledged, with those adopted from other processes. */
  readonly exported: number;
  /** Records that the collector rejected; they are in the directory `dead`. */
  readonly rejected: number;
  /** Records that wait: those of this process, and those of dead processes that were taken over. */
  readonly pending: { readonly own: number; readonly adopted: number };
  /**
   * What a newer version of this package left in the directory before an upgrade was rolled back. It stays there until
   * that version runs again, is not part of `pending` and `bytes`, and no bound counts or drops it.
   */
  readonly newer: { readonly records: number; readonly bytes: number; readonly files: number };
  readonly bytes: number;
  readonly segments: number;
  /** Age of the oldest segment with waiting records, in milliseconds; 0 when no record waits. */
  readonly oldestAgeMillis: number;
  /** Records lost, by reason. */
  readonly lost: Readonly<Record<string, number>>;
}
