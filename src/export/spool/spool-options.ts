import type { Reporter } from '../../support/reporter.ts';
import type { ErasureMarks } from '../erasure/erasure-marks.ts';
import type { SpoolEvents } from './spool-events.ts';

export interface SpoolOptions {
  /** The absolute path of the root, without symbolic links. */
  readonly root: string;
  readonly maxBytes: number;
  /** Records from before this time have waited too long; `-Infinity` if none have. */
  readonly expiredBefore: () => number;
  readonly fsync: 'interval' | 'always' | 'never';
  readonly fsyncIntervalMillis: number;
  /** Which records are dropped when the disk is full: new ones, once memory is full too, or the oldest written ones. */
  readonly whenDiskFull: 'drop-newest' | 'drop-oldest';
  readonly now: () => number;
  readonly reporter: Reporter;
  readonly events: SpoolEvents;
  /** Called with the complete bytes of a resource found in an adopted segment. */
  readonly onResource: (blob: Buffer) => void;
  /** Marks of erased sessions in the root. */
  readonly marks?: ErasureMarks | undefined;
  /** Called when another process checks whether this one lives. */
  readonly onKnock?: (() => void) | undefined;
}
