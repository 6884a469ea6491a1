import type { Frame } from './codec/frame.ts';
import { RESOURCE_FORMATS } from './codec/origin-codec.ts';
import { RECORDS_FORMAT } from './codec/frame-format.ts';
import { ACKNOWLEDGEMENT_SUFFIX, SEGMENT_SUFFIX } from './segment-names.ts';

/**
 * The version rule of a spool: what a version of this package may change, so that an older version on the same
 * directory (after a rolled-back upgrade, or when two versions run at the same time) neither destroys nor misreads what
 * it does not know.
 *
 * 1. The header of a frame in a `.seg` or `.dead` file never changes: every version can step over a frame, check it and
 *    count its records. The first byte of the payload is its format. Every change in how a payload is read, even one
 *    more flag, needs a format number that was never used. Payloads with records and payloads without (`count` 0) are
 *    numbered separately.
 * 2. A file with another frame header, or another kind of acknowledgement, has another suffix. A file that an older
 *    version must not overlook has a name that begins with the id of its owner or, in `dead`, with the time when it was
 *    made. Files with any other name do not belong to the spool and are ignored.
 * 3. An owner's directory is named `o-` followed by its id. The owner is alive while the socket `s` in it accepts, or,
 *    seen from elsewhere, while the content of the file `h` changes at least every 10 s (`owner-watch.ts`). The
 *    directory holds those that the owner has taken over, in the same form. A layout that changes any of this has
 *    another prefix.
 *
 * For a reader this means: a wrong checksum is damage. A correct checksum over an unknown format, or a file of the
 * spool with an unknown suffix, comes from a newer version, and then **the whole directory stays where it is**, with
 * those that its owner has taken over. Leaving only that frame or file would be wrong: a frame of a new kind may say
 * something about earlier records, in other files too (for example that their session was erased), and those must then
 * not be sent.
 */
export function isKnownPayload({ count, payload }: Pick<Frame, 'count' | 'payload'>): boolean {
  const [format] = payload;
  // The bytes of a resource begin with their pool encoding, which serves as the format.
  return count > 0 ? format === RECORDS_FORMAT : format !== undefined && format < RESOURCE_FORMATS;
}

/** Whether a file in an owner's directory belongs to the spool but is of a kind that only a newer version knows. */
export function isUnknownFile(name: string, owner: string): boolean {
  if (!name.startsWith(owner)) return false;
  return !name.endsWith(SEGMENT_SUFFIX) && !name.endsWith(SEGMENT_SUFFIX + ACKNOWLEDGEMENT_SUFFIX);
}

/** Content that newer versions left in a spool, as far as this version can count it. */
export interface NewerContent {
  /** Unacknowledged records, without those in files of an unknown kind. */
  readonly records: number;
  readonly bytes: number;
  readonly files: number;
}

export const NOTHING_NEWER: NewerContent = { records: 0, bytes: 0, files: 0 };

export function addNewer(a: NewerContent, b: NewerContent): NewerContent {
  return { records: a.records + b.records, bytes: a.bytes + b.bytes, files: a.files + b.files };
}
