import { FileSegment } from './file-segment.ts';
import { segmentsBelow } from './owner-directory.ts';
import type { SegmentQueue } from './segment-queue.ts';

/** The most files at once: each has up to 8 MiB, which are read and written within the event loop. */
const MAX_FILES_AT_ONCE = 4;

/** The result of restoring segments whose files had lost their names. */
export interface Restored {
  /** Segments whose files were rewritten. */
  readonly segments: readonly FileSegment[];
  /** Number of records whose file is gone, because it was not open or is on another host's volume. */
  readonly lost: number;
  /** Whether there are more: then call it again. */
  readonly hasMore: boolean;
}

/**
 * Rewrites a few segments whose files are no longer in place, because they were removed, or another process took them
 * over with their directory. Own files are open and can still be read. Adopted ones are open only while they are read:
 * those that another process has are left to it, and those that are gone are lost.
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
  const segments: FileSegment[] = [];
  for (const segment of misplaced) {
    if (segments.length === MAX_FILES_AT_ONCE) return { segments, lost, hasMore: true };
    const content = contentOf(segment);
    if (content !== undefined) {
      segment.writeAgain(directory, content);
      segments.push(segment);
    } else if (segment.inFlight === 0) {
      lost += segment.records - segment.settled;
      (queues.own.segments.includes(segment) ? queues.own : queues.adopted).drop(segment, 'spool_removed');
    }
  }
  return { segments, lost, hasMore: false };
}

/**
 * `undefined` if nothing is left of the file. Over a network, even an open file is gone when another host that has
 * taken it over removes it.
 */
function contentOf(segment: FileSegment): Buffer | undefined {
  try {
    return segment.content();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESTALE') return undefined;
    throw error;
  }
}

function filesOf(queue: SegmentQueue): FileSegment[] {
  return queue.segments.filter((segment) => segment instanceof FileSegment);
}
