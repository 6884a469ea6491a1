import type { Reporter } from '../../diagnostics.ts';
import { FileSegment, ownerOf } from './file-segment.ts';
import type { AdoptedFile } from './owner-directory.ts';
import { scanSegment } from './segment-reader.ts';

/**
 * Reads the segments of dead owners once, oldest first: how many records each holds, and the attributes of resources
 * that came after the records they belong to.
 *
 * Never rejects: a file that cannot be read stays where it is.
 *
 * @param onResource The complete bytes of a resource.
 */
export async function scanAdopted(
  files: readonly AdoptedFile[],
  onResource: (blob: Buffer) => void,
  reporter: Reporter,
): Promise<FileSegment[]> {
  const segments: FileSegment[] = [];
  for (const { directory, name, bytes, newestMillis } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const segment = FileSegment.adopt(directory, name, bytes, newestMillis);
    try {
      const scan = await scanSegment(segment, (entry) => {
        if (entry.count === 0) onResource(Buffer.from(entry.payload));
      });
      const previous = segments.at(-1);
      if (previous !== undefined && ownerOf(previous.name) === ownerOf(name)) previous.correctEnd(segment.firstOrdinal);
      segment.setContent(scan);
      segments.push(segment);
    } catch (error) {
      reporter.warn(`the segment ${segment.path} cannot be read; it stays where it is`, error);
    } finally {
      segment.close();
    }
  }
  return segments;
}
