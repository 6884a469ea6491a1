export const SEGMENT_SUFFIX = '.seg';
export const ACKNOWLEDGEMENT_SUFFIX = '.ack';

const ORDINAL_DIGITS = 15;

/** @param owner Unique over processes and restarts, sortable by its start. */
export function segmentName(owner: string, firstOrdinal: number): string {
  return `${owner}-${String(firstOrdinal).padStart(ORDINAL_DIGITS, '0')}${SEGMENT_SUFFIX}`;
}

/** The number of its first record, as its name says. */
export function firstOrdinalOf(name: string): number {
  return Number(name.slice(-ORDINAL_DIGITS - SEGMENT_SUFFIX.length, -SEGMENT_SUFFIX.length)) || 1;
}

/** What the name of an owner's segment begins with. */
export function ownerOf(name: string): string {
  return name.slice(0, -ORDINAL_DIGITS - SEGMENT_SUFFIX.length - 1);
}
