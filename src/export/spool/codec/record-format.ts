import { FRAME_BYTES } from './frame.ts';

/**
 * The payload of an entry with records, little endian: format (1 byte), pool encoding (1), resources (2), structure
 * length (4), pool length (4), time of writing in milliseconds (8), scopes (2); then structure, pool, and each resource
 * and scope with its length (4) in front.
 *
 * Other formats are refused, never guessed at. Whatever changes here, one flag or one tag more included, takes a new
 * number: see the version rule in `known-format.ts`.
 */
export const VERSION = 1;
export const PREFIX_BYTES = 22;
/** Where the structure begins in an entry. */
export const START: number = FRAME_BYTES + PREFIX_BYTES;

export const HAS_SEVERITY_NUMBER = 1;
export const HAS_SEVERITY_TEXT = 2;
export const HAS_EVENT_NAME = 4;
export const HAS_SPAN = 8;
export const HAS_DROPPED = 16;
export const HAS_SESSION = 32;
export const IS_NEW_ORIGIN = 64;
export const HAS_OBSERVED = 128;
/** In the second byte. */
export const IS_ODD_TIME = 1;
export const HAS_ENTRY_ID = 2;

/** Which entry of which session a record is. */
export interface SessionMark {
  readonly sessionId: string;
  readonly entryId: string | undefined;
}
