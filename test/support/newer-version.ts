import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { HEADER_BYTES, readFrame, writeHeader } from '../../src/export/spool/codec/frame.ts';
import type { Frame } from '../../src/export/spool/codec/frame.ts';

/** A frame as a newer version would write it: the frame of all versions around a payload that this one does not know. */
export function newerFrame(
  format: number,
  count: number,
  ordinal: number,
  rest: Uint8Array = Buffer.from('?'),
): Buffer {
  const frame = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from([format]), rest]);
  writeHeader(frame, count, ordinal);
  return frame;
}

/** The frames of a file, all of them whole. */
export function framesOf(path: string): Frame[] {
  const bytes = readFileSync(path);
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at = (frames.at(-1) as Frame).end) {
    const frame = readFrame(bytes, at);
    if (typeof frame === 'string') throw new Error(`${frame} at ${at} of ${path}`);
    frames.push(frame);
  }
  return frames;
}

/** Gives frames on disk another format, their checksums with it, as if another version had written them. */
export function reformat(path: string, from: number, to: number): void {
  const bytes = readFileSync(path);
  for (const { start, end, payload } of framesOf(path)) {
    if (payload[0] !== from) continue;
    bytes[start + HEADER_BYTES] = to;
    bytes.writeUInt32LE(crc32(bytes.subarray(start + 8, end)), start + 4);
  }
  writeFileSync(path, bytes);
}

/** Every file below a directory with its bytes, to see that nothing was touched. */
export function snapshot(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((path) => [path, readFileSync(path).toString('base64')]));
}
