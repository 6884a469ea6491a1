import type { FramedEntry } from './codec/frame.ts';
import { RESOURCE_FORMATS } from './codec/origin-codec.ts';
import { VERSION } from './codec/record-format.ts';
import { ACKNOWLEDGEMENT_SUFFIX, SEGMENT_SUFFIX } from './segment-names.ts';

/**
 * The version rule of a spool: what a version of this package may change, so that an older one on the same directory (an
 * upgrade that was rolled back, two versions side by side) neither destroys nor misreads what it does not know.
 *
 * 1. The frame of an entry in a `.seg` or `.dead` file never changes: any version can step over an entry, check it and
 *    count its records. The first byte of the payload is its format. Any change in how a payload is read, one more flag
 *    included, takes a number that was never used. Payloads with records and payloads about none (`count` 0) have
 *    separate numbers.
 * 2. A file with another frame, or another acknowledgement, has another suffix. A file that an older version must not
 *    overlook has a name that begins with the id of its owner, or in `dead` with the time of its making. Files with any
 *    other name are not ours, and are ignored.
 * 3. An owner's directory is called `o-` and its id, lives as long as its socket `s` accepts, and holds what that owner
 *    had taken over in directories of the same kind. A layout that changes any of this has another prefix.
 *
 * What follows for a reader: a checksum that is wrong means damage. One that is right over a format, or a file of ours
 * with a suffix, that the reader does not know means a newer version, and then **the whole directory stays where it is**,
 * with what its owner had taken over. Not the entry or the file alone: an entry of a new kind may speak about records
 * that lie before it, in other files too, as a mark that a session was erased does, and to send those would be wrong.
 */
export function isKnownPayload({ count, payload }: Pick<FramedEntry, 'count' | 'payload'>): boolean {
  const [format] = payload;
  // The stand-alone bytes of a resource begin with their pool encoding, which serves as the format.
  return count > 0 ? format === VERSION : format !== undefined && format < RESOURCE_FORMATS;
}

/** Whether a file in the directory of an owner was made by a version of this package, of a kind that this one does not know. */
export function isUnknownFile(name: string, owner: string): boolean {
  if (!name.startsWith(owner)) return false;
  return !name.endsWith(SEGMENT_SUFFIX) && !name.endsWith(SEGMENT_SUFFIX + ACKNOWLEDGEMENT_SUFFIX);
}

/** What newer versions left in a spool, as far as this one can count it. */
export interface NewerContent {
  /** Records that are not acknowledged; those in files of an unknown kind are not among them. */
  readonly records: number;
  readonly bytes: number;
  readonly files: number;
}

export const NOTHING_NEWER: NewerContent = { records: 0, bytes: 0, files: 0 };

export function addNewer(a: NewerContent, b: NewerContent): NewerContent {
  return { records: a.records + b.records, bytes: a.bytes + b.bytes, files: a.files + b.files };
}
