import { catchRejection, reporterFor } from '../support/reporter.ts';

/** A number of entries that were evicted before the reader came to them; `-1` when it cannot be known. */
export interface Gap {
  readonly missed: number;
}

const reporter = reporterFor('reader');

/**
 * Tells `onGap` how many entries were missed since the last report. Without `onGap` the first gap of a reader is a
 * warning. Never throws.
 *
 * @param missed All entries missed so far; `-1` when that cannot be known.
 * @param reported How many of them were reported before.
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
    reporter.warn(`a reader missed ${count} entries that were evicted before it came to them`);
  }
}

function reportThrow(error: unknown): void {
  reporter.limited('onGap', 'onGap threw', error);
}
