export const SEGMENT_SUFFIX = '.seg';
export const ACKNOWLEDGEMENT_SUFFIX = '.ack';
/** Prefix of a segment that is being rewritten. One that is left over was never used and is removed. */
export const REWRITING_PREFIX = '.rewriting-';

const ORDINAL_DIGITS = 15;

/** @param owner Unique across processes and restarts; sorts by the time of its start. */
export function segmentName(owner: string, firstOrdinal: number): string {
  return `${owner}-${String(firstOrdinal).padStart(ORDINAL_DIGITS, '0')}${SEGMENT_SUFFIX}`;
}

/** The number of the first record of a segment, read from its name. */
export function firstOrdinalOf(name: string): number {
  return Number(name.slice(-ORDINAL_DIGITS - SEGMENT_SUFFIX.length, -SEGMENT_SUFFIX.length)) || 1;
}

/** The id of the owner of a segment, read from its name. */
export function ownerOf(name: string): string {
  return name.slice(0, -ORDINAL_DIGITS - SEGMENT_SUFFIX.length - 1);
}
