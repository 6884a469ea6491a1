/** Counters of a `DurableLogRecordProcessor`; never reset. */
export interface DurableStats {
  /** Records that `onEmit` got before shutdown. */
  readonly received: number;
  /** Records that the exporter acknowledged, including those adopted from other processes. */
  readonly exported: number;
  /** Records that the collector rejected; they are in the directory `dead`. */
  readonly rejected: number;
  /** Waiting records: those of this process, and those adopted from dead processes. */
  readonly pending: { readonly own: number; readonly adopted: number };
  /**
   * What a newer version of this package left in the directory before an upgrade was rolled back. It stays there until
   * that version runs again, is not part of `pending` and `bytes`, and no limit counts or drops it.
   */
  readonly newer: { readonly records: number; readonly bytes: number; readonly files: number };
  readonly bytes: number;
  readonly segments: number;
  /** Age of the oldest segment with waiting records, in milliseconds; 0 if no record waits. */
  readonly oldestAgeMillis: number;
  /** Lost records, by reason. */
  readonly lost: Readonly<Record<string, number>>;
}
