import { catchRejection, reporterFor } from '../support/reporter.ts';

/** Entries that were evicted before the reader reached them: their number, or `-1` if unknown. */
export interface Gap {
  readonly missed: number;
}

const reporter = reporterFor('reader');

/**
 * Tells `onGap` how many entries were missed since the last report. Without `onGap`, warns of the reader's first gap.
 * Never throws.
 *
 * @param missed Number of entries missed so far; `-1` if unknown.
 * @param reported Number of them that were already reported.
 */
export function reportGap(onGap: ((gap: Gap) => void) | undefined, missed: number, reported: number): void {
  if (onGap !== undefined) {
    try {
      catchRejection(onGap({ missed: missed === -1 ? -1 : missed - reported }), reportThrow);
    } catch (error) {
      reportThrow(error);
    }
  } else if (reported === 0) {
    const count = missed === -1 ? 'an unknown number of' : String(missed);
    reporter.warn(`a reader missed ${count} entries that were evicted before it reached them`);
  }
}

function reportThrow(error: unknown): void {
  reporter.limited('onGap', 'onGap threw', error);
}
