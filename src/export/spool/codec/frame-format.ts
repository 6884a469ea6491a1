import { HEADER_BYTES } from './frame.ts';

/**
 * The format number of a payload with records. Such a payload is, little endian: format (1 byte), pool encoding (1),
 * number of resources (2), length of the structure (4), length of the pool (4), time of writing in milliseconds (8),
 * number of scopes (2); then the structure, the pool, and each resource and scope preceded by its length (4).
 *
 * Payloads of other formats are refused. Every change, even one more flag or tag, needs a new number: see the version
 * rule in `known-format.ts`.
 */
export const RECORDS_FORMAT = 1;
/** Bytes of the payload before the structure. */
export const PREFIX_BYTES = 22;
/** The most records of a frame. */
export const MAX_FRAME_RECORDS = 512;
/**
 * The fewest bytes of a record: two for flags, eight for its time, one each for an empty body and no attributes. So
 * damaged bytes are believed only up to the number of records that they could hold.
 */
export const MIN_RECORD_BYTES = 12;
/** Offset of the structure in a frame. */
export const STRUCTURE_START: number = HEADER_BYTES + PREFIX_BYTES;

export const HAS_SEVERITY_NUMBER = 1;
export const HAS_SEVERITY_TEXT = 2;
export const HAS_EVENT_NAME = 4;
export const HAS_SPAN = 8;
export const HAS_DROPPED = 16;
export const HAS_SESSION = 32;
export const IS_NEW_ORIGIN = 64;
export const HAS_OBSERVED = 128;
/** Flags of the second byte. */
export const IS_ODD_TIME = 1;
export const HAS_ENTRY_ID = 2;

/** The session that a record belongs to, and its entry there. */
export interface SessionEntry {
  readonly sessionId: string;
  readonly entryId: string | undefined;
}
