import { crc32 } from 'node:zlib';

/**
 * The length of a frame's header. A segment file is a sequence of frames, each a header and a payload: up to 512 log
 * records, or late attributes of a resource. The header is little endian and the same in every version, see the version
 * rule in `known-format.ts`.
 *
 * | bytes | what |
 * | --- | --- |
 * | 0-3 | magic |
 * | 4-7 | crc32 of everything after it |
 * | 8-11 | length of the payload in bytes |
 * | 12-15 | number of records in the payload; 0: it holds none |
 * | 16-23 | number of the first record among all records of the owner, from 1: a gap shows how many records are damaged |
 * | 24- | payload; its first byte is its format |
 */
export const HEADER_BYTES = 24;

/** Text cannot contain it in UTF-8, where two of the bytes never occur. */
const MAGIC = Buffer.from([0xf5, 0x53, 0x4c, 0xfa]);

/** Writes the header of a frame whose payload is already in place. */
export function writeHeader(frame: Buffer, count: number, ordinal: number): void {
  MAGIC.copy(frame, 0);
  frame.writeUInt32LE(frame.length - HEADER_BYTES, 8);
  frame.writeUInt32LE(count, 12);
  frame.writeUInt32LE(ordinal % 0x1_0000_0000, 16);
  frame.writeUInt32LE(Math.floor(ordinal / 0x1_0000_0000), 20);
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
}

/** A frame found in a buffer. */
export interface Frame {
  /** Start and end in the buffer. */
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly ordinal: number;
  readonly payload: Buffer;
}

/**
 * Reads the frame at a position of a buffer. `'more'`: a frame may begin here but continue beyond the buffer.
 * `'damaged'`: no frame begins here, and the caller has to search for the next one.
 */
export function readFrame(buffer: Buffer, at: number): Frame | 'more' | 'damaged' {
  const left = buffer.length - at;
  const magicBytes = Math.min(left, MAGIC.length);
  if (buffer.compare(MAGIC, 0, magicBytes, at, at + magicBytes) !== 0) return 'damaged';
  if (left < HEADER_BYTES) return 'more';
  const length = buffer.readUInt32LE(at + 8);
  const end = at + HEADER_BYTES + length;
  if (end > buffer.length) return 'more';
  if (crc32(buffer.subarray(at + 8, end)) !== buffer.readUInt32LE(at + 4)) return 'damaged';
  return {
    start: at,
    end,
    count: buffer.readUInt32LE(at + 12),
    ordinal: buffer.readUInt32LE(at + 16) + buffer.readUInt32LE(at + 20) * 0x1_0000_0000,
    payload: buffer.subarray(at + HEADER_BYTES, end),
  };
}

/**
 * The length in bytes, including the header, of the frame that begins here, as its header says. The header may be
 * damaged.
 */
export function frameLength(buffer: Buffer, at: number): number {
  return buffer.length - at < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + buffer.readUInt32LE(at + 8);
}

/** The next position where a frame may begin, or `-1`. A magic that is cut by the end of the buffer is not found. */
export function nextMagic(buffer: Buffer, from: number): number {
  return buffer.indexOf(MAGIC, from);
}
