/** Counters of a `DurableLogRecordProcessor`; never reset. */
export interface DurableStats {
  /** Records given to `onEmit`, those after shutdown left out. */
  readonly received: number;
  /** Records that the exporter acknowledged, resent ones of other processes included. */
  readonly exported: number;
  /** Records that the collector rejected; they are in the directory `dead`. */
  readonly rejected: number;
  /** Records waiting: of this process, and of dead processes whose segments were taken over. */
  readonly pending: { readonly own: number; readonly adopted: number };
  /**
   * What a newer version of this package left in the directory, before an upgrade was rolled back: it stays there until
   * that version runs again. Not among `pending` and `bytes`; no bound counts or drops it.
   */
  readonly newer: { readonly records: number; readonly bytes: number; readonly files: number };
  readonly bytes: number;
  readonly segments: number;
  /** Age of the oldest entry waiting, in milliseconds; 0 when none is. */
  readonly oldestAgeMillis: number;
  /** Records lost, by reason. */
  readonly lost: Readonly<Record<string, number>>;
}
