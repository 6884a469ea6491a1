import { lstatSync } from 'node:fs';
import { basename, join } from 'node:path';

import { FileSegment } from './file-segment.ts';
import { addNewer, isUnknownFile, NOTHING_NEWER } from './known-format.ts';
import type { NewerContent } from './known-format.ts';
import { fileBytes, ownerIdOf, readDirectory } from './owner-directory.ts';
import { ownerOf, SEGMENT_SUFFIX } from './segment-names.ts';
import { scanSegment } from './segment-reader.ts';
import type { SegmentScan } from './segment-reader.ts';

/** A segment file and the result of a complete scan. */
export interface SegmentContent {
  readonly segment: FileSegment;
  readonly scan: SegmentScan;
}

/** The content of an owner directory. */
export interface OwnerContent {
  readonly directory: string;
  /** The segments, oldest first. */
  readonly segments: readonly SegmentContent[];
  /** Complete resources that were written after their records. */
  readonly resources: readonly Buffer[];
  /** Files of the spool of a kind that is unknown to this version. */
  readonly unknownFiles: readonly { readonly name: string; readonly bytes: number }[];
  /** Segments that cannot be read. */
  readonly unreadable: readonly { readonly path: string; readonly error: unknown }[];
  /** Whether a newer version wrote here: then everything is left to it, including what the owner had taken over. */
  readonly isOfNewer: boolean;
  /** The content of the owners that this one had taken over. */
  readonly adopted: readonly OwnerContent[];
}

/** Failures that do not concern the file: this process or the system has no descriptor left. */
const OUT_OF_DESCRIPTORS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE']);

/**
 * Reads everything in an owner directory without changing anything. Leaves out files that are removed meanwhile.
 *
 * Rejects if a directory cannot be listed or no file can be opened, because what was not read may be of a newer
 * version.
 */
export async function readOwner(directory: string): Promise<OwnerContent> {
  const segments: SegmentContent[] = [];
  const resources: Buffer[] = [];
  const unreadable: { path: string; error: unknown }[] = [];
  const adopted: OwnerContent[] = [];
  const { names, owners } = readDirectory(directory);
  for (const name of names.filter((each) => each.endsWith(SEGMENT_SUFFIX))) {
    try {
      const content = await segmentContent(directory, name, resources);
      if (content !== undefined) segments.push(content);
    } catch (error) {
      if (OUT_OF_DESCRIPTORS.has((error as NodeJS.ErrnoException).code)) throw error;
      unreadable.push({ path: join(directory, name), error });
    }
  }
  for (const name of owners) adopted.push(await readOwner(join(directory, name)));
  const unknownFiles = names
    .filter((name) => isUnknownFile(name, ownerIdOf(basename(directory))))
    .map((name) => ({ name, bytes: fileBytes(join(directory, name)) ?? 0 }));
  noteContent(segments);
  const isOfNewer = unknownFiles.length > 0 || segments.some(({ scan }) => scan.hasNewer);
  return { directory, segments, resources, unknownFiles, unreadable, isOfNewer, adopted };
}

/** The directories in which this version knows everything, the given one first. */
export function understood(content: OwnerContent): OwnerContent[] {
  return content.isOfNewer ? [] : [content, ...content.adopted.flatMap(understood)];
}

/** The part of the content that is left to a newer version. */
export function newerIn(content: OwnerContent): NewerContent {
  const own = content.isOfNewer ? totalOf(content) : NOTHING_NEWER;
  return content.isOfNewer ? own : content.adopted.map(newerIn).reduce(addNewer, own);
}

function totalOf({ segments, unknownFiles, adopted }: OwnerContent): NewerContent {
  const own: NewerContent = {
    records: segments.reduce((sum, { scan }) => sum + scan.records - scan.damaged, 0),
    bytes: [...segments.map(({ segment }) => segment), ...unknownFiles].reduce((sum, { bytes }) => sum + bytes, 0),
    files: segments.length + unknownFiles.length,
  };
  return adopted.map(totalOf).reduce(addNewer, own);
}

async function segmentContent(
  directory: string,
  name: string,
  resources: Buffer[],
): Promise<SegmentContent | undefined> {
  const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
  if (stats?.isFile() !== true) return undefined;
  const segment = FileSegment.adopt(directory, name, stats.size, stats.mtimeMs);
  try {
    const scan = await scanSegment(segment, (frame) => {
      if (frame.count === 0) resources.push(Buffer.from(frame.payload));
    });
    return { segment, scan };
  } catch (error) {
    // The owner has removed it, or another process has moved it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    segment.close();
  }
}

function noteContent(segments: readonly SegmentContent[]): void {
  let previous: FileSegment | undefined;
  for (const { segment, scan } of segments) {
    if (previous !== undefined && ownerOf(previous.name) === ownerOf(segment.name)) {
      previous.correctEnd(segment.firstOrdinal);
    }
    segment.setContent(scan);
    previous = segment;
  }
}
