import { FileSegment } from './file-segment.ts';
import { segmentsBelow } from './owner-directory.ts';
import type { SegmentQueue } from './segment-queue.ts';

/** Each is up to 8 MiB, read and written within the event loop. */
const MAX_FILES_AT_ONCE = 4;

/** What became of segments whose files had lost their names. */
export interface Restored {
  /** Segments whose files were written again. */
  readonly segments: readonly FileSegment[];
  /** Records whose file was not open, so that nothing is left of it. */
  readonly lost: number;
  /** Whether there are more: to be called again. */
  readonly hasMore: boolean;
}

/**
 * Writes a few segments again whose files are not where they were made: they were removed, or another process has taken
 * them over with their directory. Own files are open and can be read all the same. Adopted ones are open only while they
 * are read: those that another process has are left to it, and what is nowhere any more is lost.
 *
 * Throws the error of the file system.
 *
 * @param directory The directory of this process, which is in place.
 */
export function restoreSegments(
  queues: { readonly own: SegmentQueue; readonly adopted: SegmentQueue },
  directory: string,
  root: string,
): Restored {
  const misplaced = filesOf(queues.own).filter((segment) => segment.directory !== directory || !segment.isInPlace);
  let lost = 0;
  let found: ReadonlySet<string> | undefined;
  for (const segment of filesOf(queues.adopted)) {
    if (segment.directory.startsWith(directory) || segment.isInPlace) continue;
    found ??= new Set(segmentsBelow(root));
    const isElsewhere = found.has(segment.name);
    if (segment.inFlight > 0 || (segment.isOpen && !isElsewhere)) misplaced.push(segment);
    else if (isElsewhere) queues.adopted.leave(segment);
    else {
      lost += segment.records - segment.settled;
      queues.adopted.drop(segment, 'spool_removed');
    }
  }
  const segments = misplaced.slice(0, MAX_FILES_AT_ONCE);
  for (const segment of segments) segment.writeAgain(directory);
  return { segments, lost, hasMore: misplaced.length > segments.length };
}

function filesOf(queue: SegmentQueue): FileSegment[] {
  return queue.segments.filter((segment) => segment instanceof FileSegment);
}
