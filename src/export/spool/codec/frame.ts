import { crc32 } from 'node:zlib';

/**
 * The frame around an entry of a segment file, little endian. It is the same in every version: see the version rule in
 * `known-format.ts`.
 *
 * | bytes | what |
 * | --- | --- |
 * | 0-3 | magic |
 * | 4-7 | crc32 of everything after it |
 * | 8-11 | length of the payload |
 * | 12-15 | records in it; 0: the payload is about no record |
 * | 16-23 | number of the first record among all of its owner, from 1: a gap tells how many a damage took |
 * | 24- | payload; its first byte is its format |
 */
export const FRAME_BYTES = 24;

/** No text is likely to contain it: two of the bytes are no UTF-8. */
const MAGIC = Buffer.from([0xf5, 0x53, 0x4c, 0xfa]);

/** Fills the frame of an entry whose payload stands behind it already. */
export function writeFrame(entry: Buffer, count: number, ordinal: number): void {
  MAGIC.copy(entry, 0);
  entry.writeUInt32LE(entry.length - FRAME_BYTES, 8);
  entry.writeUInt32LE(count, 12);
  entry.writeUInt32LE(ordinal % 0x1_0000_0000, 16);
  entry.writeUInt32LE(Math.floor(ordinal / 0x1_0000_0000), 20);
  entry.writeUInt32LE(crc32(entry.subarray(8)), 4);
}

/** An entry found in a buffer. */
export interface FramedEntry {
  /** Where it begins and ends in the buffer. */
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly ordinal: number;
  readonly payload: Buffer;
}

/**
 * What stands at a place of a buffer: an entry; `'more'`: an entry may go on behind the buffer's end; `'damaged'`:
 * neither, the next entry has to be looked for.
 */
export function readFrame(buffer: Buffer, at: number): FramedEntry | 'more' | 'damaged' {
  const left = buffer.length - at;
  const magicBytes = Math.min(left, MAGIC.length);
  if (buffer.compare(MAGIC, 0, magicBytes, at, at + magicBytes) !== 0) return 'damaged';
  if (left < FRAME_BYTES) return 'more';
  const length = buffer.readUInt32LE(at + 8);
  const end = at + FRAME_BYTES + length;
  if (end > buffer.length) return 'more';
  if (crc32(buffer.subarray(at + 8, end)) !== buffer.readUInt32LE(at + 4)) return 'damaged';
  return {
    start: at,
    end,
    count: buffer.readUInt32LE(at + 12),
    ordinal: buffer.readUInt32LE(at + 16) + buffer.readUInt32LE(at + 20) * 0x1_0000_0000,
    payload: buffer.subarray(at + FRAME_BYTES, end),
  };
}

/** How many bytes the entry that begins here needs in all, as its frame says; the frame may be damaged. */
export function framedLength(buffer: Buffer, at: number): number {
  return buffer.length - at < FRAME_BYTES ? FRAME_BYTES : FRAME_BYTES + buffer.readUInt32LE(at + 8);
}

/** The next place where an entry might begin, `-1` when there is none; the last bytes may be the start of a magic. */
export function nextMagic(buffer: Buffer, from: number): number {
  return buffer.indexOf(MAGIC, from);
}
