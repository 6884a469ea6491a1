import { FileSegment } from './file-segment.ts';
import { segmentsBelow } from './owner-directory.ts';
import type { SegmentQueue } from './segment-queue.ts';

/** Each is up to 8 MiB, read and written within the event loop. */
const MAX_FILES_AT_ONCE = 4;

/** What became of segments whose files had lost their names. */
export interface Restored {
  /** Segments whose files were written again. */
  readonly segments: readonly FileSegment[];
  /** Records of whose file nothing is left: it was not open, or is on another host's volume. */
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
 * `undefined`: nothing is left of the file. Over a network it is gone for who has it open, too, when another host that has
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
